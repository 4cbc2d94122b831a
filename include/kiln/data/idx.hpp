// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// IDX, the format of MNIST: a big-endian header (two zero bytes, element type, rank, one 32-bit size per axis), then
/// the elements. `auto images = read_idx<3, std::uint8_t>("train-images-idx3-ubyte.gz");` Plain or gzip.
/// Source: http://yann.lecun.com/exdb/mnist
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <kiln/data/gz.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// The element types of IDX by their code.
enum class IdxType : std::uint8_t { u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e };

/// What an IDX file says about its elements. Only the first `rank` of `dims` count.
struct IdxHeader {
  IdxType type = IdxType::u8;
  int rank = 0;
  std::array<Index, max_rank> dims{};

  Dims shape() const { return {dims.data(), static_cast<std::size_t>(rank)}; }
};

inline void append_text(std::string& out, IdxType type) {
  switch (type) {
    case IdxType::u8: out += "uint8"; return;
    case IdxType::i8: out += "int8"; return;
    case IdxType::i16: out += "int16"; return;
    case IdxType::i32: out += "int32"; return;
    case IdxType::f32: out += "float"; return;
    case IdxType::f64: out += "double"; return;
  }
  out += concat("0x", detail::hex_text(std::array{static_cast<unsigned char>(type)}));
}

namespace detail {

template <class T>
inline constexpr IdxType idx_type = [] {
  if constexpr (std::same_as<T, std::uint8_t>) return IdxType::u8;
  else if constexpr (std::same_as<T, std::int8_t>) return IdxType::i8;
  else if constexpr (std::same_as<T, std::int16_t>) return IdxType::i16;
  else if constexpr (std::same_as<T, std::int32_t>) return IdxType::i32;
  else if constexpr (std::same_as<T, float>) return IdxType::f32;
  else if constexpr (std::same_as<T, double>) return IdxType::f64;
  else static_assert(!sizeof(T), "kiln: an IDX file holds uint8, int8, int16, int32, float or double elements");
}();

/// From the machine's order of bytes to big-endian, or back.
template <class T>
void swap_big_endian(unsigned char* bytes, std::size_t count) {
  if constexpr (sizeof(T) > 1 && std::endian::native == std::endian::little) {
    for (std::size_t i = 0; i < count; ++i, bytes += sizeof(T)) std::reverse(bytes, bytes + sizeof(T));
  }
}

inline IdxHeader read_idx_header(InputFile& file) {
  std::array<unsigned char, 4> magic{};
  file.read_exactly("magic", magic);
  if (magic[0] != 0 || magic[1] != 0) {
    file.fail("magic", "must be 00 00, element type, rank", concat("got ", hex_text(magic)));
  }
  IdxHeader header{.type = IdxType{magic[2]}, .rank = magic[3], .dims = {}};
  const bool known = (magic[2] >= 0x08 && magic[2] <= 0x0e && magic[2] != 0x0a);
  if (!known) file.fail("element type", "must be 08, 09, 0b, 0c, 0d or 0e", concat("got ", hex_text({&magic[2], 1})));
  if (header.rank < 1 || header.rank > max_rank) {
    file.fail("rank", concat("must lie between 1 and ", max_rank), concat("got ", header.rank));
  }
  for (int axis = 0; axis < header.rank; ++axis) {
    std::array<unsigned char, 4> size{};
    file.read_exactly(concat("size of axis ", axis), size);
    for (unsigned char byte : size) {
      Index& dim = header.dims[static_cast<std::size_t>(axis)];
      dim = dim << 8 | byte;
    }
  }
  return header;
}

}  // namespace detail

/// The header of an IDX file. Throws: DataError.
inline IdxHeader read_idx_header(std::string_view path) {
  InputFile file("read_idx_header", path);
  return detail::read_idx_header(file);
}

/// Reads an IDX file whose rank and element type are known. Every size is checked before memory is taken.
/// Throws: DataError for another rank or type, and for any file that is not whole: `read_idx: file: field: expected:
/// got`.
template <int Rank, class T = std::uint8_t>
Tensor<Rank, T> read_idx(std::string_view path) {
  static_assert(Rank >= 1, "kiln: an IDX file has at least one axis");
  constexpr IdxType type = detail::idx_type<T>;
  InputFile file("read_idx", path);
  IdxHeader header = detail::read_idx_header(file);
  if (header.type != type) file.fail("element type", concat("must be ", type), concat("got ", header.type));
  if (header.rank != Rank) file.fail("rank", concat("must be ", Rank), concat("got ", header.rank));

  Shape<Rank> shape;
  bool too_large = false;
  std::uint64_t bytes = sizeof(T);
  constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<Index>::max)());
  for (int axis = 0; axis < Rank; ++axis) {
    shape[axis] = header.dims[static_cast<std::size_t>(axis)];
    auto size = static_cast<std::uint64_t>(shape[axis]);
    if (size != 0 && bytes > most / size) too_large = true;
    else bytes *= size;
  }
  if (too_large && bytes != 0) file.fail("sizes", "must fit 64 bits", concat("got shape ", shape));

  file.expect_rest(concat("elements of shape ", shape), bytes);
  auto result = detail::uninitialised<T>(shape);
  auto* to = reinterpret_cast<unsigned char*>(result.data());
  file.read_exactly("elements", {to, static_cast<std::size_t>(bytes)});
  file.expect_end();
  detail::swap_big_endian<T>(to, static_cast<std::size_t>(result.numel()));
  return result;
}

/// Writes a tensor as a plain IDX file. Throws: DataError; ShapeError if a size does not fit 32 bits.
template <int Rank, class T>
void write_idx(std::string_view path, const Tensor<Rank, T>& x) {
  static_assert(Rank >= 1, "kiln: an IDX file has at least one axis");
  const std::string op = concat("write_idx: ", path);
  std::string bytes{'\0', '\0', static_cast<char>(detail::idx_type<T>), static_cast<char>(Rank)};
  for (Index size : x.shape()) {
    if (!std::in_range<std::uint32_t>(size)) {
      fail<ShapeError>(op, "every size must fit 32 bits", concat("got shape ", x.shape()));
    }
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  }
  const std::size_t header = bytes.size();
  bytes.resize(header + static_cast<std::size_t>(x.numel()) * sizeof(T));
  if (x.numel()) std::memcpy(bytes.data() + header, x.data(), bytes.size() - header);
  detail::swap_big_endian<T>(reinterpret_cast<unsigned char*>(bytes.data() + header), std::size_t(x.numel()));

  detail::FileHandle file(std::fopen(std::string(path).c_str(), "wb"));
  const bool written =
      file && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() && std::fflush(file.get()) == 0;
  if (!written) fail<DataError>(op, "the file must be writable", detail::system_message(errno));
}

}  // namespace kiln
