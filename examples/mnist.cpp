// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Trains a small network to read handwritten digits, saves it, and shows some that it misreads.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <kiln/kiln.hpp>

using namespace kiln;

// A model is a plain struct; its parameters are found by reflection.
struct Mlp {
  std::vector<Linear> hidden;
  Dropout dropout;
  Linear out;

  auto operator()(const Var<4>& images) const {
    auto x = flatten(images);
    for (const Linear& layer : hidden) x = dropout(relu(layer(x)));
    return out(x);
  }
};

struct Options {
  int epochs = 5;
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

Options parse(int argc, char** argv);
Mlp make_model(const Options& options);
Optimizer make_optimizer(const Options& options, Mlp& model);
void show_misread(const ImageDataset& images, const Tensor<1, Index>& read, Index how_many);

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  manual_seed(options.seed);
  if (options.threads > 0) set_num_threads(options.threads);
  set_default_matmul(matmul_kernel(options.matmul));

  auto data = mnist({.batch_size = options.batch_size, .path = options.data});
  auto model = make_model(options);
  auto optimizer = make_optimizer(options, model);
  std::cout << summary(model, zeros({options.batch_size, 1, 28, 28})).text() << "\n";

  Learner learn{data, model, CrossEntropy{}, optimizer, Accuracy{}};
  learn.fit(options.epochs, options.lr);
  learn.fit(1, options.lr / 10);  // settle

  auto test = learn.validate(data.test);
  auto read = argmax(learn.get_preds(data.test).preds, 1);
  show_misread(data.test.dataset(), read, 4);

  const std::string file = options.out + "/mnist.safetensors";
  std::filesystem::create_directories(options.out);
  save(model, file);
  std::cout << "\nsaved: " << file << "\ntest accuracy: " << fixed(test.metrics[0].value, 4) << "\n";
} catch (const std::exception& error) {
  std::cerr << "mnist: " << error.what() << "\n";
  return 1;
}

Mlp make_model(const Options& options) {
  Mlp model{.hidden = {}, .dropout = {.p = options.dropout}, .out = {}};
  Index width = 28 * 28;
  for (int size : options.hidden) model.hidden.push_back(Linear{std::exchange(width, size), size});
  model.out = Linear{width, 10};
  return model;
}

Optimizer make_optimizer(const Options& options, Mlp& model) {
  if (options.optimizer == "sgd") return {SGD{.momentum = 0.9}, parameters(model)};
  if (options.optimizer == "adamw") return {AdamW{}, parameters(model)};
  if (options.optimizer == "rmsprop") return {RMSProp{}, parameters(model)};
  return {Adam{}, parameters(model)};
}

// Draws the first few digits that were misread, side by side, two pixels to a character.
void show_misread(const ImageDataset& images, const Tensor<1, Index>& read, Index how_many) {
  std::vector<Index> wrong;
  for (Index i = 0; i < read.numel() && std::ssize(wrong) < how_many; ++i) {
    if (read(i) != images.label(i)) wrong.push_back(i);
  }
  if (wrong.empty()) return;
  std::cout << "\n";
  for (Index i : wrong) std::cout << "a " << images.label(i) << " read as " << read(i) << std::string(16, ' ');
  std::cout << "\n";
  constexpr std::array shades{" ", "░", "▒", "▓", "█"};
  for (Index row = 2; row < 26; row += 2) {
    for (Index i : wrong) {
      for (Index column = 0; column < 28; ++column) {
        const int ink = (images.pixels(i)(0, row, column) + images.pixels(i)(0, row + 1, column)) / 2;
        std::cout << shades[static_cast<std::size_t>(ink * 5 / 256)];
      }
    }
    std::cout << "\n";
  }
}

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app{"Trains a network on MNIST."};
  app.add_option("--epochs", options.epochs, "passes over the training set")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--batch-size", options.batch_size, "samples a step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--lr", options.lr, "learning rate")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--hidden", options.hidden, "sizes of the hidden layers")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--dropout", options.dropout, "share of activations dropped")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--optimizer", options.optimizer, "update rule")
      ->check(CLI::IsMember({"sgd", "adam", "adamw", "rmsprop"}))
      ->capture_default_str();
  std::vector<std::string> kernels;
  for (const MatmulKernel& kernel : matmul_kernels()) kernels.emplace_back(kernel.name);
  app.add_option("--matmul", options.matmul, "rung of the matmul ladder")
      ->check(CLI::IsMember(kernels))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads; 0: as many as the machine has")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of weights, data order and dropout")->capture_default_str();
  app.add_option("--data", options.data, "folder with the four MNIST files; found by itself if not given");
  app.add_option("--out", options.out, "folder for what is written")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}
