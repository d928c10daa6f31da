// What can go wrong in the service, as a value: an HTTP status for the client and a sentence for a person.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace shop {

struct Failure {
  int status;           // 4xx: the client's fault; 503: the database is away, try again; 500: ours
  std::string message;  // one sentence, no trailing period
};

template <class T>
using Result = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(int status, std::string message) {
  return std::unexpected(Failure{status, std::move(message)});
}

}  // namespace shop
