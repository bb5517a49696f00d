# swo_floor(NAME LINKS ...) makes the library swo_NAME from controller/NAME/*.cpp.
#
# Its headers are reached as "NAME/file.hpp" through an include directory of its own that holds
# nothing but a link to that folder. So a file can include a floor's headers only if its target links
# that floor: an include upwards does not compile.
function(swo_floor name)
  swo_library(swo_${name} SOURCE ${PROJECT_SOURCE_DIR}/controller/${name} AS ${name} ${ARGN})
endfunction()

# swo_library(TARGET SOURCE dir AS prefix LINKS ...): the same for any folder.
function(swo_library target)
  cmake_parse_arguments(L "" "SOURCE;AS" "LINKS" ${ARGN})
  set(include_dir ${PROJECT_BINARY_DIR}/include/${L_AS})
  file(MAKE_DIRECTORY ${include_dir})
  file(CREATE_LINK ${L_SOURCE} ${include_dir}/${L_AS} SYMBOLIC)
  file(GLOB sources CONFIGURE_DEPENDS ${L_SOURCE}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${include_dir})
    target_link_libraries(${target} PUBLIC ${L_LINKS})
    swo_compile_options(${target})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${include_dir})
    target_link_libraries(${target} INTERFACE ${L_LINKS})
  endif()
endfunction()

# swo_tests(NAME LINKS ... [SOURCE dir]) makes the test program NAME_test from the sources of the
# calling folder's subfolder NAME, or of dir, and registers it with CTest (one entry per program: a
# test is found by its sentence with --gtest_filter).
function(swo_tests name)
  cmake_parse_arguments(T "" "SOURCE" "LINKS" ${ARGN})
  if(NOT T_SOURCE)
    set(T_SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${T_SOURCE}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE ${T_LINKS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE SWO_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             SWO_BINARY_DIR="${PROJECT_BINARY_DIR}")
  swo_compile_options(${name}_test swo_test_headers)
  # As an option, because those come before all objects; among the sources a unity build would put its own first.
  target_link_options(${name}_test PRIVATE $<TARGET_OBJECTS:swo_optimised_json>)
  set_property(TARGET ${name}_test PROPERTY LINK_DEPENDS $<TARGET_OBJECTS:swo_optimised_json>)
  add_test(NAME ${name} COMMAND ${name}_test)
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()
