// One read: what it asks, what it must show at least, and whether its reply is possible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connection.h"
#include "model.h"

namespace pgweir::freshness {

// One thread at a time.
class Read {
 public:
  // A shape of the kind, with cells chosen; some are chosen more often, so that they are hit.
  Read(Model& model, std::size_t kind, Random& random);
  // This shape, of one cell.
  Read(Model& model, std::size_t kind, const Shape& shape, int id);

  const Statement& statement() const { return statement_; }
  const char* text() const { return shape_.text; }
  // Takes the floors. To be called before the statement is sent.
  void begin(Nanos now, const Snapshot* snapshot = nullptr);
  // All that is wrong with a reply, with the evidence.
  // REQUIRES: begin() was called, and the reply is done.
  std::vector<std::string> judge(const Reply& reply, const Event& event, Snapshot* snapshot = nullptr);
  // The version of the one cell that was asked for; nothing: no row.
  static std::optional<Version> version_in(const Reply& reply);
  // Whether the one cell that was asked for shows this.
  static bool shows(const Reply& reply, std::optional<Version> version, bool or_later);

 private:
  struct Asked {
    Cell* cell;
    int id;
    Floor floor;
  };
  struct Versions {
    std::optional<Version> version;
    bool agree = true;
  };

  void ask(int id, int other);
  std::vector<std::string> judge_rows(const Reply& reply, const Event& event, Snapshot* snapshot);
  std::optional<std::string> judge_sum(const Reply& reply) const;
  static std::map<int, Versions> read_rows(const std::vector<Row>& rows);

  Model& model_;
  const std::size_t kind_;
  const Shape& shape_;
  Statement statement_;
  std::vector<Asked> asked_;
};

}  // namespace pgweir::freshness
