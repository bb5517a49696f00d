# Build settings: warnings are errors, and SWO_SANITIZE picks a sanitizer build.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(SWO_BUILD_TESTS "Build the tests" ON)
option(SWO_PRECOMPILE "Parse the JSON library's and the test library's headers once for all targets" ON)
option(SWO_FUZZ "Build the fuzzers of tests/fuzz, and no other tests (needs clang)" OFF)
set(SWO_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")
option(SWO_SANITIZE_STAND_IN "Sanitize the stand-in for a cluster as well" ON)

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

# swo_precompiled(NAME LINKS ... HEADERS ...): these headers, parsed once for all targets that are given
# NAME. A quarter to a third of a build is such headers, again and again.
function(swo_precompiled name)
  cmake_parse_arguments(P "" "" "LINKS;HEADERS" ${ARGN})
  if(SWO_PRECOMPILE)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "// Has the headers compiled.\n")
    add_library(${name} OBJECT ${source})
    target_link_libraries(${name} PRIVATE ${P_LINKS})
    target_precompile_headers(${name} PRIVATE ${P_HEADERS})
    swo_warnings(${name})
  endif()
endfunction()

# swo_compile_options(TARGET [PRECOMPILED]): as all are compiled, with the headers of swo_precompiled(PRECOMPILED),
# which is swo_headers where it is not given.
function(swo_compile_options target)
  swo_warnings(${target})
  if(SWO_PRECOMPILE)
    list(APPEND ARGN swo_headers)
    list(GET ARGN 0 precompiled)
    target_precompile_headers(${target} REUSE_FROM ${precompiled})
  endif()
endfunction()

function(swo_warnings target)
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
  target_compile_definitions(${target} PRIVATE SWO_VERSION="${PROJECT_VERSION}")
endfunction()
