// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `TextCursor`: what the parsers of file headers share.
#pragma once

#include <cstddef>
#include <string_view>

namespace kiln::detail {

/// A text that is read from left to right, to derive a parser from.
class TextCursor {
 protected:
  explicit TextCursor(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  /// Skips space, and the character if it stands there; says whether it did.
  bool skip(char c) {
    skip_space();
    const bool here = at_ < text_.size() && text_[at_] == c;
    at_ += here;
    return here;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace kiln::detail
