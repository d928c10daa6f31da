# Compiler launcher, linker, warnings and sanitizers, the same for every target.
find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout are taken as relative, so that another checkout finds the same objects.
  set(launcher env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wcast-align -Wnull-dereference -Wimplicit-fallthrough -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns wrongly inside std::string and fmt with these at -O2 (GCC bugs 105329, 105651, 107852).
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-null-dereference)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 uses in stable_sort what it has deprecated, which GCC does not mind in its own headers.
  add_compile_options(-Wno-deprecated-declarations)
endif()
if(PGWEIR_SANITIZE)
  add_compile_options(-fsanitize=${PGWEIR_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PGWEIR_SANITIZE})
  # GCC 12 reports maybe-uninitialized in the standard library when sanitizers rewrite it.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(PGWEIR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The release binary must run on any x86-64 or arm64 Debian, so no -march=native.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(PkgConfig REQUIRED)
if(PGWEIR_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  enable_testing()
endif()
