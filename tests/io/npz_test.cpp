// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/io/npz.hpp>

#include <doctest/doctest.h>

#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/tensor/reduce.hpp>

#include "../data/files.hpp"
#include "../data/fuzz.hpp"

TEST_SUITE_BEGIN("io");

using namespace kiln;

namespace {

struct Net {
  Linear hidden{3, 2};
  BatchNorm1d norm{2};
};

std::string bits(Net& model) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(model))
    all.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return all;
}

template <class Model>
std::string message(Model& model, const std::string& path, const LoadOptions& options = {}) {
  try {
    load_npz(model, path, options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("a model goes through an npz file under PyTorch's names") {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  Net model;
  model.norm.running_mean.value(1) = 7;
  model.norm.num_batches_tracked.value = 3;
  for (bool compress : {false, true}) {
    save_npz(model, path, {.compress = compress});
    Net other;
    CHECK(load_npz(other, path).complete());
    CHECK(bits(other) == bits(model));
  }
  const NpzFile file = load_npz(path);
  CHECK(file.names() == std::vector<std::string>{"hidden.weight", "hidden.bias", "norm.weight", "norm.bias",
                                                 "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"});
  CHECK(file.get<0, std::int64_t>("norm.num_batches_tracked").item() == 3);
}

TEST_CASE("an npz file that does not fit lists every difference and changes nothing") {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  Net model;
  const std::string before = bits(model);
  save_npz({{"hidden.weight", Tensor<2>{{1, 2}}},
            {"hidden.bias", Tensor<1, int>{1, 2}},
            {"norm.weight", Tensor<1>{5, 5}},
            {"other", Tensor<0>(1)}},
           path);
  CHECK(message(model, path) == concat("load_npz: ", path,
                                       ": the file must fit the model: it does not, and nothing was loaded\n"
                                       "  missing: norm.bias (2,)\n"
                                       "  missing: norm.running_mean (2,)\n"
                                       "  missing: norm.running_var (2,)\n"
                                       "  missing: norm.num_batches_tracked ()\n"
                                       "  unexpected: other ()\n"
                                       "  wrong shape: hidden.weight is (2, 3) in the model and (1, 2) in the file\n"
                                       "  wrong element type: hidden.bias is float32 in the model and int32 in the "
                                       "file"));
  CHECK(bits(model) == before);
  CHECK(load_npz(model, path, {.strict = false}).loaded == std::vector<std::string>{"norm.weight"});
  CHECK(all_equal(model.norm.weight->value, Tensor<1>{5, 5}));
}

TEST_CASE("a damaged array changes nothing") {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  Net model;
  save_npz(model, path);
  std::string content = read_bytes(path);
  const std::size_t at = content.rfind("\x93NUMPY") + 128;  // the last array's element
  content[at] = 1;
  folder.write("x.npz", content);
  Net other;
  const std::string before = bits(other);
  CHECK(message(other, path) == concat("load_npz: ", path,
                                       ": norm.num_batches_tracked.npy: entry: must have the "
                                       "checksum that the directory says: it is damaged"));
  CHECK(bits(other) == before);
}

TEST_CASE("floats of other widths are converted") {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  save_npz({{"weight", Tensor<2, double>{{0.1, 2}}}, {"bias", Tensor<1, double>{3}}}, path);
  Linear layer{2, 1};
  load_npz(layer, path);
  CHECK(layer.weight.value(0, 0) == 0.1f);
  save_npz(layer, path);
  BasicLinear<double> wide{2, 1};
  load_npz(wide, path);
  CHECK(wide.weight.value(0, 0) == 0.1f);
  struct Two {
    Param<1> halves = zeros({2});
  } two;
  load_npz(two, "tests/data/arrays/halves.npz");
  CHECK(all_equal(two.halves.value, Tensor<1>{0.5, -2.5}));
}

TEST_CASE("damaged weights are loaded or refused, and then change nothing") {
  const TempFolder folder;
  Net model;
  save_npz(model, folder / "x.npz");
  const Net fresh;
  Net other = fresh;
  const std::string before = bits(other);
  const int loaded = fuzz("x.npz", read_bytes(folder / "x.npz"), 3000, 300, [&](const std::string& path) {
    try {
      load_npz(other, path);
    } catch (const Error&) {
      REQUIRE(bits(other) == before);
      throw;
    }
    REQUIRE(bits(other) == bits(model));  // checksums let nothing else through
    other = fresh;
  });
  CHECK(loaded > 50);
}

TEST_SUITE_END();
