// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The rows of a CSV file: fields, quotes and line ends. Source: RFC 4180.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// Text from a file as part of a message: in quotes, without control characters, and not too long.
inline std::string quoted_text(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string result = "'";
  for (char c : text.substr(0, most)) result += static_cast<unsigned char>(c) < 32 ? ' ' : c;
  return result += text.size() > most ? "...'" : "'";
}

/// Reads a file's text row by row. Lines end with LF, CRLF or CR; a field in quotes may hold them, the separator, and
/// quotes, each written twice.
class CsvReader {
 public:
  /// Works inside of `text`. `place` is what messages begin with.
  CsvReader(std::string place, std::span<char> text, char separator)
      : place_(std::move(place)), text_(text), separator_(separator) {
    if (starts_with("\xef\xbb\xbf")) at_ = 3;  // the mark of UTF-8
    if (starts_with("\xff\xfe") || starts_with("\xfe\xff")) fail_at(1, "must be UTF-8 text", "it is UTF-16");
  }

  /// Replaces `fields` by those of the next row, valid as long as the text; false at the end.
  /// Throws: DataError for misplaced quotes.
  bool next(std::vector<std::string_view>& fields) {
    fields.clear();
    if (at_ == text_.size()) return false;
    row_line_ = line_;
    do fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_field() : plain_field());
    while (take_separator());
    return true;
  }

  /// The line on which the present row began, counted from 1.
  Index line() const { return row_line_; }

  [[noreturn]] void fail_at(Index line, std::string_view expected, std::string_view got) const {
    fail<DataError>(concat(place_, ": line ", line), expected, got);
  }

 private:
  bool starts_with(std::string_view mark) const {
    return std::string_view(text_.data(), text_.size()).starts_with(mark);
  }

  bool ends_field(char c) const { return c == separator_ || c == '\n' || c == '\r'; }

  std::string_view plain_field() {
    const std::size_t begin = at_;
    for (; at_ < text_.size() && !ends_field(text_[at_]); ++at_) {
      if (text_[at_] == '"')
        fail_at(line_, "a quote must be inside a field in quotes, and there twice",
                concat("got ", quoted_text(std::string_view(&text_[begin], at_ + 1 - begin))));
    }
    return {text_.data() + begin, at_ - begin};
  }

  std::string_view quoted_field() {
    const Index first_line = line_;
    const std::size_t begin = ++at_;
    std::size_t to = begin;
    while (true) {
      if (at_ == text_.size()) fail_at(first_line, "a field in quotes must end with a quote", "the file ends before");
      const char c = text_[at_++];
      if (c == '"') {
        if (at_ == text_.size() || text_[at_] != '"') break;
        ++at_;
      }
      if (c == '\n' || (c == '\r' && (at_ == text_.size() || text_[at_] != '\n'))) ++line_;
      text_[to++] = c;
    }
    if (at_ < text_.size() && !ends_field(text_[at_]))
      fail_at(line_, "a separator must follow the closing quote",
              concat("got ", quoted_text(std::string_view(&text_[at_], text_.size() - at_))));
    return {text_.data() + begin, to - begin};
  }

  /// Goes past what ended a field; false if that was the row's end.
  bool take_separator() {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    if (c == separator_) return true;
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
    return false;
  }

  std::string place_;
  std::span<char> text_;
  char separator_;
  std::size_t at_ = 0;
  Index line_ = 1;
  Index row_line_ = 1;
};

}  // namespace kiln::detail
