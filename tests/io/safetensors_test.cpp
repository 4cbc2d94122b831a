// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/io/safetensors.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

#include "../data/fuzz.hpp"

TEST_SUITE_BEGIN("io");

using namespace kiln;

namespace {

/// A path for this test alone, removed at its end.
struct Path {
  std::string path = (std::filesystem::temp_directory_path() / concat("kiln_safetensors_test_", ::getpid())).string();
  ~Path() { std::remove(path.c_str()); }
};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

void write_all(const std::string& path, const std::string& content) {
  std::filesystem::remove(path);  // ext4 waits for the disk when a file is overwritten
  std::ofstream(path, std::ios::binary) << content;
}

/// A file with a header of one's own.
std::string with_header(const std::string& header, const std::string& data) {
  std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

struct Net {
  Linear hidden{3, 2};
  BatchNorm1d norm{2};
  auto operator()(const Var<2>& x) const { return norm(hidden(x)); }
};

std::string bits(Net& model) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(model)) {
    all.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  }
  return all;
}

struct One {
  Param<1> w = zeros({2});
};

std::string message(const std::string& path, auto& model) {
  try {
    load(model, path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("what was saved is loaded, under PyTorch's names") {
  Path file;
  Net model;
  model.norm.running_mean.value(1) = 7;
  save(model, file.path);
  Net other;
  CHECK(bits(other) != bits(model));
  load(other, file.path);
  CHECK(bits(other) == bits(model));
  const std::string content = read_all(file.path);
  for (const char* name : {"\"hidden.weight\":{\"dtype\":\"F32\",\"shape\":[2,3]", "\"norm.running_mean\"",
                           "\"norm.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[]"}) {
    CHECK(content.find(name) != std::string::npos);
  }
  std::uint64_t header = 0;
  std::memcpy(&header, content.data(), sizeof header);
  CHECK(header % 8 == 0);  // so that the data are aligned
}

TEST_CASE("a file that does not fit lists every difference and changes nothing") {
  Path file;
  auto saved = Sequential{Linear{3, 2}, Linear{2, 5}};
  save(saved, file.path);
  auto model = Sequential{Linear{3, 2}, Linear{2, 4}, Linear{4, 1}};
  const auto before = std::get<0>(model.layers).weight.value;
  CHECK(message(file.path, model) == concat("load: ", file.path,
                                            ": the file must fit the model: it does not, and nothing was loaded\n"
                                            "  missing: 2.weight (1, 4)\n"
                                            "  missing: 2.bias (1,)\n"
                                            "  wrong shape: 1.weight is (4, 2) in the model and (5, 2) in the file\n"
                                            "  wrong shape: 1.bias is (4,) in the model and (5,) in the file"));
  CHECK(all_equal(std::get<0>(model.layers).weight.value, before));
  auto smaller = Sequential{Linear{3, 2}};
  CHECK(message(file.path, smaller).find("\n  unexpected: 1.weight (5, 2)\n  unexpected: 1.bias (5,)") !=
        std::string::npos);
}

TEST_CASE("floats of the other width are converted, other types are not") {
  Path file;
  BasicLinear<double> wide{3, 2};
  wide.weight.value(0, 0) = 0.1;
  save(wide, file.path);
  Linear narrow{3, 2};
  load(narrow, file.path);
  CHECK(narrow.weight.value(0, 0) == 0.1f);
  save(narrow, file.path);
  load(wide, file.path);
  CHECK(wide.weight.value(0, 0) == 0.1f);

  One one;
  write_all(file.path, with_header(R"({"w":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}})", std::string(8, '\0')));
  CHECK(message(file.path, one).find("wrong element type: w is F32 in the model and I32 in the file") !=
        std::string::npos);
}

TEST_CASE("floats of 16 bits are read as float or double") {
  Path file;
  One one;
  auto two = [&](const char* type, const std::string& data) {
    write_all(file.path,
              with_header(concat("{\"w\":{\"dtype\":\"", type, "\",\"shape\":[2],\"data_offsets\":[0,4]}}"), data));
    CHECK(message(file.path, one) == "loaded");
  };
  two("F16", std::string("\x00\xc1\xff\x7b", 4));  // numpy.float16([-2.5, 65504]).tobytes()
  CHECK(one.w.value(0) == -2.5f);
  CHECK(one.w.value(1) == 65504);
  two("BF16", std::string("\x20\xc0\x80\x3f", 4));  // torch.tensor([-2.5, 1], dtype=torch.bfloat16)
  CHECK(one.w.value(0) == -2.5f);
  CHECK(one.w.value(1) == 1);
  struct Wide {
    Param<1, double> w = zeros<double>({2});
  } wide;
  CHECK(message(file.path, wide) == "loaded");
  CHECK(wide.w.value(0) == -2.5);
  write_all(file.path, with_header(R"({"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", "ab"));
  CHECK(message(file.path, one).find("wrong element type: w is F32 in the model and F8_E4M3 in the file") !=
        std::string::npos);
}

TEST_CASE("a BOOL is 0 or 1, and anything else changes nothing") {
  struct Flags {
    Param<1> w = ones({1});
    Buffer<1, bool> mask = Tensor<1, bool>{true, false, true};
  };
  Path file;
  Flags flags;
  save(flags, file.path);
  Flags other;
  other.mask.value.fill(false);
  load(other, file.path);
  CHECK(all_equal(other.mask.value, Tensor<1, bool>{true, false, true}));

  std::string content = read_all(file.path);
  content[content.size() - 2] = 7;  // the mask stands last
  content[content.size() - 5] = 0;  // the exponent of w
  write_all(file.path, content);
  CHECK(message(file.path, other) ==
        concat("load: ", file.path, ": mask: every byte of a BOOL must be 0 or 1: byte 1 is 7"));
  CHECK(other.w.value(0) == 1);
  CHECK(other.mask.value(0));
}

TEST_CASE("metadata, spaces and escapes in the header are understood") {
  Path file;
  One one;
  write_all(file.path, with_header("{ \"__metadata__\" : {\"format\":\"pt\", \"x\":\"\\u00e9\\n\"},\n"
                                   "\"\\u0077\": {\"shape\":[ 2 ], \"dtype\":\"F32\", \"data_offsets\":[0,8]} }  ",
                                   std::string("\0\0\x80\x3f\0\0\0\x40", 8)));
  CHECK(message(file.path, one) == "loaded");
  CHECK(one.w.value(0) == 1);
  CHECK(one.w.value(1) == 2);
}

TEST_CASE("bad files have errors of their own") {
  Path file;
  One one;
  auto says = [&](const std::string& content, const std::string& text) {
    write_all(file.path, content);
    const std::string got = message(file.path, one);
    CAPTURE(got);
    CHECK(got.starts_with(concat("load: ", file.path, ": ")));
    CHECK(got.find(text) != std::string::npos);
    CHECK(one.w.value(0) == 0);
  };
  const std::string data(8, '\1');
  auto entry = [](const std::string& fields) { return concat("{\"w\":{", fields, "}}"); };
  says("", "a safetensors file has at least 8 bytes: got 0");
  says("abcdefgh", "is this a safetensors file?");
  says(with_header("{}", ""), "missing: w (2,)");
  says(with_header("[]", ""), "header: expected '{': at byte 0 of the header");
  says(with_header(entry(R"("dtype":"F32","shape":[2])"), data), "expected dtype, shape and data_offsets for w");
  says(with_header(entry(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])"), data),
       "each once, but not shape");
  says(with_header(entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), data), "expected a whole number");
  says(with_header(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), data), "expected two data_offsets for w");
  says(with_header(entry(R"("dtype":"Q7","shape":[2],"data_offsets":[0,8])"), data),
       "w: dtype must be one that safetensors knows: got Q7");
  says(with_header(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), data),
       "w: data_offsets must span the bytes of shape (3,): got [0, 8)");
  says(with_header(entry(R"("dtype":"F32","shape":[4611686018427387904,4,4],"data_offsets":[0,8])"), data),
       "data_offsets must span");
  says(with_header(entry(R"("dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8])"), data),
       "expected a smaller number");
  says(with_header(entry(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])"), data + data),
       "must begin where the tensor before it ends, at 0: got 4");
  says(with_header(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), data + data),
       "the tensors need 8 bytes of data: the file has 16");
  says(
      with_header(
          R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})",
          data),
      "every tensor must have a name of its own: got w twice");
  says(with_header(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])") + "x", data),
       "nothing behind the closing brace");
  CHECK(message("no/such/file", one) == "load: no/such/file: must be possible to open: No such file or directory");
  CHECK(message(".", one) == "load: .: must be a file: it is a folder");
}

TEST_CASE("no truncation and no flipped bit of the header is loaded as something else") {
  Path file;
  Net model;
  save(model, file.path);
  const std::string whole = read_all(file.path);
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), sizeof header);
  Net other;
  const std::string before = bits(other);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_all(file.path, whole.substr(0, length));
    CHECK_THROWS_AS(load(other, file.path), DataError);
  }
  Index loaded = 0;
  for (std::size_t bit = 0; bit < (8 + header) * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    write_all(file.path, flipped);
    if (message(file.path, other) == "loaded") ++loaded;
  }
  CHECK(loaded <= 20);  // bits that turn one kind of white space into another, at the header's end
  if (loaded == 0) CHECK(bits(other) == before);
}

TEST_CASE("damaged files are loaded or refused, and then change nothing") {
  Path file;
  Net model;
  save(model, file.path);
  const std::string whole = read_all(file.path);
  Net other;
  const std::string before = bits(other);
  const Net fresh = other;
  const int loaded = fuzz("x.safetensors", whole, 5000, 0, [&](const std::string& path) {
    try {
      load(other, path, {.strict = false});
    } catch (const Error&) {
      REQUIRE(bits(other) == before);
      throw;
    }
    other = fresh;
  });
  CHECK(loaded > 100);  // what hits the numbers
  CHECK(loaded < 2500);
}

TEST_CASE("a failed save keeps the old file") {
  Path file;
  Net model;
  save(model, file.path);
  const std::string before = read_all(file.path);
  CHECK_THROWS_AS(detail::replace_file("save", file.path,
                                       [](const detail::File& f) {
                                         f.write("half", 4);
                                         throw DataError("stopped");
                                       }),
                  DataError);
  CHECK(read_all(file.path) == before);
  CHECK_THROWS_WITH_AS(save(model, "no/such/folder/x"),
                       doctest::Contains("must be possible to open: No such file or directory"), DataError);
}

TEST_SUITE_END();
