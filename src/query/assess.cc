#include "query/assess.h"

#include <algorithm>
#include <array>
#include <utility>

#include "query/volatile_functions.h"

namespace pgweir::query {
namespace {

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The array type of t can be written _t.
std::string_view element_name(std::string_view type) { return type.starts_with('_') ? type.substr(1) : type; }

bool is_time_type(std::string_view type) {
  static constexpr std::array<std::string_view, 10> kTypes = {
      "date",    "time",      "timestamp",      "timestamptz",  "daterange",
      "tsrange", "tstzrange", "datemultirange", "tsmultirange", "tstzmultirange"};
  return contains(kTypes, element_name(type));
}

// Input and output look names up in system catalogs.
bool is_catalog_type(std::string_view type) {
  const std::string_view element = element_name(type);
  return element.starts_with("reg") || element == "aclitem";
}

std::string text_of(const Name& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

class Assessor {
 public:
  Assessor(const Statement& statement, const Catalog& catalog, const SearchPath& path, const Lifts& lifts)
      : statement_(statement), catalog_(catalog), path_(path), lifts_(lifts) {}

  Assessment run(bool time_word) {
    constructs(time_word);
    for (const RelationUse& use : statement_.reads) relation_use(use);
    for (const Name& name : statement_.functions) function(name);
    for (const Name& name : statement_.fields) field(name);
    for (const OperatorUse& use : statement_.operators) operator_use(use);
    for (const CastUse& use : statement_.casts) cast(use);
    added_casts();
    if (out_.reads.empty()) note(Reason::kNoTable, {});
    return std::move(out_);
  }

 private:
  void note(Reason reason, std::string detail) {
    if (out_.reason != Reason::kNone || (lifts_.accept_ttl && accept_ttl_lifts(reason))) return;
    out_.reason = reason;
    out_.detail = std::move(detail);
  }

  void constructs(bool time_word) {
    if (!statement_.unsupported.empty()) {
      // What it holds was not walked.
      note(Reason::kUnsupportedSyntax, statement_.unsupported);
      out_.runs_code = true;
    }
    if (!statement_.refused.empty()) note(Reason::kUnsupportedSyntax, statement_.refused);
    if (statement_.locking) note(Reason::kLocking, {});
    if (statement_.tablesample) note(Reason::kTablesample, {});
    if (statement_.time_function) note(Reason::kTimeFunction, {});
    if (statement_.session_function) note(Reason::kSessionFunction, {});
    if (time_word) note(Reason::kTimeLiteral, {});
  }

  void relation_use(const RelationUse& use) {
    if (use.name.schema.starts_with("pg_temp")) {
      out_.unknown_relation = true;
      return note(Reason::kTempRelation, text_of(use.name));
    }
    const Relation* const found = use.other_database ? nullptr : catalog_.find_relation(use.name, path_);
    if (found == nullptr) {
      out_.unknown_relation = true;
      return note(Reason::kUnknownRelation, text_of(use.name));
    }
    relation(*found);
    for (const Oid child : found->descendants) {
      if (const Relation* const descendant = catalog_.relation(child)) relation(*descendant);
    }
  }

  void relation(const Relation& relation) {
    out_.reads.insert(relation.oid);
    out_.runs_code = out_.runs_code || relation.read_runs_code;
    user_types_ = user_types_ || relation.user_types;
    user_casts_ = user_casts_ || relation.user_casts;
    type_effects_ = type_effects_ || relation.type_effects;
    const std::string name = relation.schema + "." + relation.name;
    if (relation.system) return note(Reason::kSystemCatalog, name);
    switch (relation.kind) {
      case 'r':
      case 'p':
        break;
      case 'v':
        view(relation, name);
        break;
      case 'm':
        note(Reason::kMaterializedView, name);
        break;
      case 'f':
        // Whatever the other server does in return is a write made elsewhere.
        note(Reason::kForeignTable, name);
        break;
      case 'S':
        note(Reason::kSequence, name);
        break;
      default:
        note(Reason::kUnsupportedSyntax, name);
    }
    if (relation.persistence == 't') note(Reason::kTempRelation, name);
    if (relation.persistence == 'u') note(Reason::kUnloggedRelation, name);
    out_.row_security = out_.row_security || relation.row_security;
    if (relation.row_security) note(Reason::kRowSecurity, name);
    if (relation.has_rules) note(Reason::kRewriteRule, name);
    if (relation.column_reason != Reason::kNone) note(relation.column_reason, name);
  }

  void view(const Relation& relation, const std::string& name) {
    const ViewFacts& facts = catalog_.view(relation);
    out_.reads.insert(facts.reads.begin(), facts.reads.end());
    out_.unseen_reads.insert(facts.reads.begin(), facts.reads.end());
    out_.runs_code = out_.runs_code || facts.runs_code;
    const ViewFacts::Obstacle& obstacle = lifts_.accept_ttl ? facts.under_accept_ttl : facts.obstacle;
    if (obstacle.reason == Reason::kNone || obstacle.reason == Reason::kNoTable) return;
    std::string detail = name + ": " + std::string(reason_name(obstacle.reason));
    if (!obstacle.detail.empty()) detail += " " + obstacle.detail;
    note(Reason::kView, std::move(detail));
  }

  // Expressions may hold values of types that are not built in.
  bool user_types_possible() const { return user_types_ || catalog_.implicit_cast_to_user_type(); }

  // A function that a rule vouches for, by every meaning that the name may have here.
  bool trusted(const Name& name) const { return trusts_added(lifts_.trust, name, catalog_, path_); }

  void function(const Name& name) {
    const FunctionFacts facts = catalog_.function(name.name);
    const bool added = facts.user_on_builtin_types || facts.user_on_user_types;
    const bool catalog_only = name.schema == "pg_catalog";
    if (!name.schema.empty() && !catalog_only) {
      if (added && trusted(name)) return;
      // Not in the snapshot: made since, so it may do anything.
      out_.runs_code = out_.runs_code || facts.user_has_effects || !added;
      return note(Reason::kUserFunction, text_of(name));
    }
    const bool known = facts.builtin != Volatility::kUnknown;
    const bool captured =
        facts.user_on_builtin_types || (facts.user_on_user_types && (user_types_possible() || !known));
    if (captured && !catalog_only && !trusted(name)) {
      out_.runs_code = out_.runs_code || facts.user_has_effects;
      note(Reason::kUserFunction, name.name);
    }
    if (known) return builtin_function(name.name, facts.builtin);
    if (!added || catalog_only) function_not_found(name);
  }

  void builtin_function(const std::string& name, Volatility volatility) {
    if (volatility == Volatility::kImmutable) return type_in_call_syntax(name);
    if (trusts_builtin(lifts_.trust, name)) return;
    note(Reason::kVolatileFunction, name);
    if (volatility == Volatility::kStable) {
      // These read whole relations, views included, by a name given as a value.
      if (name.find("_to_xml") != std::string::npos) out_.runs_code = true;
      return;
    }
    switch (volatile_effect(name)) {
      case VolatileEffect::kNone:
        return;
      case VolatileEffect::kState:
        out_.changes_state = true;
        return;
      case VolatileEffect::kSettings:
        out_.changes_settings = true;
        return;
      case VolatileEffect::kAnything:
        out_.runs_code = true;
    }
  }

  void function_not_found(const Name& name) {
    // PostgreSQL 13 has no pg_catalog.extract: there the grammar makes it date_part.
    if (name.name == "extract" && name.schema == "pg_catalog") return function({name.schema, "date_part"});
    if (catalog_.type(name.name).builtin) return note(Reason::kUnsupportedSyntax, "cast " + name.name);
    out_.runs_code = true;
    note(Reason::kUserFunction, text_of(name));
  }

  // name(x) is a cast where no function fits and a type has that name.
  void type_in_call_syntax(const std::string& name) {
    const TypeFacts type = catalog_.type(name);
    if (!type.user_base || (type.builtin && path_.catalog_first())) return;
    out_.runs_code = out_.runs_code || type.user_has_effects;
    note(Reason::kUserType, name);
  }

  void field(const Name& name) {
    const FunctionFacts facts = catalog_.function(name.name);
    if (!facts.user_takes_row || trusted(name)) return;
    out_.runs_code = out_.runs_code || facts.user_has_effects;
    note(Reason::kUserFunction, name.name);
  }

  // Built-in operators may be STABLE: they depend on session settings, which are in the key, and on
  // nothing else (the casts that read the clock are not operators). None is VOLATILE.
  void operator_use(const OperatorUse& use) {
    const Name& name = use.name;
    const OperatorFacts facts = catalog_.operator_facts(name.name);
    const bool added = facts.user_on_builtin_types || facts.user_mixed || facts.user_on_user_types;
    const bool known = facts.builtin != Volatility::kUnknown;
    const bool elsewhere = !name.schema.empty() && name.schema != "pg_catalog";
    const bool captured =
        name.schema.empty() &&
        (facts.user_on_builtin_types || (facts.user_mixed && (use.untyped || user_types_possible())) ||
         (facts.user_on_user_types && user_types_possible()));
    if (elsewhere || captured || !known) {
      out_.equality_added = out_.equality_added || name.name == "=";
      // Not in the snapshot: made since, so it may do anything.
      out_.runs_code = out_.runs_code || facts.user_has_effects || (!known && !added);
      return note(Reason::kUserFunction, "operator " + text_of(name));
    }
    if (facts.builtin == Volatility::kVolatile) note(Reason::kVolatileFunction, "operator " + name.name);
  }

  void cast(const CastUse& use) {
    const std::string& type = use.type.name;
    const bool qualified = !use.type.schema.empty();
    const TypeFacts facts = catalog_.type(type);
    const bool shadowed = !qualified && facts.user_defined && !path_.catalog_first();
    if ((qualified && use.type.schema != "pg_catalog") || !facts.builtin || shadowed) {
      // A type that is not in the snapshot may be a domain with any check.
      out_.runs_code = out_.runs_code || facts.user_has_effects || !facts.user_defined;
      return note(Reason::kUserType, text_of(use.type));
    }
    if (is_catalog_type(type)) return note(Reason::kUnsupportedSyntax, "cast to " + type);
    // timetz without a zone takes today's offset from UTC.
    if (element_name(type) == "timetz") return note(Reason::kTimeLiteral, "cast to " + type);
    if (is_time_type(type) && use.argument == CastUse::Argument::kAnything) {
      note(Reason::kTimeLiteral, "cast to " + type);
    }
  }

  // Casts that PostgreSQL may apply without being asked to.
  void added_casts() {
    if (catalog_.user_cast_on_builtin_types()) {
      out_.runs_code = out_.runs_code || catalog_.user_cast_has_effects();
      note(Reason::kUserFunction, "cast");
    }
    if (user_casts_) {
      out_.runs_code = out_.runs_code || type_effects_;
      note(Reason::kUserType, "cast");
    }
  }

  const Statement& statement_;
  const Catalog& catalog_;
  const SearchPath& path_;
  const Lifts& lifts_;
  bool user_types_ = false;  // some relation has a column of a type that is not built in
  bool user_casts_ = false;  // and such a type has a cast with a function that is not built in
  bool type_effects_ = false;
  Assessment out_;
};

}  // namespace

Assessment assess(const Statement& statement, const Catalog& catalog, const SearchPath& path, bool time_word,
                  const Lifts& lifts) {
  return Assessor(statement, catalog, path, lifts).run(time_word);
}

}  // namespace pgweir::query
