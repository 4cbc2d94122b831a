// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Writing SVG: elements with attributes, every text escaped, numbers short and the same in every locale.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kiln/core/text.hpp>
#include <kiln/viz/utf8.hpp>

namespace kiln::detail {

/// A rectangle in pixels; y grows downwards.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

/// The size of a picture in pixels.
struct Size {
  double width = 0, height = 0;
};

/// Text for XML and HTML, inside an element or an attribute in double quotes. Characters that XML 1.0 forbids and what
/// is not UTF-8 become U+FFFD; a line break or tab becomes a space.
inline std::string xml_text(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_code_point(text, at);
    if (point == '<') escaped += "&lt;";
    else if (point == '>') escaped += "&gt;";
    else if (point == '&') escaped += "&amp;";
    else if (point == '"') escaped += "&quot;";
    else if (point == '\'') escaped += "&#39;";
    else if (point == '\n' || point == '\r' || point == '\t') escaped += ' ';
    else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0xfffd && point <= 0xffff))
      escaped += "\xef\xbf\xbd";
    else escaped += text.substr(begin, at - begin);
  }
  return escaped;
}

/// A coordinate with at most two decimals. What is not finite, which no caller should draw, is 0.
inline void append_coordinate(std::string& out, double number) {
  if (!std::isfinite(number)) number = 0;
  const auto hundredths = static_cast<long long>(std::llround(std::clamp(number, -1e7, 1e7) * 100));
  if (hundredths < 0) out += '-';
  const long long size = hundredths < 0 ? -hundredths : hundredths;
  append_text(out, size / 100);
  if (size % 100 == 0) return;
  out += '.';
  out += static_cast<char>('0' + size / 10 % 10);
  if (size % 10) out += static_cast<char>('0' + size % 10);
}

/// A point in pixels.
struct Point {
  double x;
  double y;
};

/// A line through points, for the attribute `d` of a path.
inline std::string path_of(std::span<const Point> points) {
  std::string path;
  for (std::size_t i = 0; i < points.size(); ++i) {
    path += i ? 'L' : 'M';
    append_coordinate(path, points[i].x);
    path += ' ';
    append_coordinate(path, points[i].y);
  }
  return path;
}
inline std::string path_of(std::initializer_list<Point> points) {
  return path_of(std::span<const Point>(points.begin(), points.size()));
}

/// One attribute: a number or a text.
struct Attribute {
  std::string_view name;
  std::string_view text = {};
  double number = 0;
  bool is_number = false;

  template <class T>
    requires std::is_arithmetic_v<T>
  Attribute(std::string_view label, T value) : name(label), number(static_cast<double>(value)), is_number(true) {}
  Attribute(std::string_view label, std::string_view value) : name(label), text(value) {}
};
using Attributes = std::initializer_list<Attribute>;

/// The elements of a picture, as text that grows.
class Drawing {
 public:
  /// An element with text in it, or none.
  void element(std::string_view tag, Attributes attributes, std::string_view text = {}) {
    start(tag, attributes);
    if (text.empty()) {
      body_ += "/>\n";
    } else {
      body_ += '>';
      body_ += xml_text(text);
      end(tag);
    }
  }

  /// Everything until `close` is inside of this element.
  void open(std::string_view tag, Attributes attributes) {
    start(tag, attributes);
    body_ += ">\n";
  }
  void close(std::string_view tag) { end(tag); }

  /// Elements drawn elsewhere, moved by (x, y).
  void add(const std::string& elements, double x, double y) {
    body_ += "<g transform=\"translate(";
    append_coordinate(body_, x);
    body_ += ' ';
    append_coordinate(body_, y);
    body_ += ")\">\n";
    body_ += elements;
    end("g");
  }

  const std::string& body() const& { return body_; }
  std::string body() && { return std::move(body_); }

 private:
  void start(std::string_view tag, Attributes attributes) {
    body_ += '<';
    body_ += tag;
    for (const Attribute& attribute : attributes) {
      body_ += ' ';
      body_ += attribute.name;
      body_ += "=\"";
      if (attribute.is_number) append_coordinate(body_, attribute.number);
      else body_ += xml_text(attribute.text);
      body_ += '"';
    }
  }

  void end(std::string_view tag) {
    body_ += "</";
    body_ += tag;
    body_ += ">\n";
  }

  std::string body_;
};

/// The width of a text in pixels, or a little more: nobody knows the fonts of who will look at the picture.
inline double text_width(std::string_view text, double font_size) {
  double width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_code_point(text, at);
    if (point >= 0x300 && point < 0x370) continue;  // accents on the letter before
    if (point >= 0x1100) width += point >= 0x2000 && point < 0x2e80 ? 0.8 : 1.05;
    else if (point > 0x7f) width += 0.72;
    else if (std::string_view("iIjl.,:;'|!()[]").find(static_cast<char>(point)) != std::string_view::npos)
      width += 0.36;
    else if (std::string_view("mwMW@%").find(static_cast<char>(point)) != std::string_view::npos) width += 0.92;
    else if (point >= 'A' && point <= 'Z') width += 0.7;
    else width += point == ' ' || point == 'f' || point == 't' || point == 'r' || point == '-' ? 0.4 : 0.61;
  }
  return width * font_size;
}

/// The text, cut off with an ellipsis where it is wider than `width`.
inline std::string fit_text(std::string_view text, double font_size, double width) {
  if (text_width(text, font_size) <= width) return std::string(text);
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    next_code_point(text, at);
    if (text_width(text.substr(0, at), font_size) + font_size > width) break;
    end = at;
  }
  return concat(text.substr(0, end), "…");
}

}  // namespace kiln::detail
