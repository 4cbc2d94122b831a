# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# Turns the code blocks of a Markdown file into files that are compiled, so that no block can rot.
#
#   kiln_readme_blocks(<file.md> <folder>)
#
# sets README_CPP to the C++ files and README_CMAKE to the folders of CMake projects made from the blocks.
#
# A ```cpp block with a main function is a program and stays as it is. Any other is compiled behind an include of
# kiln.hpp and `using namespace kiln;`, those without an #include together. HTML comments on the lines just before a
# block say more about it:
#   <!-- body -->           statements: the block becomes the body of a function, behind what it includes
#   <!-- continues -->      the declarations of the block before are visible in this one
#   <!-- given: <code> -->  code that the reader can imagine
# A ```cmake block becomes a project around a main.cpp. Scripts named in a ```sh block must exist.

function(kiln_readme_blocks markdown folder)
  get_filename_component(root "${markdown}" DIRECTORY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${markdown}")

  # Lines become a list; what has a meaning in lists is replaced until a line is used.
  file(READ "${markdown}" text)
  string(ASCII 1 semicolon)
  string(ASCII 2 backslash)
  string(ASCII 3 open)
  string(ASCII 4 close)
  string(REPLACE ";" "${semicolon}" text "${text}")
  string(REPLACE "\\" "${backslash}" text "${text}")
  string(REPLACE "[" "${open}" text "${text}")
  string(REPLACE "]" "${close}" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")

  set(prelude "#include <kiln/kiln.hpp>\nusing namespace kiln;\n")
  set(cpp_files "")
  set(together "")
  set(cmake_folders "")
  set(language "")  # of the block that we are in
  set(is_body FALSE)
  set(continues FALSE)
  set(given "")
  set(declarations "")  # of the block before and of those that it continues
  set(number 0)
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    string(REPLACE "${semicolon}" ";" line "${line}")
    string(REPLACE "${backslash}" "\\" line "${line}")
    string(REPLACE "${open}" "[" line "${line}")
    string(REPLACE "${close}" "]" line "${line}")

    if(NOT language)
      if(line MATCHES "^```([a-z]+)$")
        set(language "${CMAKE_MATCH_1}")
        set(first ${number})
        set(block "")
      elseif(line MATCHES "^<!-- body -->$")
        set(is_body TRUE)
      elseif(line MATCHES "^<!-- continues -->$")
        set(continues TRUE)
      elseif(line MATCHES "^<!-- given: (.*) -->$")
        string(APPEND given "${CMAKE_MATCH_1}\n")
      elseif(is_body OR continues OR given)
        message(SEND_ERROR "${markdown}:${number}: a comment about a code block must stand right before it")
      endif()
      continue()
    elseif(NOT line STREQUAL "```")
      string(APPEND block "${line}\n")
      continue()
    endif()

    math(EXPR first_line "${first} + 1")
    set(located "#line ${first_line} \"${markdown}\"\n${block}")
    set(path "${folder}/line_${first}")
    if(NOT continues)
      set(declarations "")
    endif()
    if(language STREQUAL "cpp")
      set(includes "")
      if(is_body)
        string(REGEX MATCHALL "#include <[^>]+>\n" includes "${block}")
        string(CONCAT includes ${includes})
        set(code "${declarations}void body() {\n${given}${located}}\n")
      else()
        string(APPEND declarations "${given}${located}")
        set(code "${declarations}")
      endif()
      if(block MATCHES "int main\\(")
        file(CONFIGURE OUTPUT "${path}.cpp" CONTENT "@located@" @ONLY)
        list(APPEND cpp_files "${path}.cpp")
      elseif(block MATCHES "#include")
        file(CONFIGURE OUTPUT "${path}.cpp" CONTENT "@includes@@prelude@@code@" @ONLY)
        list(APPEND cpp_files "${path}.cpp")
      else()
        string(APPEND together "namespace line_${first} {\n${code}}\n")
      endif()
    elseif(language STREQUAL "cmake")
      if(NOT block MATCHES "project\\(")
        string(PREPEND block "cmake_minimum_required(VERSION 3.23)\nproject(user LANGUAGES CXX)\n")
      endif()
      file(CONFIGURE OUTPUT "${path}/CMakeLists.txt" CONTENT "@block@" @ONLY)
      set(program "#include <kiln/core/zlib.hpp>\n#include <kiln/kernels/matmul_eigen.hpp>\nint main() {}\n")
      file(CONFIGURE OUTPUT "${path}/main.cpp" CONTENT "@program@" @ONLY)
      list(APPEND cmake_folders "${path}")
    elseif(language STREQUAL "sh")
      string(REGEX MATCHALL "scripts/[a-z_]+" scripts "${block}")
      foreach(script IN LISTS scripts)
        if(NOT EXISTS "${root}/${script}")
          message(SEND_ERROR "${markdown}:${first}: there is no ${script}")
        endif()
      endforeach()
    endif()
    set(language "")
    set(is_body FALSE)
    set(continues FALSE)
    set(given "")
  endforeach()

  if(together)
    file(CONFIGURE OUTPUT "${folder}/without_includes.cpp" CONTENT "@prelude@@together@" @ONLY)
    list(APPEND cpp_files "${folder}/without_includes.cpp")
  endif()
  set(README_CPP "${cpp_files}" PARENT_SCOPE)
  set(README_CMAKE "${cmake_folders}" PARENT_SCOPE)
endfunction()
