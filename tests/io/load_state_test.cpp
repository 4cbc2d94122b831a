// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/io/load_state.hpp>

#include <doctest/doctest.h>

#include <kiln/io/safetensors.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

#include "../data/files.hpp"

TEST_SUITE_BEGIN("io");

using namespace kiln;

namespace {

using Names = std::vector<std::string>;

/// A path for this test alone, removed at its end.
struct Path {
  TempFolder folder;
  std::string path = folder / "x.safetensors";
};

struct Body {
  Linear first{2, 3};
  Linear second{3, 3};
};

struct Pretrained {
  Body body;
  Linear fc{3, 5};
};

struct Tuned {
  Body body;
  Linear head{3, 2};
};

template <class Model>
void number(Model& model, float from) {
  for (const ParamRef& tensor : parameters(model)) {
    for (float& x : tensor.value<float>()) x = from++;
  }
}

template <class Model>
std::string message(Model& model, const std::string& path, const LoadOptions& options) {
  try {
    load(model, path, options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("what fits is loaded and the rest reported") {
  Path file;
  Pretrained old;
  number(old, 100);
  save(old, file.path);

  Tuned model;
  number(model, 0);
  const Tensor<2> head = model.head.weight.value;
  const LoadReport report = load(model, file.path, {.strict = false});
  CHECK(report.loaded == Names{"body.first.weight", "body.first.bias", "body.second.weight", "body.second.bias"});
  CHECK(report.missing == Names{"head.weight", "head.bias"});
  CHECK(report.unexpected == Names{"fc.weight", "fc.bias"});
  CHECK(report.mismatched.empty());
  CHECK(!report.complete());
  CHECK(concat(report) ==
        "loaded 4 tensors\n  missing: head.weight (2, 3)\n  missing: head.bias (2,)\n"
        "  unexpected: fc.weight (5, 3)\n  unexpected: fc.bias (5,)");
  CHECK(all_equal(model.body.second.weight.value, old.body.second.weight.value));
  CHECK(all_equal(model.head.weight.value, head));
}

TEST_CASE("renamed tensors of another shape or element type are reported and stay as they were") {
  Path file;
  Pretrained old;
  save(old, file.path);
  Tuned model;
  number(model, 0);
  const Tensor<2> head = model.head.weight.value;
  const LoadReport report = load(model, file.path, {.strict = false, .rename = {{"fc", "head"}}});
  CHECK(report.mismatched == Names{"head.weight", "head.bias"});
  CHECK(report.differences ==
        "\n  wrong shape: head.weight is (2, 3) in the model and (5, 3) in the file"
        "\n  wrong shape: head.bias is (2,) in the model and (5,) in the file");
  CHECK(all_equal(model.head.weight.value, head));

  struct Counter {
    Param<1> w = zeros({2});
    Buffer<1, std::int64_t> count = Tensor<1, std::int64_t>{1, 2};
  };
  struct Narrow {
    Param<1> w = ones({2});
    Buffer<1, int> count = Tensor<1, int>{3, 4};
  };
  save(Counter{}, file.path);
  Narrow narrow;
  CHECK(load(narrow, file.path, {.strict = false}).mismatched == Names{"count"});
  CHECK(narrow.count.value(1) == 4);
  CHECK(narrow.w.value(1) == 0);
}

TEST_CASE("skipped paths stay as they are, and strictness holds for the others") {
  Path file;
  Pretrained old;
  number(old, 100);
  save(old, file.path);

  Pretrained same;
  number(same, 0);
  const Tensor<2> fc = same.fc.weight.value;
  const LoadReport report = load(same, file.path, {.skip = {"fc"}});
  CHECK(report.complete());
  CHECK(report.skipped == Names{"fc.weight", "fc.bias"});
  CHECK(concat(report) == "loaded 4 tensors, skipped 2");
  CHECK(all_equal(same.fc.weight.value, fc));
  CHECK(all_equal(same.body.first.weight.value, old.body.first.weight.value));

  Tuned model;  // a head of its own: the file's has another name
  CHECK(message(model, file.path, {.skip = {"head"}}) ==
        concat("load: ", file.path,
               ": the file must fit the model: it does not, and nothing was loaded\n"
               "  unexpected: fc.weight (5, 3)\n  unexpected: fc.bias (5,)"));
  CHECK(message(model, file.path, {.rename = {{"fc", "head"}}, .skip = {"head"}}) == "loaded");
  CHECK(message(model, file.path, {.rename = {{"fc", "head"}}, .skip = {"head", "body.first.", "body.second.bias"}}) ==
        "loaded");
  CHECK(message(model, file.path, {.rename = {{"fc", "head"}}, .skip = {"head", "body"}}) == "loaded");
}

TEST_CASE("a part of the file is loaded into a part of the model") {
  Path file;
  Pretrained old;
  number(old, 100);
  save(old, file.path);

  Body body;
  for (const char* prefix : {"body", "body."}) {
    number(body, 0);
    CHECK(load(body, file.path, {.prefix = prefix}).loaded.size() == 4);
    CHECK(all_equal(body.second.weight.value, old.body.second.weight.value));
  }
  Tuned model;
  load(model.body.first, file.path, {.prefix = "body.first"});
  CHECK(all_equal(model.body.first.weight.value, old.body.first.weight.value));

  auto layers = Sequential{Linear{2, 3}, ReLU{}, Linear{3, 3}};
  load(layers, file.path, {.prefix = "body", .rename = {{"first", "0"}, {"second", "2"}}});
  CHECK(all_equal(std::get<2>(layers.layers).weight.value, old.body.second.weight.value));
  save(layers, file.path);
  load(body, file.path, {.rename = {{"0.", "first."}, {"2", "second"}}});
  CHECK(all_equal(body.first.weight.value, old.body.first.weight.value));
  struct Wrapped {
    Body module;
  };
  save(Wrapped{body}, file.path);
  load(model.body, file.path, {.rename = {{"module", ""}}});
  CHECK(message(model, file.path, {.rename = {{"module", "body"}}, .skip = {"head"}}) == "loaded");
}

TEST_CASE("paths are whole") {
  CHECK(detail::lies_below("body.1.weight", "body.1"));
  CHECK(detail::lies_below("body", "body"));
  CHECK(detail::lies_below("body", ""));
  CHECK_FALSE(detail::lies_below("body.10.weight", "body.1"));
  CHECK_FALSE(detail::lies_below("bod", "body"));
  const LoadOptions options{.prefix = "net.", .rename = {{"1", "2"}, {"2", "1"}, {"w", "weight"}}};
  CHECK(detail::name_in_model("net.1.bias", options) == "2.bias");
  CHECK(detail::name_in_model("net.2.bias", options) == "1.bias");  // each once: names can be exchanged
  CHECK(detail::name_in_model("net.12.bias", options) == "12.bias");
  CHECK(detail::name_in_model("net.w", options) == "weight");
  CHECK(detail::name_in_model("network.w", options).empty());
}

TEST_CASE("options that can only be mistakes are errors, and nothing is loaded") {
  Path file;
  Pretrained old;
  save(old, file.path);
  Pretrained model;
  number(model, 0);
  auto says = [&](const LoadOptions& options, std::string_view text) {
    const std::string got = message(model, file.path, options);
    CAPTURE(got);
    CHECK(got.starts_with(concat("load: ", file.path, ": ", text)));
    CHECK(model.body.first.weight.value(0, 1) == 1);
  };
  says({.prefix = "bdy"}, "prefix must be a path of the file: got 'bdy'");
  says({.strict = false, .rename = {{"head", "fc"}}}, "rename must be a path of the file: got 'head'");
  says({.prefix = "body", .rename = {{"body", "x"}}}, "rename must be a path of the file: got 'body'");
  says({.strict = false, .skip = {"fc", "head"}}, "skip must be a path of the model: got 'head'");
  says({.strict = false, .rename = {{"fc", "body.first"}}},
       "renamed tensors must have names of their own: body.first.bias and fc.bias both become body.first.bias");
  says({.strict = false, .prefix = "body.first"},
       "at least one tensor must fit the model: none does, and nothing was loaded\n  missing: body.first.weight");
}

TEST_SUITE_END();
