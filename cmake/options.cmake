# Build settings: warnings are errors, and SWO_SANITIZE picks a sanitizer build.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(SWO_BUILD_TESTS "Build the tests" ON)
option(SWO_PRECOMPILE "Parse the JSON library's and the test library's headers once per target" ON)
option(SWO_FUZZ "Build the fuzzers of tests/fuzz, and no other tests (needs clang)" OFF)
set(SWO_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(SWO_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "SWO_FUZZ needs clang, which has libFuzzer: -DCMAKE_CXX_COMPILER=clang++")
  endif()
  set(SWO_SANITIZE fuzzer-no-link,address,undefined)
endif()
if(SWO_SANITIZE)
  add_compile_options(-fsanitize=${SWO_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${SWO_SANITIZE})
  if(SWO_SANITIZE MATCHES thread)
    add_compile_options(-Wno-tsan)  # Boost.Asio's fences, which TSan does not model
  endif()
  if(SWO_SANITIZE MATCHES undefined)
    # cpprestsdk's headers cast streambuf<char> to streambuf<uint8_t>. A null pointer is met by
    # AddressSanitizer too; its check before each access doubles what is compiled.
    add_compile_options(-fno-sanitize=vptr,null,alignment)
  endif()
endif()

function(swo_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                         -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # False alarms of GCC 12 on inlined std::string and std::optional code (gcc.gnu.org PR105329,
    # PR105651, PR80635).
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-maybe-uninitialized
                           -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Several .cpp in one unit: what one keeps in its anonymous namespace looks like a header's.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
  if(SWO_PRECOMPILE)
    # A quarter to a third of the build is these headers, again and again.
    target_precompile_headers(${target} PRIVATE <nlohmann/json.hpp> <functional> <map> <memory>
                              <optional> <string> <vector>)
  endif()
  target_compile_definitions(${target} PRIVATE SWO_VERSION="${PROJECT_VERSION}")
endfunction()
