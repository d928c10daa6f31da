// The kinds of cells: how each is written, by what hidden ways, and how it is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::freshness {

// What a reply must be like. Each row begins with the id of a cell; all further columns, and all rows of
// the same cell, show its version, and must agree.
enum class Form : std::uint8_t {
  kRows,   // of all cells asked for; one that is missing has no row
  kSome,   // of some of them
  kSum,    // one row: the sum of all versions of the kind
  kNever,  // one row: the number of places that disagree
};

enum class Asks : std::uint8_t { kOne, kTwo, kRange, kAll };  // {id}; {id} and {other}; {id} to {other}

struct Shape {
  const char* text;
  Asks asks = Asks::kOne;
  Form form = Form::kRows;
};

struct Write {
  const char* name;
  std::vector<const char*> statements;  // {id} and {v}, the cell and its new version
  bool leaves_absent = false;
  bool needs_row = false;       // changes a row that must be there
  bool needs_block = false;     // BEGIN to COMMIT, or its statements mean nothing
  bool commits_inside = false;  // writes {u} and then {v}, in transactions of its own
  bool runs_code = false;       // may touch anything, as far as its text shows
  const char* copy_data = "";
};

struct Kind {
  const char* name;
  std::vector<Shape> shapes;  // the first shows the row that writes change first
  std::vector<Write> writes;
  int cells = 3;
  bool is_exclusive = false;  // its writes must not overlap
  bool runs_code = false;     // all its writes do
  bool is_two_phase = false;
  bool is_direct = false;       // written past pgweir
  bool keeps_snapshots = true;  // false: TRUNCATE and DDL show through older snapshots
};

const std::vector<Kind>& all_kinds();

// Of one of its writes, in reports.
std::string name_of(const Kind& kind, const Write& write);

// Whether values can be sent as parameters.
bool takes_parameters(std::string_view statement);

}  // namespace pgweir::freshness
