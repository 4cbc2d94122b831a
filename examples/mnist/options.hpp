// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The command line of the mnist example, in a file of its own so that mnist.cpp tells only of the training.
#pragma once

#include <cstdint>
#include <kiln/optim/optimizer.hpp>
#include <string>
#include <vector>

struct Options {
  int epochs = 6;
  int batch_size = 64;
  double lr = 1e-3;
  std::vector<int> hidden = {512};
  double dropout = 0.2;
  std::string optimizer = "adam";
  std::string matmul = "native";
  int threads = 0;
  std::uint64_t seed = 1;
  std::string data;
  std::string out = "out";
};

/// Reads the command line; ends the program after --help or a mistake.
Options parse(int argc, char** argv);

/// Makes the choices that hold for the whole program: seed, threads, matmul kernel.
void apply(const Options& options);

/// The update rule of that name.
kiln::Optimizer make_optimizer(const Options& options, std::vector<kiln::ParamRef> parameters);
