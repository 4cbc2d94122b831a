// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What disassembly_test.sh looks at: the kernels as a user's program compiles them.

#include <kiln/kernels/matmul_native.hpp>
#include <kiln/kernels/vector_ops.hpp>

void probe(const kiln::MatmulArgs<float>& args) { kiln::NativeMatmul::run(args); }
void probe(const kiln::MatmulArgs<double>& args) { kiln::NativeMatmul::run(args); }
void probe(float* x, float* y, kiln::Index n) { kiln::detail::axpy(kiln::detail::dot(x, y, n), x, y, n); }
