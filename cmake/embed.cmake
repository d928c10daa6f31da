# cmake -DINPUT=file -DOUTPUT=file.cc -DNAMESPACE=pgweir::x -DVARIABLE=kName -P embed.cmake
# Writes C++ that defines `const std::string_view NAMESPACE::VARIABLE` with the bytes of INPUT.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," array "${lines}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "// Made from ${name} by embed.cmake.
#include <string_view>

namespace ${NAMESPACE} {
namespace {
constexpr char kBytes[] = {
${array}
};
}  // namespace
extern const std::string_view ${VARIABLE};
const std::string_view ${VARIABLE}(kBytes, ${bytes});
}  // namespace ${NAMESPACE}
")
