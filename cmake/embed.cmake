# swo_embed(TARGET DIR FUNCTION): the files DIR/*.yaml as text in the library TARGET, which reads them
# through a function of its own: `const std::map<std::string_view, std::string_view>& FUNCTION()`, by file
# name. A file that changes is taken in by the next build.
function(swo_embed target dir function)
  file(GLOB files CONFIGURE_DEPENDS ${dir}/*.yaml)
  set(entries "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    cmake_path(GET file FILENAME name)
    file(READ ${file} text)
    string(APPEND entries "      {\"${name}\", R\"yaml(${text})yaml\"},\n")
  endforeach()
  string(REGEX REPLACE "::[^:]*$" "" namespace ${function})
  string(REGEX REPLACE "^.*::" "" name ${function})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}_files.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include <map>
#include <string_view>

namespace @namespace@ {

const std::map<std::string_view, std::string_view>& @name@();
const std::map<std::string_view, std::string_view>& @name@() {
  static const std::map<std::string_view, std::string_view> files = {
@entries@  };
  return files;
}

}  // namespace @namespace@
")
  target_sources(${target} PRIVATE ${source})
endfunction()
