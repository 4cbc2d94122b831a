// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Comparison of whole models with PyTorch's twins of them; see tests/oracles/models.py.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/io/safetensors.hpp>
#include <kiln/nn/module.hpp>
#include <kiln/train/summary.hpp>

#include "../nn/oracle.hpp"

inline const Oracle pytorch[] = {
#include "models.inc"
};

/// 32 bits of FNV-1a.
inline std::uint32_t seed_of(std::string_view name) {
  std::uint32_t h = 2166136261;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 16777619;
  return h;
}

/// Weights that are a formula of their names.
template <class Model>
void fill(Model& model) {
  kiln::for_each_part(model, []<class Part>(const std::string& path, Part& part) {
    if constexpr (kiln::is_param<Part>) {
      const bool norm_weight = Part::rank == 1 && path.ends_with("weight");
      part.value = numbers<typename Part::value_type>(part.value.shape(), seed_of(path)) / 8 + (norm_weight ? 1 : 0);
    }
  });
}

template <int R, class T>
kiln::Tensor<0, T> one_number(const kiln::Tensor<R, T>& x) {
  return kiln::sum(x * numbers<T>(x.shape(), 77));
}

/// In training: the output, the gradients; then, with the statistics that this has left, eval mode.
template <class Model, int R>
void check_model(const std::string& name, Model model, const kiln::Shape<R>& shape) {
  CAPTURE(name);
  fill(model);
  const auto x = numbers<double>(shape, 5);
  kiln::Tape tape{kiln::Mode::train};
  const auto v = tape.variable(x);
  const auto y = model(v);
  if (y.numel() < 100) check_oracle(pytorch, name, y.value(), 1e-9);
  else check_oracle(pytorch, name, one_number(y.value()), 1e-9);
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".dx", one_number(tape.grad(v)), 1e-9);
  double tensors = 0, elements = 0;
  kiln::for_each_part(model, [&]<class Part>(const std::string& path, Part& part) {
    if constexpr (kiln::is_param<Part>) {
      check_oracle(pytorch, name + "." + path, one_number(tape.grad(part)), 1e-9);
      ++tensors, elements += static_cast<double>(part.value.numel());
    }
  });
  check_oracle(pytorch, name + ".parameters", kiln::Tensor<1, double>({tensors, elements}));
  tape.commit();
  check_oracle(pytorch, name + ".eval", one_number(std::as_const(model)(x).value()), 1e-9);
}

/// The number of parameters, and the shape that comes out.
template <class Model, int R>
void check_size(const std::string& name, const Model& model, const kiln::Shape<R>& shape) {
  const auto y = model(kiln::zeros(shape));
  auto sizes = kiln::zeros<double>({1 + y.rank});
  sizes(0) = static_cast<double>(kiln::parameter_count(model));
  for (int axis = 0; axis < y.rank; ++axis) sizes(axis + 1) = static_cast<double>(y.size(axis));
  check_oracle(pytorch, name + ".size", sizes);
}

/// All layers that hold parameters run and are in the table; what is saved loads into a twin and gives the same; and a
/// const model may be called by several threads at once.
template <class Model>
void check_uses(Model& model, Model twin, const kiln::Tensor<4>& x) {
  const auto table = kiln::summary(model, x, {.timed_runs = 0});
  CHECK(table.silent.empty());
  CHECK(table.trainable == kiln::parameter_count(model));
  CHECK(table.flops > 0);
  CHECK(table.text().find("Conv2d") != std::string::npos);

  const auto file = std::filesystem::temp_directory_path() / kiln::concat("kiln_model_", ::getpid(), ".safetensors");
  kiln::save(model, file.string());
  kiln::load(twin, file.string());
  std::filesystem::remove(file);
  const auto expected = model(x).value();
  auto same = [&](const auto& y) { return std::equal(y.begin(), y.end(), expected.begin(), expected.end()); };
  CHECK(same(twin(x).value()));

  std::array<bool, 4> equal{};
  std::vector<std::thread> threads;
  for (bool& ok : equal) threads.emplace_back([&] { ok = same(std::as_const(model)(x).value()); });
  for (std::thread& thread : threads) thread.join();
  CHECK(std::ranges::count(equal, true) == 4);
}
