# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# Runs one test of a program that must not compile:
#   cmake -DCOMPILER=... -DFLAGS="-std=c++20|..." -DINCLUDES="dir|dir" -DCONTROL=1 -DSOURCE=file.cpp
#         -P compile_fail.cmake
# The file is compiled twice. As it stands the compiler must refuse it and print every `// expect: <regex>` of the
# file; with KILN_CONTROL defined, which leaves out the wrong line and the `// flags:` of the file, it must compile,
# so that a file refused for another reason does not pass. -DCONTROL=0 leaves that to another compiler.

# message(FATAL_ERROR) alone would break the lines of the text.
function(refuse text)
  message("${SOURCE}: ${text}")
  message(FATAL_ERROR "This test of a program that must not compile has failed.")
endfunction()

string(REPLACE "|" ";" flags "${FLAGS}")
string(REPLACE "|" ";" includes "${INCLUDES}")
list(TRANSFORM includes PREPEND "-I")

# No excerpts of the source in the output: they would hold the very text that is expected.
if(COMPILER_ID MATCHES "Clang")
  set(no_excerpts -fno-caret-diagnostics)
else()
  set(no_excerpts -fno-diagnostics-show-caret)
endif()
set(ENV{LC_ALL} C)
set(command "${COMPILER}" ${flags} ${no_excerpts} -fsyntax-only ${includes})

file(STRINGS "${SOURCE}" expectations REGEX "^// expect: ")
file(STRINGS "${SOURCE}" extra_flags REGEX "^// flags: ")
list(TRANSFORM extra_flags REPLACE "^// flags: " "")
string(REPLACE " " ";" extra_flags "${extra_flags}")
if(NOT expectations)
  refuse("has no line `// expect: <regex>`")
endif()

if(CONTROL)
  execute_process(COMMAND ${command} -DKILN_CONTROL "${SOURCE}" RESULT_VARIABLE result ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    refuse("must compile with KILN_CONTROL, but does not:\n${output}")
  endif()
endif()

execute_process(COMMAND ${command} ${extra_flags} "${SOURCE}" RESULT_VARIABLE result ERROR_VARIABLE output)
if(result EQUAL 0)
  refuse("must not compile, but does")
endif()
foreach(expectation IN LISTS expectations)
  string(REGEX REPLACE "^// expect: " "" regex "${expectation}")
  if(NOT output MATCHES "${regex}")
    refuse("the compiler's output must match `${regex}`, but is:\n${output}")
  endif()
endforeach()
