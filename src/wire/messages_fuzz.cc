// Any bytes as the body of each message that is read: views stay within the body, and what can be
// built again is the same.
#include "base/check.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/frontend.h"

namespace {

using namespace pgweir::wire;

void check_within(std::string_view body, std::string_view view) {
  if (view.data() == nullptr) return;
  CHECK(view.data() >= body.data() && view.data() + view.size() <= body.data() + body.size());
}

void check_built(const pgweir::base::Buffer& out, std::string_view body) {
  CHECK(out.view().substr(kHeaderBytes) == body);
}

void frontend(std::string_view body) {
  pgweir::base::Buffer out;
  if (const auto sql = parse_query(body)) {
    append_query(out, *sql);
    check_built(out, body);
  }
  if (const auto parse = parse_parse(body)) {
    out.clear();
    append_parse(out, parse->statement, parse->sql, parse->parameter_types);
    check_built(out, body);
  }
  Bind bind;
  if (parse_bind(body, bind)) {
    for (const std::string_view value : bind.parameters) check_within(body, value);
    CHECK(bind.parameter_formats.size() <= 1 || bind.parameter_formats.size() == bind.parameters.size());
  }
  if (const auto target = parse_target(body)) check_within(body, target->name);
  if (const auto execute = parse_execute(body)) check_within(body, execute->portal);
}

void backend(std::string_view body) {
  pgweir::base::Buffer out;
  if (const auto negotiate = parse_negotiate_protocol_version(body)) {
    append_negotiate_protocol_version(out, negotiate->version, negotiate->unrecognized);
    check_built(out, body);
  }
  if (const auto authentication = parse_authentication(body)) {
    if (const auto mechanisms = parse_sasl_mechanisms(authentication->data)) {
      for (const std::string_view name : *mechanisms) check_within(body, name);
      out.clear();
      append_authentication_sasl(out, *mechanisms);
    }
  }
  if (const auto status = parse_parameter_status(body)) check_within(body, status->value);
  if (const auto key = parse_backend_key_data(body)) CHECK(key->key.size() + 4 == body.size());
  for (const char field : {'S', 'V', 'C', 'M'})
    if (const auto value = error_field(body, field)) check_within(body, *value);
  if (const auto row = parse_data_row(body))
    for (const auto& column : *row)
      if (column) check_within(body, *column);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  frontend(body);
  backend(body);
  return 0;
}
