// What a Catalog holds. Internal to catalog.cc and catalog_builder.cc.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "query/catalog.h"

namespace pgweir::query {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

template <class T>
using ByName = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;

struct ForeignKey {
  Oid referencing = 0;
  char on_delete = 'a';  // pg_constraint: a no action, r restrict, c cascade, n set null, d set default
  char on_update = 'a';
};

struct View {
  std::string definition;
  enum class State : std::uint8_t { kUnknown, kResolving, kReady } state = State::kUnknown;
  ViewFacts facts;
};

struct Catalog::Tables {
  std::unordered_map<Oid, Relation> relations;
  ByName<std::vector<const Relation*>> relations_by_name;
  ByName<FunctionFacts> functions;
  ByName<std::vector<Overload>> overloads;
  ByName<OperatorFacts> operators;
  ByName<TypeFacts> types;
  std::unordered_map<Oid, std::vector<ForeignKey>> foreign_keys;  // by referenced relation
  // Resolved at first use, one view at a time; a view may need another.
  std::recursive_mutex views_mutex;
  std::unordered_map<Oid, View> views;
  int view_depth = 0;
};

}  // namespace pgweir::query
