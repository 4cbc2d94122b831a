// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Loads what the mnist example saved and reads digits with it. What ships is this small: no training, Eigen or zlib
// header.
//
//   predict out/mnist.safetensors digit.pgm ...     reads 28 x 28 binary PGM images, white ink on black
//   predict out/mnist.safetensors                   reads a one drawn in the program

#include <cstdio>
#include <fstream>
#include <kiln/io/safetensors.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/linear.hpp>
#include <string>

using namespace kiln;

// The same fields as in mnist.cpp, since they are the names in the file, and below the sizes that it has by default.
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

Tensor<4> read_pgm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  file.get();
  if (!file || magic != "P5" || width != 28 || height != 28 || most != 255) {
    throw DataError(path + ": must be a binary PGM image of 28 x 28 pixels");
  }
  Tensor<4> image = zeros({1, 1, 28, 28});
  for (float& pixel : image) pixel = static_cast<float>(file.get());
  if (!file) throw DataError(path + ": ends early");
  return image;
}

Tensor<4> draw_one() {
  Tensor<4> image = zeros({1, 1, 28, 28});
  for (int row = 5; row < 23; ++row) {
    for (int column = 13; column < 16; ++column) image(0, 0, row, column) = 255;
  }
  return image;
}

void read(const Mlp& model, const std::string& name, const Tensor<4>& pixels) {
  // Mean and deviation as in training: mnist_normalise in kiln/data/mnist.hpp.
  const auto probabilities = softmax(model((pixels / 255 - 0.1307) / 0.3081).value());
  const Index digit = argmax(probabilities, 1)(0);
  std::printf("%s: %d (%.1f %%)\n", name.c_str(), static_cast<int>(digit),
              100 * static_cast<double>(probabilities(0, digit)));
}

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.safetensors [DIGIT.pgm ...]\n", argv[0]);
    return 2;
  }
  Mlp model{.hidden = {Linear{784, 512}}, .dropout = {}, .out = {512, 10}};
  load(model, argv[1]);
  if (argc == 2) read(model, "a drawn one", draw_one());
  for (int i = 2; i < argc; ++i) read(model, argv[i], read_pgm(argv[i]));
} catch (const std::exception& error) {
  std::fprintf(stderr, "predict: %s\n", error.what());
  return 1;
}
