// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Tensors as text, as NumPy's `str` writes them: aligned columns, the fewest digits that tell numbers apart but at
/// most 8 after the point, and the first and last three entries of each axis where there are more than 1000 elements.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <iosfwd>
#include <string>
#include <vector>

#include <kiln/tensor/tensor.hpp>

namespace kiln {

namespace detail {

inline constexpr Index print_threshold = 1000;
inline constexpr Index print_edge = 3;
inline constexpr std::size_t print_width = 75;
inline constexpr std::size_t print_precision = 8;

/// A number's digits before and after the point, and its exponent with sign: -1.25e-05 is "-1", "25" and "-05".
struct NumberParts {
  std::string whole, fraction, exponent;
};

/// The shortest that reads back the same, or with as many digits after the point as are given.
template <std::floating_point T, class... Digits>
NumberParts number_parts(T x, std::chars_format format, Digits... digits) {
  std::array<char, 400> buffer;
  const char* begin = buffer.data();
  const char* last = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x, format, digits...).ptr;
  const char* e = std::find(begin, last, 'e');
  const char* point = std::find(begin, e, '.');
  return {{begin, point}, {point == e ? e : point + 1, e}, {e == last ? e : e + 1, last}};
}

/// As many digits as the number needs, but at most 8 after the point.
template <std::floating_point T>
NumberParts rounded_parts(T x, std::chars_format format) {
  NumberParts parts = number_parts(x, format);
  if (parts.fraction.size() > print_precision) {
    parts = number_parts(x, format, static_cast<int>(print_precision));
    parts.fraction.resize(parts.fraction.find_last_not_of('0') + 1);
  }
  return parts;
}

inline std::string padded(std::size_t width, std::string text) {
  return text.size() < width ? text.insert(0, width - text.size(), ' ') : text;
}

/// What all numbers of one tensor have in common, so that their columns align.
template <class T>
class FloatFormat {
 public:
  explicit FloatFormat(const std::vector<T>& values) {
    T largest = 0, smallest = 0;
    for (T x : values) {
      if (!std::isfinite(x) || x == 0) continue;
      largest = (std::max)(largest, std::abs(x));
      smallest = smallest == 0 ? std::abs(x) : (std::min)(smallest, std::abs(x));
    }
    scientific_ =
        largest >= T(1e8) || (largest > 0 && (static_cast<double>(smallest) < 1e-4 || largest / smallest > T(1000)));
    std::size_t special = 0;
    bool any_finite = false;
    for (T x : values) {
      if (!std::isfinite(x)) {
        special = (std::max)(special, text_of_special(x).size());
        continue;
      }
      any_finite = true;
      const NumberParts parts = rounded_parts(x, format());
      whole_ = (std::max)(whole_, parts.whole.size());
      fraction_ = (std::max)(fraction_, parts.fraction.size());
      exponent_ = (std::max)(exponent_, parts.exponent.size());
    }
    width_ = (std::max)(special, any_finite ? whole_ + 1 + fraction_ + (scientific_ ? 1 + exponent_ : 0) : 0);
  }

  std::string operator()(T x) const {
    if (!std::isfinite(x)) return padded(width_, text_of_special(x));
    if (scientific_) {
      NumberParts parts = number_parts(x, format(), static_cast<int>(fraction_));
      parts.exponent.insert(1, exponent_ - parts.exponent.size(), '0');
      return padded(width_, concat(parts.whole, ".", parts.fraction, "e", parts.exponent));
    }
    NumberParts parts = rounded_parts(x, format());
    parts.fraction.resize(fraction_, ' ');
    return padded(width_, concat(parts.whole, ".", parts.fraction));
  }

 private:
  std::chars_format format() const { return scientific_ ? std::chars_format::scientific : std::chars_format::fixed; }
  static std::string text_of_special(T x) { return x != x ? "nan" : x > 0 ? "inf" : "-inf"; }

  bool scientific_ = false;
  std::size_t whole_ = 0, fraction_ = 0, exponent_ = 0, width_ = 0;
};

/// The words of a tensor's elements, padded to one width.
template <class T>
std::vector<std::string> element_texts(const std::vector<T>& values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  if constexpr (std::is_floating_point_v<T>) {
    const FloatFormat<T> format(values);
    for (T x : values) texts.push_back(format(x));
  } else {
    std::size_t width = 0;
    for (T x : values) {
      if constexpr (std::is_same_v<T, bool>) texts.push_back(x ? " True" : "False");
      else texts.push_back(concat(+x));
      width = (std::max)(width, texts.back().size());
    }
    for (std::string& text : texts) text = padded(width, std::move(text));
  }
  return texts;
}

/// A scalar as Python writes it: `1.0`, `1e-05`.
template <class T>
std::string scalar_text(T x) {
  if constexpr (std::is_same_v<T, bool>) {
    return x ? "True" : "False";
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(x)) return concat(x != x ? "nan" : x > 0 ? "inf" : "-inf");
    const bool scientific = x != 0 && (static_cast<double>(std::abs(x)) < 1e-4 || std::abs(x) >= T(1e16));
    auto [whole, fraction, exponent] =
        number_parts(x, scientific ? std::chars_format::scientific : std::chars_format::fixed);
    if (scientific) return concat(whole, fraction.empty() ? "" : ".", fraction, "e", exponent);
    return concat(whole, ".", fraction.empty() ? "0" : fraction);
  } else {
    return concat(+x);
  }
}

/// Brackets, line breaks and dots around the words. Source: numpy.core.arrayprint._formatArray.
class PrintLayout {
 public:
  PrintLayout(Dims dims, bool summary, const std::string* words) : dims_(dims), summary_(summary), word_(words) {}

  std::string text(std::size_t axis = 0) {
    const std::string indent(axis + 1, ' ');
    const bool last = axis + 1 == dims_.size();
    std::string done, line = indent;
    auto add = [&](const std::string& word) {
      const std::size_t width = print_width - axis - 1;
      if (last && line.size() + word.size() > width && line.size() > indent.size()) {
        line.resize(line.find_last_not_of(' ') + 1);
        done += line + "\n";
        line = indent;
      }
      line += word;
    };
    bool first = true;
    for_each_shown(dims_[axis], summary_, [&](Index i) {
      if (!std::exchange(first, false)) line += last ? " " : std::string(dims_.size() - axis - 1, '\n') + indent;
      if (i < 0) add("...");
      else add(last ? *word_++ : text(axis + 1));
    });
    done += line;
    return concat("[", std::string_view(done).substr(indent.size()), "]");
  }

  /// Calls f(i) for every entry of an axis that is shown, and f(-1) for the dots.
  template <class F>
  static void for_each_shown(Index size, bool summary, F f) {
    const bool dots = summary && size > 2 * print_edge;
    for (Index i = 0; i < size; ++i) {
      if (dots && i == print_edge) {
        f(Index{-1});
        i = size - print_edge;
      }
      f(i);
    }
  }

 private:
  Dims dims_;
  bool summary_;
  const std::string* word_;
};

/// The elements that are shown, in order.
template <int R, class T>
void collect_shown(const TensorView<R, const T>& x, bool summary, std::vector<T>& shown) {
  if constexpr (R == 0) {
    shown.push_back(*x.data());
  } else {
    PrintLayout::for_each_shown(x.shape()[0], summary, [&](Index i) {
      if (i >= 0) collect_shown(x.row_view(i), summary, shown);
    });
  }
}

}  // namespace detail

/// The tensor as text: `[[1.  2.5]\n [3.  4. ]]`.
template <TensorLike X>
std::string to_string(const X& x) {
  using T = element_t<X>;
  if constexpr (X::rank == 0) {
    return x.data() ? detail::scalar_text(*x.data()) : "[]";
  } else {
    if (x.numel() == 0) return "[]";
    const bool summary = x.numel() > detail::print_threshold;
    std::vector<T> shown;
    detail::collect_shown(TensorView<X::rank, const T>(x.view()), summary, shown);
    const std::vector<std::string> words = detail::element_texts(shown);
    return detail::PrintLayout(x.shape().span(), summary, words.data()).text();
  }
}

template <class Traits, TensorLike X>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const X& x) {
  return out << to_string(x);
}

}  // namespace kiln
