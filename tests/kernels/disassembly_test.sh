#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# usage: disassembly_test.sh OBJDUMP OBJECT
# A helper that is not inlined, or is compiled for the wrong instruction set, costs most of the speed and nothing else
# shows it. So each kernel's code must multiply and add in packed instructions of its own width, and call nothing. The
# baseline of x86-64 has no instruction for both at once; that of 64-bit Arm has, and twice the registers.

set -eu
"$1" -d -r -C --no-show-raw-insn "$2" | awk '
  # expect(kernel, instruction set, least number of packed products of its width)
  function expect(kernel, isa, least) { wanted[++count] = kernel; set[count] = isa; need[count] = least }
  /file format/ { arm = /aarch64/; arm ? expect_arm() : expect_x86() }
  function expect_arm(t, type) {
    for (t = 1; t <= 2; ++t) {
      type = t == 1 ? "float" : "double"
      expect("TileLoop<8, 3>, kiln::detail::TileJob<" type ">", "baseline", 24)
      expect("TileLoop<8, 2>, kiln::detail::TileJob<" type ">", "baseline", 16)
      expect("TileLoop<5, 3>, kiln::detail::TileJob<" type ">", "baseline", 15)
      expect("DotTileLoop<4, 5>, kiln::detail::DotJob<" type ">", "baseline", 20)
      expect("ConvTileLoop<8, 3>, kiln::detail::ConvTile<" type ">", "baseline", 24)
      expect("ConvDotsLoop<4, 4>, kiln::detail::ConvDots<" type ">", "baseline", 16)
    }
    expect("DotLoop, float", "baseline", 4)
    expect_for_each("baseline")
  }
  function expect_x86(t, type) {
    expect("TileLoop<8, 3>, kiln::detail::TileJob<float>", "avx512", 24)
    expect("TileLoop<8, 2>, kiln::detail::TileJob<float>", "avx512", 16)
    expect("TileLoop<5, 3>, kiln::detail::TileJob<float>", "avx512", 15)
    expect("TileLoop<1, 1>, kiln::detail::TileJob<float>", "avx512", 1)
    expect("DotTileLoop<4, 5>, kiln::detail::DotJob<float>", "avx512", 20)
    expect("DotTileLoop<4, 1>, kiln::detail::DotJob<float>", "avx512", 4)
    for (t = 1; t <= 2; ++t) {
      type = t == 1 ? "float" : "double"
      expect("TileLoop<4, 3>, kiln::detail::TileJob<" type ">", "avx2", 12)
      expect("TileLoop<3, 2>, kiln::detail::TileJob<" type ">", "avx2", 6)
      expect("DotTileLoop<2, 5>, kiln::detail::DotJob<" type ">", "avx2", 10)
      expect("TileLoop<4, 2>, kiln::detail::TileJob<" type ">", "baseline", 8)
      expect("DotTileLoop<2, 5>, kiln::detail::DotJob<" type ">", "baseline", 10)
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
    expect("WinogradProductLoop<8, 3>", "avx512", 24); expect("WinogradProductLoop<8, 1>", "avx512", 8)
    expect("WinogradProductLoop<4, 3>", "avx2", 12); expect("WinogradProductLoop<4, 2>", "baseline", 8)
    expect("DotLoop, float", "avx512", 4); expect("DotLoop, float", "avx2", 4); expect("DotLoop, float", "baseline", 4)
    expect("ToLanesLoop, double", "avx2", 0); expect("FromLanesLoop, double", "avx2", 0)
    expect_for_each("avx512"); expect_for_each("avx2"); expect_for_each("baseline")
  }
  function expect_for_each(isa) {
    expect("AxpyLoop, float", isa, 1); expect("MapEachLoop<Line>, Line, long, float", isa, 1)
    expect("MapEachLoop<kiln::detail::ExpOp>", isa, 7); expect("SoftmaxLoop, float", isa, 7)
    expect("RunMomentsLoop, float", isa, 3); expect("ColumnMomentsLoop, float", isa, 1)
    expect("NormalizeLoop<false, false>, float", isa, 1); expect("NormalizeGradLoop<false, false>, float", isa, 2)
    expect("GradSumsLoop<false>, float", isa, 3); expect("ColumnGradSumsLoop<true>, float", isa, 1)
    expect("UpdateLoop<kiln::detail::SgdFormula<float> >", isa, 1)
    expect("UpdateLoop<kiln::detail::SgdMomentumFormula<float> >", isa, 3)
    expect("UpdateLoop<kiln::detail::AdamFormula<float> >", isa, 4)
    expect("UpdateLoop<kiln::detail::RmsPropFormula<float, true, true> >", isa, 5)
    # Here it only matters that nothing is called.
    expect("FinishLoop<false>, kiln::detail::FinishJob<float>", isa, 0)
    expect("FinishLoop<true>, kiln::detail::FinishJob<float>", isa, 0)
    expect("ColumnSumsLoop, float", isa, 0); expect("PoolLoop<true>", isa, 0); expect("PoolLoop<false>", isa, 0)
    expect("ToLanesLoop, float", isa, 0); expect("FromLanesLoop, float", isa, 0)
  }
  function calls_to(function_name) {
    # The last elements, fewer than a vector, are copied there and back.
    if (function_name ~ /^mem(cpy|set)/ && (current < 0 || wanted[current] ~ /^(Update|MapEach|Softmax)Loop/)) return
    if (current > 0) calls[current] = calls[current] "\n    " function_name
    else { print name ": calls " function_name; bad = 1 }
  }
  /^[0-9a-f]+ <.*>:$/ {
    at_call = 0
    current = 0
    for (i = 1; i <= count; ++i) {
      if (index($0, "run_" set[i] "<kiln::detail::" wanted[i]) || index($0, "run_" set[i] "<" wanted[i])) {
        current = i; seen[i] = 1
      }
    }
    # The kernels that are not listed call nothing either.
    if (!current && match($0, /run_(avx512|avx2|baseline)</)) {
      current = -1
      name = substr($0, RSTART, 70)
    }
    next
  }
  !current { next }
  # The line behind a call says whom.
  at_call && $2 ~ /^R_/ { calls_to($3) }
  at_call && $2 !~ /^R_/ { calls_to("a function of this file") }
  { at_call = $2 ~ /^(call|callq|bl)$/ }
  $2 ~ /^jmp/ && /@plt/ { calls_to($0) }
  arm && $2 ~ /^fml[as]$/ && /v[0-9]+\.(4s|2d),/ { ++products[current] }
  set[current] == "avx512" && $2 ~ /^vfn?m(add|sub)[0-9]+p[sd]$/ && /%zmm/ { ++products[current] }
  set[current] == "avx2" && $2 ~ /^vfn?m(add|sub)[0-9]+p[sd]$/ && /%ymm/ { ++products[current] }
  !arm && set[current] == "baseline" && $2 ~ /^v?(mulp[sd]|fmadd[0-9]+p[sd])$/ { ++products[current] }
  END {
    for (i = 1; i <= count; ++i) {
      name = wanted[i] " for " set[i]
      if (!seen[i]) { print name ": not in the program"; bad = 1 }
      else if (products[i] < need[i]) { print name ": " products[i] + 0 " packed products instead of " need[i]; bad = 1 }
      else if (calls[i]) { print name ": calls" calls[i]; bad = 1 }
      else print name ": " products[i] + 0 " packed products, no calls"
    }
    exit bad
  }'
