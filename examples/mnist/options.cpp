// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include "options.hpp"

#include <CLI/CLI.hpp>
#include <kiln/core/random.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/kernels/select.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/sgd.hpp>

using namespace kiln;

Options parse(int argc, char** argv) {
  Options options;
  std::vector<std::string> kernels;
  for (const MatmulKernel& kernel : matmul_kernels()) kernels.emplace_back(kernel.name);

  CLI::App app{"Trains a network on MNIST."};
  app.option_defaults()->always_capture_default();
  app.add_option("--epochs", options.epochs, "passes over the training set")->check(CLI::PositiveNumber);
  app.add_option("--batch-size", options.batch_size, "samples a step")->check(CLI::PositiveNumber);
  app.add_option("--lr", options.lr, "learning rate")->check(CLI::PositiveNumber);
  app.add_option("--hidden", options.hidden, "sizes of the hidden layers")->check(CLI::PositiveNumber);
  app.add_option("--dropout", options.dropout, "share of activations dropped")->check(CLI::Range(0.0, 1.0));
  app.add_option("--optimizer", options.optimizer, "update rule")
      ->check(CLI::IsMember({"sgd", "adam", "adamw", "rmsprop"}));
  app.add_option("--matmul", options.matmul, "rung of the matmul ladder")->check(CLI::IsMember(kernels));
  app.add_option("--threads", options.threads, "threads; 0: as many as the machine has")->check(CLI::NonNegativeNumber);
  app.add_option("--seed", options.seed, "of weights, data order and dropout");
  app.add_option("--data", options.data, "folder with the four MNIST files; found by itself if not given");
  app.add_option("--out", options.out, "folder for what is written");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

void apply(const Options& options) {
  manual_seed(options.seed);
  if (options.threads > 0) set_num_threads(options.threads);
  set_default_matmul(matmul_kernel(options.matmul));
}

Optimizer make_optimizer(const Options& options, std::vector<ParamRef> parameters) {
  if (options.optimizer == "sgd") return {SGD{.momentum = 0.9}, std::move(parameters)};
  if (options.optimizer == "adamw") return {AdamW{}, std::move(parameters)};
  if (options.optimizer == "rmsprop") return {RMSProp{}, std::move(parameters)};
  return {Adam{}, std::move(parameters)};
}
