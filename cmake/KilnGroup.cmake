# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# Compiles several tests as one unit: what they all include is read once, and what they all instantiate is made once.
#
#   kiln_group(<variable> <name> <test>...)
#
# sets the variable to the files <name>_*.cpp, each of which includes some of the tests, and to those tests that stay
# alone since they replace `new`, which has to be global. Each test gets a namespace, so that its names are its own;
# what it includes comes before, outside of all namespaces.

function(kiln_group variable name)
  set(at_once 8)
  set(units "")
  set(together "")
  foreach(file IN LISTS ARGN)
    file(STRINGS "${file}" replaces_new REGEX "operator new|count_allocations" LIMIT_COUNT 1)
    if(replaces_new)
      list(APPEND units "${file}")
    else()
      list(APPEND together "${file}")
    endif()
  endforeach()

  set(number 0)
  while(together)
    list(SUBLIST together 0 ${at_once} tests)
    list(REMOVE_ITEM together ${tests})
    set(headers "")
    set(bodies "")
    foreach(file IN LISTS tests)
      set(path "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
      file(STRINGS "${path}" includes REGEX "^#include (<[^>]*>|\"[^\"]*\\.hpp\")")
      # Relative, so that the units of any copy of the tree are the same to ccache.
      file(RELATIVE_PATH path "${CMAKE_CURRENT_BINARY_DIR}" "${path}")
      get_filename_component(folder "${path}" DIRECTORY)
      list(TRANSFORM includes REPLACE "\"([^\"]*)\"" "\"${folder}/\\1\"")
      list(APPEND headers ${includes})
      get_filename_component(test "${file}" NAME_WE)
      list(APPEND bodies "namespace group_${test} {\n#include \"${path}\"\n}")
    endforeach()
    list(REMOVE_DUPLICATES headers)
    list(JOIN headers "\n" headers)
    list(JOIN bodies "\n" bodies)
    set(unit "${CMAKE_CURRENT_BINARY_DIR}/${name}_${number}.cpp")
    file(CONFIGURE OUTPUT "${unit}" CONTENT "${headers}\n\n${bodies}\n" @ONLY)
    list(APPEND units "${unit}")
    math(EXPR number "${number} + 1")
  endwhile()
  set(${variable} "${units}" PARENT_SCOPE)
endfunction()
