// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Trains a small network to read handwritten digits, saves it, and shows some that it misreads.

#include <filesystem>
#include <iostream>
#include <kiln/kiln.hpp>
#include <kiln/train/summary.hpp>

#include "mnist/options.hpp"

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

// A callback is a plain struct too: this one takes the last epoch at a tenth of the learning rate.
struct Settle {
  void on(BeforeEpoch, Fit& fit) {
    if (fit.epoch() > 0 && fit.epoch() + 1 == fit.epochs()) fit.optimizer().hyper(0, "lr") /= 10;
  }
};

Mlp make_model(const Options& options) {
  Mlp model{.hidden = {}, .dropout = {.p = options.dropout}, .out = {}};
  Index width = 28 * 28;
  for (int size : options.hidden) model.hidden.push_back(Linear{std::exchange(width, size), size});
  model.out = Linear{width, 10};
  return model;
}

// Draws the first few digits that were misread, side by side, two pixels to a character.
void show_misread(const ImageDataset& images, const Tensor<1, Index>& read, Index how_many) {
  std::vector<Index> wrong;
  for (Index i = 0; i < read.numel() && std::ssize(wrong) < how_many; ++i) {
    if (read(i) != images.label(i)) wrong.push_back(i);
  }
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

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  apply(options);

  auto data = mnist({.batch_size = options.batch_size, .path = options.data});
  auto model = make_model(options);
  std::cout << summary(model, zeros({options.batch_size, 1, 28, 28})) << "\n";

  Learner learn{data, model, CrossEntropy{}, make_optimizer(options, parameters(model)), Accuracy{}, Settle{}};
  learn.fit(options.epochs, options.lr);

  const auto test = learn.validate(data.test);
  const auto read = argmax(learn.get_preds(data.test).preds, 1);
  std::cout << "\n";
  show_misread(data.test.dataset(), read, 4);

  const std::string file = options.out + "/mnist.safetensors";
  std::filesystem::create_directories(options.out);
  save(model, file);
  std::cout << "\nsaved: " << file << "\ntest accuracy: " << fixed(test.metrics[0].value, 4) << "\n";
} catch (const std::exception& error) {
  std::cerr << "mnist: " << error.what() << "\n";
  return 1;
}
