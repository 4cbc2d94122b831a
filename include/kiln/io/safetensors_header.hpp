// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The header of a safetensors file: a JSON object that gives every tensor's element type, shape and place.
/// Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/autograd/param_ref.hpp>
#include <kiln/core/text_cursor.hpp>

namespace kiln::detail {

/// A tensor in the file. Its bytes lie in [begin, end) behind the header.
struct SafetensorsEntry {
  std::string name;
  std::string type;  ///< such as F32
  std::vector<Index> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsType {
  std::string_view name;
  std::size_t bytes;
  bool known = false;     ///< whether Kiln reads such elements
  ElementType type = {};  ///< as what: floats of 16 bits become float
};

inline constexpr std::array<SafetensorsType, 15> safetensors_types{{{"F32", 4, true, ElementType::f32},
                                                                    {"F64", 8, true, ElementType::f64},
                                                                    {"I8", 1, true, ElementType::i8},
                                                                    {"I16", 2, true, ElementType::i16},
                                                                    {"I32", 4, true, ElementType::i32},
                                                                    {"I64", 8, true, ElementType::i64},
                                                                    {"U8", 1, true, ElementType::u8},
                                                                    {"U16", 2, true, ElementType::u16},
                                                                    {"U32", 4, true, ElementType::u32},
                                                                    {"U64", 8, true, ElementType::u64},
                                                                    {"BOOL", 1, true, ElementType::boolean},
                                                                    {"F16", 2, true, ElementType::f32},
                                                                    {"BF16", 2, true, ElementType::f32},
                                                                    {"F8_E4M3", 1},
                                                                    {"F8_E5M2", 1}}};

inline const SafetensorsType* find_safetensors_type(std::string_view name) {
  auto found =
      std::find_if(safetensors_types.begin(), safetensors_types.end(), [&](const auto& t) { return t.name == name; });
  return found == safetensors_types.end() ? nullptr : found;
}
inline const SafetensorsType& safetensors_type(ElementType type) {
  return *std::find_if(safetensors_types.begin(), safetensors_types.end(),
                       [&](const auto& t) { return t.known && t.type == type; });
}

/// Reads the JSON of the header, which has a fixed form: no value of any other kind is accepted.
class SafetensorsParser : TextCursor {
 public:
  SafetensorsParser(std::string place, std::string_view text) : TextCursor(text), place_(std::move(place)) {}

  std::vector<SafetensorsEntry> parse() {
    std::vector<SafetensorsEntry> entries;
    object([&](std::string name) {
      if (name == "__metadata__") {
        object([&](const std::string&) { string(); });
        return;
      }
      entries.push_back(entry(std::move(name)));
    });
    skip_space();
    if (at_ != text_.size()) expected("nothing behind the closing brace");
    return entries;
  }

 private:
  SafetensorsEntry entry(std::string name) {
    SafetensorsEntry result{.name = std::move(name), .type = {}, .shape = {}};
    bool has_type = false, has_shape = false, has_offsets = false;
    object([&](const std::string& key) {
      if (key == "dtype" && !std::exchange(has_type, true)) {
        result.type = string();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        array([&] { result.shape.push_back(static_cast<Index>(number(std::uint64_t{1} << 62))); });
      } else if (key == "data_offsets" && !std::exchange(has_offsets, true)) {
        std::vector<std::uint64_t> offsets;
        array([&] { offsets.push_back(number(std::uint64_t{1} << 62)); });
        if (offsets.size() != 2) expected(concat("two data_offsets for ", result.name));
        result.begin = offsets[0];
        result.end = offsets[1];
      } else {
        expected(concat("dtype, shape and data_offsets for ", result.name, ", each once, but not ", key));
      }
    });
    if (!has_type || !has_shape || !has_offsets) expected(concat("dtype, shape and data_offsets for ", result.name));
    return result;
  }

  template <class F>
  void object(F member) {
    take('{');
    if (skip('}')) return;
    do {
      std::string key = string();
      take(':');
      member(std::move(key));
    } while (skip(','));
    take('}');
  }

  template <class F>
  void array(F element) {
    take('[');
    if (skip(']')) return;
    do element();
    while (skip(','));
    take(']');
  }

  std::uint64_t number(std::uint64_t most) {
    skip_space();
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > most) expected("a smaller number");
    }
    if (at_ == begin || (text_[begin] == '0' && at_ > begin + 1)) expected("a whole number");
    return value;
  }

  std::string string() {
    take('"');
    std::string result;
    while (true) {
      if (at_ >= text_.size()) expected("the end of a string");
      const char c = text_[at_++];
      if (c == '"') return result;
      if (static_cast<unsigned char>(c) < 0x20) expected("no control character in a string");
      if (c != '\\') result += c;
      else append_escaped(result);
    }
  }

  void append_escaped(std::string& to) {
    if (at_ >= text_.size()) expected("the end of a string");
    const char c = text_[at_++];
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (std::size_t i = letters.find(c); i != letters.npos) {
      to += meanings[i];
      return;
    }
    if (c != 'u') expected("a known escape in a string");
    std::uint32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00) {
      if (text_.substr(at_, 2) != "\\u") expected("the second half of a surrogate pair");
      at_ += 2;
      const std::uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) expected("the second half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
      expected("the first half of a surrogate pair");
    }
    append_utf8(to, code);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : ' ';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) expected("four hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  static void append_utf8(std::string& to, std::uint32_t code) {
    auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xC0 | code >> 6);
    } else {
      if (code < 0x10000) {
        put(0xE0 | code >> 12);
      } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
      }
      put(0x80 | (code >> 6 & 0x3F));
    }
    put(0x80 | (code & 0x3F));
  }

  void take(char c) {
    if (!skip(c)) expected(std::string{'\'', c, '\''});
  }

  [[noreturn]] void expected(std::string_view what) const {
    fail<DataError>(place_, concat("header: expected ", what), concat("at byte ", at_, " of the header"));
  }

  std::string place_;
};

/// Checks that element types are known, sizes agree and the tensors fill the data without overlap or gap.
inline void check_safetensors(const std::string& place, std::vector<SafetensorsEntry> entries,
                              std::uint64_t data_bytes) {
  std::vector<std::string_view> names;
  for (const SafetensorsEntry& entry : entries) {
    const SafetensorsType* type = find_safetensors_type(entry.type);
    if (!type)
      fail<DataError>(place, concat(entry.name, ": dtype must be one that safetensors knows"),
                      concat("got ", entry.type));
    std::uint64_t bytes = type->bytes;
    for (Index size : entry.shape) {
      const auto wide = static_cast<std::uint64_t>(size);
      if (wide != 0 && bytes > (std::uint64_t{1} << 62) / wide) bytes = ~std::uint64_t{0};
      else bytes *= wide;
      if (bytes == ~std::uint64_t{0}) break;
    }
    if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
      fail<DataError>(place, concat(entry.name, ": data_offsets must span the bytes of shape ", Dims(entry.shape)),
                      concat("got [", entry.begin, ", ", entry.end, ")"));
    }
    names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    fail<DataError>(place, "every tensor must have a name of its own", concat("got ", *twice, " twice"));
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t next = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != next) {
      fail<DataError>(place, concat(entry.name, " must begin where the tensor before it ends, at ", next),
                      concat("got ", entry.begin));
    }
    next = entry.end;
  }
  if (next != data_bytes) {
    fail<DataError>(place, concat("the tensors need ", next, " bytes of data"), concat("the file has ", data_bytes));
  }
}

/// `text` as a JSON string.
inline std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') result += {'\\', c};
    else if (code < 0x20) result += concat("\\u00", digits[code >> 4], digits[code & 15]);
    else result += c;
  }
  return result += '"';
}

}  // namespace kiln::detail
