// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What disassembly_test.sh looks at: the kernels as a user's program compiles them.

#include <kiln/kernels/conv_direct.hpp>
#include <kiln/kernels/matmul_native.hpp>
#include <kiln/kernels/normalize.hpp>
#include <kiln/kernels/vector_ops.hpp>

void probe(const kiln::MatmulArgs<float>& args) { kiln::NativeMatmul::run(args); }
void probe(const kiln::MatmulArgs<double>& args) { kiln::NativeMatmul::run(args); }
void probe(float* x, float* y, kiln::Index n) { kiln::detail::axpy(kiln::detail::dot(x, y, n), x, y, n); }
void probe(const float* x, float* y, kiln::detail::RunDims dims, kiln::detail::NormParams<float> params,
           kiln::detail::PartialMoments* moments, kiln::detail::GradSums* sums) {
  using namespace kiln::detail;
  run_for_isa<RunMomentsLoop>(x, dims, moments);
  run_for_isa<NormalizeLoop<false, false>>(x, dims, params, y);
  run_for_isa<GradSumsLoop<false>>(x, x, dims, params, sums, kiln::Index{0});
}
kiln::ConvKernel probe() { return kiln::conv_kernel_of<kiln::DirectConv>; }
