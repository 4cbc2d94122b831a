// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// NumPy's files of one array: `auto x = load_npy<2>("x.npy");` reads it as a `Tensor<2, float>`,
/// `save_npy(x, "x.npy")` writes it. Not part of kiln.hpp: include it where it is used.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/data/byte_source.hpp>
#include <kiln/data/npy_header.hpp>
#include <kiln/tensor/any.hpp>

namespace kiln {

namespace detail {

/// Whether every element of type From is read as To if its value allows: floats as floats (rounded to their width),
/// integers as integers, integers and bools as anything that holds their value.
template <class From, class To>
inline constexpr bool npy_reads_as = [] {
  constexpr bool from_real = std::is_floating_point_v<From> || std::is_same_v<From, Half>;
  if constexpr (std::is_same_v<To, bool>) return std::is_same_v<From, bool>;
  else return !from_real || std::is_floating_point_v<To>;
}();

/// Whether a whole number is exactly one of type F.
template <class F>
bool exact_in(std::uint64_t magnitude) {
  const int digits = static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude);
  return magnitude == 0 || digits <= std::numeric_limits<F>::digits;
}

/// Converts one element; false if To cannot hold its value.
template <class From, class To>
bool convert_element(From from, To& to) {
  if constexpr (std::is_same_v<From, Half>) {
    to = static_cast<To>(half_to_float(from));
  } else if constexpr (std::is_integral_v<From> && std::is_floating_point_v<To>) {
    to = static_cast<To>(from);
    if constexpr (std::numeric_limits<From>::digits > std::numeric_limits<To>::digits)
      return exact_in<To>(from < 0 ? 0 - static_cast<std::uint64_t>(from) : static_cast<std::uint64_t>(from));
  } else {
    to = static_cast<To>(from);
    if constexpr (std::is_integral_v<From> && !std::is_same_v<From, bool> && !std::is_same_v<From, To>)
      return std::in_range<To>(from);
  }
  return true;
}

/// Element by element the positions, in a row-major array, of a column-major one.
class FortranOrder {
 public:
  explicit FortranOrder(Dims dims) : dims_(dims) {
    for (std::size_t axis = dims.size(), step = 1; axis-- > 0; step *= static_cast<std::size_t>(dims[axis]))
      strides_[axis] = static_cast<Index>(step);
  }
  Index next() {
    const Index result = position_;
    for (std::size_t axis = 0; axis < dims_.size(); ++axis) {
      position_ += strides_[axis];
      if (++index_[axis] < dims_[axis]) break;
      position_ -= strides_[axis] * std::exchange(index_[axis], 0);
    }
    return result;
  }

 private:
  Dims dims_;
  std::array<Index, max_rank> strides_{};
  std::array<Index, max_rank> index_{};
  Index position_ = 0;
};

/// Reads elements of type From as To into row-major memory.
template <class From, class To>
void read_npy_elements(ByteSource& source, const NpyHeader& header, To* to) {
  const auto count = static_cast<std::size_t>(checked_numel(header.shape()));
  const bool column_major = header.fortran_order && header.rank > 1;
  if constexpr (std::is_same_v<From, To> && !std::is_same_v<To, bool>) {
    if (!header.big_endian && !column_major) {
      source.read("elements", {reinterpret_cast<unsigned char*>(to), count * sizeof(To)});
      return;
    }
  }
  FortranOrder order(header.shape());
  std::vector<unsigned char> piece((std::min)(count, std::size_t{8192}) * sizeof(From));
  for (std::size_t done = 0; done < count;) {
    const std::size_t here = (std::min)(count - done, piece.size() / sizeof(From));
    source.read("elements", std::span(piece).first(here * sizeof(From)));
    for (std::size_t i = 0; i < here; ++i, ++done) {
      unsigned char* bytes = piece.data() + i * sizeof(From);
      if (header.big_endian) std::reverse(bytes, bytes + sizeof(From));
      if constexpr (std::is_same_v<From, bool>) {  // any other byte in a bool would be undefined behaviour
        if (*bytes > 1) source.fail(concat("element ", done), "a bool must be 0 or 1", concat("got ", int{*bytes}));
      }
      From from;
      std::memcpy(&from, bytes, sizeof from);
      To& target = to[column_major ? static_cast<std::size_t>(order.next()) : done];
      if (convert_element(from, target)) continue;
      if constexpr (std::is_integral_v<From>)
        source.fail(concat("element ", done), concat("must be one that ", npy_type_of<To>, " holds exactly"),
                    concat("got ", from));
    }
  }
}

/// How many bytes the elements take, compared with what there is. Throws: DataError.
inline void check_npy_size(const ByteSource& source, const NpyHeader& header) {
  std::uint64_t bytes = npy_bytes(header.type);
  bool empty = false, huge = false;
  for (Index size : header.shape()) {
    const auto wide = static_cast<std::uint64_t>(size);
    if (wide == 0) empty = true;
    else if (wide > (std::uint64_t{1} << 62) / bytes) huge = true;
    else bytes *= wide;
  }
  if (huge) source.fail("shape", "must fit 64 bits", concat("got ", header.shape()));
  if (empty) bytes = 0;
  if (bytes != source.left()) {
    source.fail(concat("elements of shape ", header.shape()), concat("must have ", bytes, " bytes"),
                concat("there are ", source.left()));
  }
}

template <int R, class T>
Tensor<R, T> read_npy(ByteSource& source) {
  const NpyHeader header = read_npy_header(source);
  if (header.rank != R) source.fail("shape", concat("must have ", R, " axes"), concat("got ", header.shape()));
  check_npy_size(source, header);
  Shape<R> shape;
  std::copy_n(header.dims.begin(), R, shape.dims.begin());
  auto read = [&]<class From>(From) -> Tensor<R, T> {
    if constexpr (npy_reads_as<From, T>) {
      auto result = uninitialised<T>(shape);
      read_npy_elements<From>(source, header, result.data());
      return result;
    } else {
      source.fail("element type", concat("must be one that is read as ", npy_type_of<T>), concat("got ", header.type));
    }
  };
  return visit_npy_type(header.type, read);
}

/// As it is: of the file's rank and element type.
template <int R = 0>
AnyTensor read_any_npy(ByteSource& source, const NpyHeader& header) {
  if (header.rank > R) {
    if constexpr (R < max_rank) return read_any_npy<R + 1>(source, header);
  }
  Shape<R> shape;
  std::copy_n(header.dims.begin(), R, shape.dims.begin());
  return visit_npy_type(header.type, [&]<class From>(From) -> AnyTensor {
    using T = std::conditional_t<std::is_same_v<From, Half>, float, From>;
    auto result = uninitialised<T>(shape);
    read_npy_elements<From>(source, header, result.data());
    return result;
  });
}
inline AnyTensor read_any_npy(ByteSource& source) {
  const NpyHeader header = read_npy_header(source);
  check_npy_size(source, header);
  return read_any_npy<>(source, header);
}

}  // namespace detail

/// What an `.npy` file says about its array. Throws: DataError.
inline NpyHeader read_npy_header(const std::string& path) {
  const detail::File file("read_npy_header", path, O_RDONLY);
  detail::FileSource source(file);
  return detail::read_npy_header(source);
}

/// Reads an array whose rank is known. Floats of any width are read as T, integers if T holds every one of them
/// exactly; either order of bytes, C and Fortran order. Every size is checked before memory is taken. Throws:
/// DataError: `load_npy: file: field: expected: got`.
template <int R, class T = float>
Tensor<R, T> load_npy(const std::string& path) {
  const detail::File file("load_npy", path, O_RDONLY);
  detail::FileSource source(file);
  return detail::read_npy<R, T>(source);
}

/// Reads an array as it is: a tensor of its rank and element type (float for float16). Throws: DataError.
inline AnyTensor load_npy(const std::string& path) {
  const detail::File file("load_npy", path, O_RDONLY);
  detail::FileSource source(file);
  return detail::read_any_npy(source);
}

/// Writes a tensor, in C order. An existing file is replaced in one step, or kept if anything fails. Throws: DataError.
template <int R, class T>
void save_npy(const Tensor<R, T>& x, const std::string& path) {
  const std::string header = detail::npy_header(detail::npy_type_of<T>, x.shape().span());
  detail::replace_file("save_npy", path, [&](const detail::File& file) {
    file.write(header.data(), header.size());
    file.write(x.data(), static_cast<std::size_t>(x.numel()) * sizeof(T));
  });
}

}  // namespace kiln
