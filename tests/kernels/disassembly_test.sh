#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# usage: disassembly_test.sh OBJDUMP OBJECT
# A helper that is not inlined, or is compiled for the wrong instruction set, costs most of the speed and nothing else
# shows it. So each kernel's code must multiply and add in packed instructions of its own width, and call nothing.

set -eu
"$1" -d -C --no-show-raw-insn "$2" | awk '
  # expect(kernel, instruction set, least number of packed products of its width)
  function expect(kernel, isa, least) { wanted[++count] = kernel; set[count] = isa; need[count] = least }
  BEGIN {
    # A tile multiplies once in its loop and once by beta at its end.
    expect("TileLoop<8, 3>, float", "avx512", 48); expect("TileLoop<8, 2>, float", "avx512", 32)
    expect("TileLoop<5, 3>, float", "avx512", 30); expect("TileLoop<1, 1>, float", "avx512", 2)
    expect("DotTileLoop<4, 5>, float", "avx512", 20); expect("DotTileLoop<4, 1>, float", "avx512", 4)
    for (t = 1; t <= 2; ++t) {
      type = t == 1 ? "float" : "double"
      expect("TileLoop<4, 3>, " type, "avx2", 24); expect("TileLoop<3, 2>, " type, "avx2", 12)
      expect("DotTileLoop<2, 5>, " type, "avx2", 10)
      expect("TileLoop<4, 2>, " type, "baseline", 16); expect("DotTileLoop<2, 5>, " type, "baseline", 10)
    }
    expect("ConvTileLoop<8, 3>, kiln::detail::ConvTile<float>", "avx512", 24)
    expect("ConvTileLoop<8, 2>, kiln::detail::ConvTile<float>", "avx512", 16)
    expect("ConvTileLoop<1, 4>, kiln::detail::ConvTile<float>", "avx512", 4)
    expect("ConvDotsLoop<4, 4>, kiln::detail::ConvDots<float>", "avx512", 16)
    expect("ConvDotsLoop<4, 1>, kiln::detail::ConvDots<float>", "avx512", 4)
    for (t = 1; t <= 2; ++t) {
      type = t == 1 ? "float" : "double"
      expect("ConvTileLoop<4, 3>, kiln::detail::ConvTile<" type ">", "avx2", 12)
      expect("ConvDotsLoop<2, 4>, kiln::detail::ConvDots<" type ">", "avx2", 8)
      expect("ConvTileLoop<4, 2>, kiln::detail::ConvTile<" type ">", "baseline", 8)
      expect("ConvDotsLoop<2, 4>, kiln::detail::ConvDots<" type ">", "baseline", 8)
    }
    # Here it only matters that nothing is called.
    expect("ToLanesLoop, float", "avx512", 0); expect("FromLanesLoop, float", "avx512", 0)
    expect("ToLanesLoop, float", "avx2", 0); expect("FromLanesLoop, float", "avx2", 0)
    expect("ToLanesLoop, double", "avx2", 0); expect("FromLanesLoop, double", "avx2", 0)
    expect("DotLoop, float", "avx512", 4); expect("DotLoop, float", "avx2", 4); expect("DotLoop, float", "baseline", 4)
    expect("AxpyLoop, float", "avx512", 1); expect("AxpyLoop, float", "avx2", 1)
    for (i = 1; i <= 3; ++i) {
      isa = i == 1 ? "avx512" : i == 2 ? "avx2" : "baseline"
      expect("RunMomentsLoop, float", isa, 3); expect("NormalizeLoop<false, false>, float", isa, 1)
      expect("GradSumsLoop<false>, float", isa, 3)
    }
  }
  /^[0-9a-f]+ <.*>:$/ {
    current = 0
    for (i = 1; i <= count; ++i) {
      if (index($0, "run_" set[i] "<kiln::detail::" wanted[i])) { current = i; seen[i] = 1 }
    }
    next
  }
  !current { next }
  $2 ~ /^(call|callq|bl)$/ || ($2 ~ /^jmp/ && $0 ~ /@plt/) { calls[current] = calls[current] "\n    " $0 }
  set[current] == "avx512" && $2 ~ /^vfmadd[0-9]+p[sd]$/ && /%zmm/ { ++products[current] }
  set[current] == "avx2" && $2 ~ /^vfmadd[0-9]+p[sd]$/ && /%ymm/ { ++products[current] }
  set[current] == "baseline" && $2 ~ /^v?(mulp[sd]|fmadd[0-9]+p[sd])$/ { ++products[current] }
  END {
    for (i = 1; i <= count; ++i) {
      name = wanted[i] " for " set[i]
      if (!seen[i]) { print name ": not in the program"; bad = 1 }
      else if (products[i] < need[i]) { print name ": " products[i] + 0 " packed products instead of " need[i]; bad = 1 }
      else if (calls[i]) { print name ": calls" calls[i]; bad = 1 }
      else print name ": " products[i] " packed products, no calls"
    }
    exit bad
  }'
