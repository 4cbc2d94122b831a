// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Eigen's product as its users build it for speed: a module for this machine, which bench_matmul loads.

#include <kiln/kernels/matmul_eigen.hpp>

extern "C" void kiln_bench_threads(int threads) { Eigen::setNbThreads(threads); }
extern "C" void kiln_bench_product(const kiln::MatmulArgs<float>* args) { kiln::EigenMatmul::run(*args); }
