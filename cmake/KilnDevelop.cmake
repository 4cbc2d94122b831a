# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# What our own tests, examples and benchmarks are built with. They link `kiln_develop`; users link `kiln::kiln`.

add_library(kiln_develop INTERFACE)
target_link_libraries(kiln_develop INTERFACE kiln::kiln)

set(kiln_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(KILN_WERROR)
  list(APPEND kiln_warnings -Werror)
endif()
target_compile_options(kiln_develop INTERFACE ${kiln_warnings})

if(KILN_SANITIZE)
  set(sanitize "-fsanitize=${KILN_SANITIZE}" -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_compile_options(kiln_develop INTERFACE ${sanitize})
  target_link_options(kiln_develop INTERFACE ${sanitize})
endif()
