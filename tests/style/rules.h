// The rules of style that a machine can check, over files held in memory: which folder may include which,
// names, and the limits on files and functions. Each check returns one line per violation, naming the place
// and the fix; an empty list means the rule holds. Any thread; no state.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::style {

inline constexpr int kFileLinesMax = 800;
inline constexpr int kFunctionLinesMax = 70;
inline constexpr int kBaseNounsMax = 14;

struct SourceFile {
  std::string path;  // relative to the repository, "src/base/hash.h"
  std::string text;
};

using Violations = std::vector<std::string>;

// All code below the folders given, in order of path. Build output and fetched packages are left out.
std::vector<SourceFile> read_sources(const std::filesystem::path& root,
                                     const std::vector<std::string>& folders);

// A file in src/X includes "Y/..." only where Y is X or stands in a row below X's.
Violations check_include_direction(const std::vector<SourceFile>& files);

// The nouns of src/base (hash.h, hash.cc and hash_test.cc are one) are at most kBaseNounsMax.
Violations check_base_size(const std::vector<SourceFile>& files);

// No folder and no file is called util, common, helper or misc.
Violations check_names(const std::vector<SourceFile>& files);

Violations check_file_length(const std::vector<SourceFile>& files);

// C++ only. Functions are found by their braces, so a macro that holds half of a brace pair confuses it.
Violations check_function_length(const std::vector<SourceFile>& files);

// The text with comments, preprocessor lines and the insides of literals turned into spaces; line breaks
// stay, so that positions keep their lines.
std::string blank_noncode(std::string_view text);

}  // namespace pgweir::style
