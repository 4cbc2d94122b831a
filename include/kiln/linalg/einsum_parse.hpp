// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reads the text of an einsum, `"bhqd,bhkd->bhqk"`, at compile time or at run time, with the same sentences for what
/// is wrong with it: as `static_assert`s there, as exceptions here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// The most tensors that an einsum takes.
inline constexpr std::size_t max_einsum_operands = 16;

/// The most labels in an einsum, counting each axis of an ellipsis: as many as bits fit in a set, and loops in a
/// kernel.
inline constexpr std::size_t max_einsum_labels = 52;

// Everything that can be wrong with a text. Listed once, because a static_assert takes only a literal.
#define KILN_EINSUM_FAULTS(X)                                                                                         \
  X(letter, "a label is a letter from a to z or from A to Z")                                                         \
  X(arrow, "the output follows an arrow, written -> and only once")                                                   \
  X(ellipsis, "an ellipsis is three dots, at most once for each tensor")                                              \
  X(output_comma, "there is one output, so no comma can follow the arrow")                                            \
  X(operand_count, "the text must name the axes of as many tensors, separated by commas, as are given")               \
  X(rank, "a tensor needs as many labels as it has axes; an ellipsis stands for any number of them")                  \
  X(output_unknown, "every label of the output must also be a label of some tensor")                                  \
  X(output_repeated, "a label can appear only once in the output")                                                    \
  X(output_ellipsis, "an output that is written out must have an ellipsis if a tensor's ellipsis stands for an axis") \
  X(output_rank, "the result can have at most 8 axes")                                                                \
  X(too_many_labels, "there can be at most 52 different labels, each axis of an ellipsis counted")

enum class EinsumFault {
  none,
#define KILN_EINSUM_FAULT(name, sentence) name,
  KILN_EINSUM_FAULTS(KILN_EINSUM_FAULT)
#undef KILN_EINSUM_FAULT
};

constexpr std::string_view einsum_sentence(EinsumFault fault) {
  switch (fault) {
#define KILN_EINSUM_FAULT(name, sentence) \
  case EinsumFault::name: return sentence;
    KILN_EINSUM_FAULTS(KILN_EINSUM_FAULT)
#undef KILN_EINSUM_FAULT
    case EinsumFault::none: break;
  }
  return {};
}

/// Does not compile, with the sentence, if there is a fault.
template <EinsumFault fault>
constexpr void require_no_einsum_fault() {
#define KILN_EINSUM_FAULT(name, sentence) static_assert(fault != EinsumFault::name, "kiln: einsum: " sentence);
  KILN_EINSUM_FAULTS(KILN_EINSUM_FAULT)
#undef KILN_EINSUM_FAULT
}
#undef KILN_EINSUM_FAULTS

/// The labels of one tensor, axis by axis, as positions in `EinsumSpec::names`.
struct EinsumTerm {
  std::array<std::uint8_t, max_rank> labels{};
  std::uint8_t rank = 0;

  constexpr const std::uint8_t* begin() const { return labels.data(); }
  constexpr const std::uint8_t* end() const { return labels.data() + rank; }
};

/// An einsum that has been read.
struct EinsumSpec {
  EinsumFault fault = EinsumFault::none;
  std::array<char, max_einsum_labels> names{};  // letters; digits for axes of an ellipsis, counted from the right
  std::uint8_t label_count = 0;
  std::uint8_t operand_count = 0;
  std::array<EinsumTerm, max_einsum_operands> operands{};
  EinsumTerm out{};
};

/// One pass over a text.
class EinsumReader {
 public:
  constexpr EinsumReader(std::string_view text, std::span<const int> ranks) : text_(text), ranks_(ranks) {}

  constexpr EinsumSpec read() {
    const std::size_t arrow = text_.find("->");
    read_operands(text_.substr(0, arrow));
    if (spec_.fault != EinsumFault::none) return spec_;
    if (arrow == std::string_view::npos) imply_output();
    else read_output(text_.substr(arrow + 2));
    return spec_;
  }

 private:
  /// What stands between two commas.
  struct Part {
    std::string_view text;
    int letters = 0;
    bool ellipsis = false;
  };

  constexpr void fail_with(EinsumFault fault) {
    if (spec_.fault == EinsumFault::none) spec_.fault = fault;
  }

  static constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  /// Checks every character.
  constexpr Part scan(std::string_view text) {
    Part part{text};
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (is_letter(text[i])) {
        ++part.letters;
      } else if (text[i] == '.') {
        if (part.ellipsis || text.substr(i, 3) != "...") fail_with(EinsumFault::ellipsis);
        part.ellipsis = true;
        i += 2;
      } else if (text[i] != ' ') {
        fail_with(text[i] == '-' || text[i] == '>' ? EinsumFault::arrow
                  : text[i] == ','                 ? EinsumFault::output_comma
                                                   : EinsumFault::letter);
      }
    }
    return part;
  }

  /// The position of a label's name, which is new or not.
  constexpr std::uint8_t intern(char name) {
    for (std::uint8_t i = 0; i < spec_.label_count; ++i) {
      if (spec_.names[i] == name) return i;
    }
    if (spec_.label_count == max_einsum_labels) {
      fail_with(EinsumFault::too_many_labels);
      return 0;
    }
    spec_.names[spec_.label_count] = name;
    return spec_.label_count++;
  }

  constexpr void add(EinsumTerm& term, char name) { term.labels[term.rank++] = intern(name); }

  /// Axes of an ellipsis are aligned at the right.
  constexpr void add_ellipsis(EinsumTerm& term, int axes) {
    while (axes-- > 0) add(term, static_cast<char>('0' + axes));
  }

  constexpr void fill(EinsumTerm& term, const Part& part, int ellipsis_axes) {
    for (std::size_t i = 0; i < part.text.size(); ++i) {
      if (is_letter(part.text[i])) add(term, part.text[i]);
      if (part.text[i] != '.') continue;
      add_ellipsis(term, ellipsis_axes);
      i += 2;
    }
  }

  constexpr void read_operands(std::string_view text) {
    while (true) {
      const std::size_t comma = text.find(',');
      const Part part = scan(text.substr(0, comma));
      const std::size_t operand = spec_.operand_count;
      if (operand == ranks_.size() || operand == max_einsum_operands) fail_with(EinsumFault::operand_count);
      if (spec_.fault != EinsumFault::none) return;
      const int ellipsis_axes = ranks_[operand] - part.letters;
      if (ellipsis_axes < 0 || (ellipsis_axes > 0 && !part.ellipsis)) return fail_with(EinsumFault::rank);
      ellipsis_axes_ = ellipsis_axes > ellipsis_axes_ ? ellipsis_axes : ellipsis_axes_;
      fill(spec_.operands[operand], part, ellipsis_axes);
      ++spec_.operand_count;
      if (comma == std::string_view::npos) break;
      text.remove_prefix(comma + 1);
    }
    if (spec_.operand_count != ranks_.size()) fail_with(EinsumFault::operand_count);
  }

  constexpr void read_output(std::string_view text) {
    const Part part = scan(text);
    const int ellipsis_axes = part.ellipsis ? ellipsis_axes_ : 0;
    if (!part.ellipsis && ellipsis_axes_ > 0) fail_with(EinsumFault::output_ellipsis);
    const std::uint8_t known = spec_.label_count;
    for (char c : text) {
      if (is_letter(c) && intern(c) >= known) fail_with(EinsumFault::output_unknown);
      if (is_letter(c) && text.find(c) != text.rfind(c)) fail_with(EinsumFault::output_repeated);
    }
    if (part.letters + ellipsis_axes > max_rank) fail_with(EinsumFault::output_rank);
    if (spec_.fault == EinsumFault::none) fill(spec_.out, part, ellipsis_axes);
  }

  /// NumPy's rule: the ellipsis, then in alphabetical order the labels that appear once.
  constexpr void imply_output() {
    std::array<int, 128> times{};
    for (const EinsumTerm& term : spec_.operands) {
      for (std::uint8_t label : term) ++times[static_cast<std::size_t>(spec_.names[label])];
    }
    int axes = ellipsis_axes_;
    for (char c = 'A'; c <= 'z'; ++c) axes += times[static_cast<std::size_t>(c)] == 1;
    if (axes > max_rank) return fail_with(EinsumFault::output_rank);
    add_ellipsis(spec_.out, ellipsis_axes_);
    for (char c = 'A'; c <= 'z'; ++c) {
      if (times[static_cast<std::size_t>(c)] == 1) add(spec_.out, c);
    }
  }

  std::string_view text_;
  std::span<const int> ranks_;
  int ellipsis_axes_ = 0;
  EinsumSpec spec_;
};

/// Reads a text for tensors of the given ranks; what is wrong is in `fault`.
constexpr EinsumSpec parse_einsum(std::string_view text, std::span<const int> ranks) {
  return EinsumReader(text, ranks).read();
}

}  // namespace kiln::detail
