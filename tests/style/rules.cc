#include "style/rules.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace pgweir::style {
namespace {

namespace fs = std::filesystem;

// The rows of the house, lowest first.
const std::vector<std::vector<std::string_view>>& rows() {
  static const std::vector<std::vector<std::string_view>> kRows = {
      {"base"},
      {"guard", "query", "wire", "io", "observe"},
      {"cache", "incident"},
      {"sync", "trace"},
      {"warm"},
      {"proxy", "simulate"},
      {"config"},
      {"rollout"},
      {"admin"},
      {"drill"},
      {"app"},
  };
  return kRows;
}

std::optional<std::size_t> row_of(std::string_view folder) {
  for (std::size_t row = 0; row < rows().size(); ++row) {
    if (std::ranges::find(rows()[row], folder) != rows()[row].end()) return row;
  }
  return std::nullopt;
}

// "src/wire/frame.h" -> "wire"; empty outside src.
std::string_view source_folder(std::string_view path) {
  constexpr std::string_view kPrefix = "src/";
  if (!path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_cpp(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

bool is_code(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".cc", ".h", ".py", ".sh", ".js", ".ts", ".mjs"};
  return kExtensions.contains(path.extension().string());
}

bool is_skipped(const fs::path& folder) {
  const auto name = folder.filename().string();
  return name == "node_modules" || name == "dist" || name == "__pycache__" || name.starts_with('.');
}

void collect(const fs::path& root, const fs::path& folder, std::vector<SourceFile>& out) {
  for (const auto& item : fs::directory_iterator(folder)) {
    if (item.is_directory()) {
      if (!is_skipped(item.path())) collect(root, item.path(), out);
    } else if (is_code(item.path())) {
      std::ifstream in(item.path(), std::ios::binary);
      out.push_back({fs::relative(item.path(), root).generic_string(),
                     std::string(std::istreambuf_iterator<char>(in), {})});
    }
  }
}

// What is wrong with `from` including "path", if anything.
std::optional<std::string> judge_include(std::string_view from, std::string_view path) {
  const auto slash = path.find('/');
  const std::string_view to = path.substr(0, slash);
  const auto from_row = row_of(from);
  const auto to_row = row_of(to);
  if (!from_row) return "src/" + std::string(from) + " has no row in the house";
  if (slash == std::string_view::npos) return "write the path from src/ on";
  if (!to_row) return "no folder of the house; headers from outside go in <>";
  if (from == to || *to_row < *from_row) return std::nullopt;
  return std::string(to) + "/ stands " + (*to_row == *from_row ? "beside " : "above ") + std::string(from) +
         "/";
}

// Where a literal or comment that starts at `at` ends (one past it); `at` itself if none starts there.
std::size_t literal_end(std::string_view text, std::size_t at) {
  const auto rest = text.substr(at);
  if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) {
    const auto end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (rest.starts_with("R\"")) {
    const auto open = text.find('(', at);
    if (open == std::string_view::npos) return text.size();
    const std::string close = ")" + std::string(text.substr(at + 2, open - at - 2)) + "\"";
    const auto end = text.find(close, open);
    return end == std::string_view::npos ? text.size() : end + close.size();
  }
  // 1'000'000 is one number, not a character literal.
  const bool separator = at > 0 && std::isxdigit(static_cast<unsigned char>(text[at - 1])) != 0;
  if (text[at] != '"' && (text[at] != '\'' || separator)) return at;
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != text[at] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

std::size_t preprocessor_end(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

bool first_on_line(std::string_view text, std::size_t at) {
  const auto before = text.substr(0, at).find_last_not_of(" \t");
  return before == std::string_view::npos || text[before] == '\n';
}

struct Function {
  std::string header;  // what stands before its brace
  int first_line;
  int last_line;
};

// Walks the braces of one file. A brace opens a function if it is outside of every function and what stands
// before it has a parameter list and does not end like an initialiser.
class FunctionFinder {
 public:
  explicit FunctionFinder(std::string code) : code_(std::move(code)) {}

  std::vector<Function> find() {
    for (at_ = 0; at_ < code_.size(); ++at_) step(code_[at_]);
    return std::move(functions_);
  }

 private:
  void step(char c) {
    if (c == '\n') ++line_;
    if (c == '{') {
      open();
    } else if (c == '}') {
      close();
    } else if (function_depth_ == 0 && c == ';') {
      header_.clear();
    } else if (function_depth_ == 0 &&
               (!header_.empty() || std::isspace(static_cast<unsigned char>(c)) == 0)) {
      if (header_.empty()) header_line_ = line_;
      header_ += c;
    }
  }

  void open() {
    ++depth_;
    if (function_depth_ != 0) return;
    if (looks_like_function()) {
      function_depth_ = depth_;
    } else {
      header_.clear();
    }
  }

  void close() {
    const bool ends_function = function_depth_ != 0 && depth_ == function_depth_;
    --depth_;
    if (ends_function) {
      function_depth_ = 0;
      if (initialiser_list_goes_on()) return;
      functions_.push_back({header_, header_line_, line_});
    }
    if (function_depth_ == 0) header_.clear();
  }

  bool looks_like_function() const {
    if (header_.find(')') == std::string::npos) return false;
    static const std::regex kType(
        R"(^(template\s*<[^{]*>\s*)?(namespace|class|struct|union|enum|extern)\b(\s*alignas\([^)]*\))?[^()]*$)");
    if (std::regex_search(header_, kType)) return false;
    const auto last = header_.find_last_not_of(" \t\n");
    return header_[last] != '=' && header_[last] != ',' && header_[last] != '(';
  }

  // After the braces of a member in a constructor's list come a comma or the body.
  bool initialiser_list_goes_on() const {
    const auto next = code_.find_first_not_of(" \t\n", at_ + 1);
    return next != std::string::npos && (code_[next] == ',' || code_[next] == '{');
  }

  std::string code_;
  std::size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
  int function_depth_ = 0;  // depth inside the current function's braces; 0: outside of all
  std::string header_;
  int header_line_ = 1;
  std::vector<Function> functions_;
};

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  text = std::regex_replace(text, std::regex(" +"), " ");
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

}  // namespace

std::vector<SourceFile> read_sources(const fs::path& root, const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  for (const auto& folder : folders) {
    if (fs::is_directory(root / folder)) collect(root, root / folder, files);
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

Violations check_include_direction(const std::vector<SourceFile>& files) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*"([^"]+)")re");
  Violations found;
  for (const auto& file : files) {
    const auto folder = source_folder(file.path);
    if (folder.empty() || !is_cpp(file.path)) continue;
    std::istringstream lines(file.text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      std::smatch match;
      if (!std::regex_search(line, match, kInclude)) continue;
      const auto included = match[1].str();
      if (const auto why = judge_include(folder, included)) {
        found.push_back(file.path + ":" + std::to_string(number) + ": includes \"" + included +
                        "\": " + *why);
      }
    }
  }
  return found;
}

Violations check_base_size(const std::vector<SourceFile>& files) {
  std::set<std::string> nouns;
  for (const auto& file : files) {
    if (source_folder(file.path) != "base") continue;
    const auto stem = fs::path(file.path).stem().string();
    nouns.insert(std::regex_replace(stem, std::regex("_(test|bench|fuzz)$"), ""));
  }
  if (nouns.size() <= kBaseNounsMax) return {};
  return {"src/base holds " + std::to_string(nouns.size()) + " nouns, at most " +
          std::to_string(kBaseNounsMax) + " are allowed: move what only one folder needs there"};
}

Violations check_names(const std::vector<SourceFile>& files) {
  static const std::regex kBanned("^(util|utils|utility|common|helper|helpers|misc)$");
  Violations found;
  for (const auto& file : files) {
    for (const auto& part : fs::path(file.path)) {
      const auto name = part.stem().string();
      if (std::regex_match(name, kBanned)) {
        found.push_back(file.path + ": '" + name + "' says nothing: name it for what it holds");
      }
    }
  }
  return found;
}

Violations check_file_length(const std::vector<SourceFile>& files) {
  Violations found;
  for (const auto& file : files) {
    const auto lines = std::ranges::count(file.text, '\n');
    if (lines <= kFileLinesMax) continue;
    found.push_back(file.path + ": " + std::to_string(lines) + " lines, at most " +
                    std::to_string(kFileLinesMax) + ": split it by noun");
  }
  return found;
}

Violations check_function_length(const std::vector<SourceFile>& files) {
  Violations found;
  for (const auto& file : files) {
    if (!is_cpp(file.path)) continue;
    for (const auto& function : FunctionFinder(blank_noncode(file.text)).find()) {
      const int lines = function.last_line - function.first_line + 1;
      if (lines <= kFunctionLinesMax) continue;
      found.push_back(file.path + ":" + std::to_string(function.first_line) + ": " +
                      one_line(function.header) + " has " + std::to_string(lines) + " lines, at most " +
                      std::to_string(kFunctionLinesMax));
    }
  }
  return found;
}

std::string blank_noncode(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = literal_end(text, at);
    if (text[at] == '#' && first_on_line(text, at)) end = preprocessor_end(text, at);
    for (std::size_t i = at; i < end; ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
    at = std::max(end, at + 1);
  }
  return out;
}

}  // namespace pgweir::style
