#include "query/syntax.h"

#include <pg_query.h>
#include <pg_query.pb-c.h>

#include "query/literals.h"
#include "query/nesting.h"
#include "query/reducer.h"
#include "query/scan.h"

namespace pgweir::query {
namespace {

// Owns what libpg_query gave back.
class ParseOutput {
 public:
  explicit ParseOutput(const std::string& sql) : raw_(pg_query_parse_protobuf(sql.c_str())) {
    if (raw_.error != nullptr) return;
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(raw_.parse_tree.data);
    tree_ = pg_query__parse_result__unpack(nullptr, raw_.parse_tree.len, bytes);
  }
  ~ParseOutput() {
    if (tree_ != nullptr) pg_query__parse_result__free_unpacked(tree_, nullptr);
    pg_query_free_protobuf_parse_result(raw_);
  }
  ParseOutput(const ParseOutput&) = delete;
  ParseOutput& operator=(const ParseOutput&) = delete;

  const char* error() const { return raw_.error == nullptr ? nullptr : raw_.error->message; }
  const PgQuery__ParseResult* tree() const { return tree_; }

 private:
  PgQueryProtobufParseResult raw_;
  PgQuery__ParseResult* tree_ = nullptr;
};

std::size_t bytes_of(const std::string& s) {
  return sizeof(std::string) + (s.capacity() > 15 ? s.capacity() : 0);
}

std::size_t bytes_of(const Name& name) { return bytes_of(name.schema) + bytes_of(name.name); }

std::size_t bytes_of(const Statement& s) {
  std::size_t bytes = sizeof s + bytes_of(s.tag) + bytes_of(s.unsupported) + bytes_of(s.refused);
  for (const RelationUse& use : s.reads) bytes += sizeof use + bytes_of(use.name);
  for (const WriteUse& use : s.writes) bytes += sizeof use + bytes_of(use.relation.name);
  for (const CastUse& use : s.casts) bytes += sizeof use + bytes_of(use.type);
  for (const OperatorUse& use : s.operators) bytes += sizeof use + bytes_of(use.name);
  for (const auto* names : {&s.functions, &s.fields}) {
    for (const Name& name : *names) bytes += bytes_of(name);
  }
  return bytes + s.predicates.memory_bytes();
}

}  // namespace

std::size_t Syntax::memory_bytes() const {
  std::size_t bytes = sizeof *this;
  for (const Statement& statement : statements_) bytes += bytes_of(statement);
  return bytes;
}

std::optional<std::uint64_t> fingerprint(std::string_view sql) {
  const std::string text(sql);
  const PgQueryFingerprintResult result = pg_query_fingerprint(text.c_str());
  std::optional<std::uint64_t> value;
  if (result.error == nullptr) value = result.fingerprint;
  pg_query_free_fingerprint_result(result);
  return value;
}

std::string format_fingerprint(std::uint64_t fingerprint) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, fingerprint >>= 4)
    *digit = kDigits[fingerprint & 0xF];
  return text;
}

base::Result<std::shared_ptr<const Syntax>> parse(std::string_view sql) {
  if (sql.size() > kStatementBytesMax) return base::fail(base::ErrorCode::kLimit, "statement too long");
  if (sql.find('\0') != std::string_view::npos) {
    return base::fail(base::ErrorCode::kInvalid, "zero byte in the statement");
  }
  if (nesting_bound(sql) > kNestingMax) return base::fail(base::ErrorCode::kLimit, "nested too deeply");
  const std::string text(sql);
  const ParseOutput output(text);
  if (output.error() != nullptr) return base::fail(base::ErrorCode::kInvalid, output.error());
  if (output.tree() == nullptr) return base::fail(base::ErrorCode::kInternal, "parse tree cannot be read");
  const std::vector<Literal> literals = literals_of(text, text.size());
  std::vector<Statement> statements;
  for (std::size_t i = 0; i < output.tree()->n_stmts; ++i) {
    const PgQuery__Node* const statement = output.tree()->stmts[i]->stmt;
    if (statement == nullptr) return base::fail(base::ErrorCode::kInternal, "empty statement in the tree");
    statements.push_back(Reducer(literals).reduce(*statement));
  }
  return std::make_shared<const Syntax>(std::move(statements));
}

}  // namespace pgweir::query
