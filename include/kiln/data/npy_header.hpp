// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The header of an `.npy` file: a Python dictionary that gives the element type, the order and the shape.
/// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kiln/core/half.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/core/text_cursor.hpp>
#include <kiln/data/byte_source.hpp>

namespace kiln {

/// The element types of arrays that Kiln reads.
enum class NpyType { boolean, i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64 };

/// What an `.npy` file says about its array. Only the first `rank` of `dims` count.
struct NpyHeader {
  NpyType type = NpyType::f32;
  bool big_endian = false;
  bool fortran_order = false;  ///< the first axis varies fastest
  int rank = 0;
  std::array<Index, max_rank> dims{};

  Dims shape() const { return {dims.data(), static_cast<std::size_t>(rank)}; }
};

namespace detail {

struct NpyTypeName {
  NpyType type;
  std::string_view code;  // behind the order of bytes
  std::string_view name;
  std::size_t bytes;
};

inline constexpr std::array<NpyTypeName, 12> npy_types{{{NpyType::boolean, "b1", "bool", 1},
                                                        {NpyType::i8, "i1", "int8", 1},
                                                        {NpyType::i16, "i2", "int16", 2},
                                                        {NpyType::i32, "i4", "int32", 4},
                                                        {NpyType::i64, "i8", "int64", 8},
                                                        {NpyType::u8, "u1", "uint8", 1},
                                                        {NpyType::u16, "u2", "uint16", 2},
                                                        {NpyType::u32, "u4", "uint32", 4},
                                                        {NpyType::u64, "u8", "uint64", 8},
                                                        {NpyType::f16, "f2", "float16", 2},
                                                        {NpyType::f32, "f4", "float32", 4},
                                                        {NpyType::f64, "f8", "float64", 8}}};

constexpr const NpyTypeName& npy_type_name(NpyType type) { return npy_types[static_cast<std::size_t>(type)]; }
constexpr std::size_t npy_bytes(NpyType type) { return npy_type_name(type).bytes; }

template <class T>
inline constexpr NpyType npy_type_of = [] {
  constexpr int width = std::countr_zero(sizeof(T));  // 1, 2, 4, 8 bytes: 0, 1, 2, 3
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "kiln: an .npy file holds bools, integers and floats");
  if constexpr (std::is_same_v<T, bool>) return NpyType::boolean;
  else if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? NpyType::f32 : NpyType::f64;
  else return static_cast<NpyType>(static_cast<int>(std::is_signed_v<T> ? NpyType::i8 : NpyType::u8) + width);
}();

/// Calls f with a value of the type: `visit_npy_type(type, []<class T>(T) { ... })`.
template <class F>
auto visit_npy_type(NpyType type, F f) {
  switch (type) {
    case NpyType::boolean: return f(bool{});
    case NpyType::i8: return f(std::int8_t{});
    case NpyType::i16: return f(std::int16_t{});
    case NpyType::i32: return f(std::int32_t{});
    case NpyType::i64: return f(std::int64_t{});
    case NpyType::u8: return f(std::uint8_t{});
    case NpyType::u16: return f(std::uint16_t{});
    case NpyType::u32: return f(std::uint32_t{});
    case NpyType::u64: return f(std::uint64_t{});
    case NpyType::f16: return f(Half{});
    case NpyType::f32: return f(float{});
    case NpyType::f64: break;
  }
  return f(double{});
}

/// Reads the dictionary. NumPy writes one form of it, but any order, spacing and quotes are a header.
class NpyParser : TextCursor {
 public:
  NpyParser(const ByteSource& source, std::string_view text) : TextCursor(text), source_(&source) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false, has_order = false, has_shape = false;
    take('{');
    while (!skip('}')) {
      const std::string_view key = string();
      take(':');
      if (key == "descr" && !std::exchange(has_type, true)) type(header);
      else if (key == "fortran_order" && !std::exchange(has_order, true)) header.fortran_order = boolean();
      else if (key == "shape" && !std::exchange(has_shape, true)) shape(header);
      else expected("'descr', 'fortran_order' and 'shape', each once");
      if (!skip(',')) {
        take('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) expected("nothing behind the closing brace");
    if (!has_type || !has_order || !has_shape) expected("'descr', 'fortran_order' and 'shape'");
    return header;
  }

 private:
  void type(NpyHeader& header) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[')
      source_->fail("element type", "must be a number or bool", "got an array of records");
    const std::string_view code = string();
    for (const NpyTypeName& known : npy_types) {
      if (code.size() != 3 || code.substr(1) != known.code) continue;
      if (std::string_view("<>|=").find(code[0]) == std::string_view::npos) break;
      if (code[0] == '|' && known.bytes > 1) break;
      header.type = known.type;
      header.big_endian = code[0] == '>' && known.bytes > 1;
      return;
    }
    source_->fail("element type", "must be b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8",
                  code.ends_with('O') ? std::string("got Python objects, which are code and never read")
                                      : concat("got '", code, "'"));
  }

  void shape(NpyHeader& header) {
    take('(');
    bool comma = true;
    while (!skip(')')) {
      if (!comma) expected("',' or ')'");
      const Index size = number();
      if (header.rank == max_rank)
        source_->fail("shape", concat("must have at most ", max_rank, " axes"), "it has more");
      header.dims[static_cast<std::size_t>(header.rank++)] = size;
      comma = skip(',');
    }
    if (header.rank == 1 && !comma) expected("a tuple, such as (3,)");
  }

  bool boolean() {
    skip_space();
    for (std::string_view word : {"True", "False"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return word == "True";
    }
    expected("True or False");
  }

  Index number() {
    skip_space();
    const std::size_t begin = at_;
    Index value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      value = value * 10 + (text_[at_] - '0');
      if (value > Index{1} << 56) expected("a smaller number");
    }
    if (at_ == begin) expected("a whole number");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2
    return value;
  }

  std::string_view string() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') expected("a string");
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\\') ++at_;
    if (at_ >= text_.size() || text_[at_] == '\\') expected("the end of a string");
    return text_.substr(begin, at_++ - begin);
  }

  void take(char c) {
    if (!skip(c)) expected(std::string{'\'', c, '\''});
  }

  [[noreturn]] void expected(std::string_view what) const {
    source_->fail("header", concat("expected ", what), concat("at byte ", at_, " of the dictionary"));
  }

  const ByteSource* source_;
};

/// Reads as far as the elements. Throws: DataError.
inline NpyHeader read_npy_header(ByteSource& source) {
  constexpr std::uint64_t most = 65'536;  // of a plain array it is 128
  std::array<unsigned char, 8> magic{};
  source.read("magic", magic);
  if (std::string_view(reinterpret_cast<const char*>(magic.data()), 6) != "\x93NUMPY")
    source.fail("magic", "must be 93 4e 55 4d 50 59, as of an .npy file", "it is not");
  const int version = magic[6];
  if (version < 1 || version > 3 || magic[7] != 0)
    source.fail("version", "must be 1.0, 2.0 or 3.0", concat("got ", version, ".", int{magic[7]}));
  std::array<unsigned char, 4> length{};
  const auto length_bytes = std::span(length).first(version == 1 ? 2 : 4);
  source.read("header's length", length_bytes);
  const std::uint64_t bytes = little_endian(length_bytes);
  if (bytes > most) source.fail("header's length", concat("must be at most ", most), concat("got ", bytes));
  if (bytes > source.left())
    source.fail("header", concat("must have ", bytes, " bytes"), concat("only ", source.left(), " are left"));
  std::string text(bytes, '\0');
  source.read("header", {reinterpret_cast<unsigned char*>(text.data()), text.size()});
  return NpyParser(source, text).parse();
}

/// The beginning of an `.npy` file, whose elements follow at a multiple of 64 bytes.
inline std::string npy_header(NpyType type, Dims dims) {
  const NpyTypeName& name = npy_type_name(type);
  std::string shape;
  for (Index size : dims) shape += concat(size, dims.size() == 1 ? "," : ", ");
  if (dims.size() > 1) shape.resize(shape.size() - 2);
  std::string text = concat("{'descr': '", name.bytes > 1 ? '<' : '|', name.code,
                            "', 'fortran_order': False, 'shape': (", shape, "), }");
  constexpr std::size_t front = 10;  // magic, version and length
  text.resize((front + text.size() + 1 + 63) / 64 * 64 - front - 1, ' ');
  text += '\n';
  const auto length = text.size();  // at most 300, for eight axes of 64 bits
  return concat("\x93NUMPY", '\1', '\0', static_cast<char>(length & 255), static_cast<char>(length >> 8), text);
}

}  // namespace detail

/// As NumPy calls it: `float32`.
inline void append_text(std::string& out, NpyType type) { out += detail::npy_type_name(type).name; }

}  // namespace kiln
