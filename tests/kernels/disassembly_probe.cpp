// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What disassembly_test.sh looks at: the kernels as a user's program compiles them.

#include <kiln/kernels/conv_winograd.hpp>
#include <kiln/kernels/map_each.hpp>
#include <kiln/kernels/matmul_native.hpp>
#include <kiln/kernels/normalize.hpp>
#include <kiln/kernels/normalize_columns.hpp>
#include <kiln/kernels/pool_loop.hpp>
#include <kiln/kernels/softmax.hpp>
#include <kiln/kernels/vector_ops.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/sgd.hpp>

struct Line {
  float a, b;
  [[gnu::always_inline]] float operator()(float x) const { return a * x + b; }
};

void probe(const kiln::MatmulArgs<float>& args) { kiln::NativeMatmul::run(args); }
void probe(const kiln::MatmulArgs<double>& args) { kiln::NativeMatmul::run(args); }
void probe(float* x, float* y, kiln::Index n) { kiln::detail::axpy(kiln::detail::dot(x, y, n), x, y, n); }
void probe(const float* x, float* y, kiln::detail::RunDims dims, kiln::detail::NormParams<float> params,
           kiln::detail::PartialMoments* moments, kiln::detail::GradSums* sums) {
  using namespace kiln::detail;
  run_for_isa<RunMomentsLoop>(x, dims, moments);
  run_for_isa<NormalizeLoop<false, false>>(x, dims, params, y, NormRelu<float>{});
  run_for_isa<GradSumsLoop<false>>(x, NormGrad<float>{x}, dims, params, sums, kiln::Index{0});
  run_for_isa<NormalizeGradLoop<false, false>>(x, x, dims, params, y, true);
  run_for_isa<ColumnSumsLoop>(x, dims.runs, dims.length, dims.length, y);
  run_for_isa<ColumnMomentsLoop>(x, dims.runs, dims.length, dims.length, x, y, y);
  run_for_isa<ColumnGradSumsLoop<true>>(x, NormGrad<float>{x}, dims, params, y, y);
}
void probe(const kiln::detail::PoolDims* dims, const float* x, float* y, std::int32_t* where) {
  kiln::detail::run_for_isa<kiln::detail::PoolLoop<true>>(dims, x, y, where);
  kiln::detail::run_for_isa<kiln::detail::PoolLoop<false>>(dims, x, y, where);
}
void probe(Line line, kiln::Index n, float* x, const float* dx, float* a, float* b, float* c) {
  using namespace kiln::detail;
  run_for_isa<MapEachLoop<Line>>(line, n, x, dx);
  run_for_isa<MapEachLoop<ExpOp>>(ExpOp{}, n, x, dx);
  run_for_isa<SoftmaxLoop>(x, n, n, a, b);
  run_for_isa<UpdateLoop<SgdFormula<float>>>(SgdFormula<float>{}, n, x, dx);
  run_for_isa<UpdateLoop<SgdMomentumFormula<float>>>(SgdMomentumFormula<float>{}, n, x, dx, a);
  run_for_isa<UpdateLoop<AdamFormula<float>>>(AdamFormula<float>{}, n, x, dx, a, b);
  run_for_isa<UpdateLoop<RmsPropFormula<float, true, true>>>(RmsPropFormula<float, true, true>{}, n, x, dx, a, b, c);
}
kiln::ConvKernel probe() { return kiln::conv_kernel_of<kiln::WinogradConv>; }
