// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Bytes from front to end, of a file or of an entry in an archive, for readers that take either.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <kiln/core/file.hpp>

namespace kiln::detail {

/// So many bytes, of which `left()` are still to come.
class ByteSource {
 public:
  ByteSource(std::string place, std::uint64_t bytes) : place_(std::move(place)), left_(bytes) {}
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  const std::string& place() const { return place_; }
  std::uint64_t left() const { return left_; }

  /// Fills `to`. Throws: DataError, naming `field`, if fewer bytes are left or they are damaged.
  void read(std::string_view field, std::span<unsigned char> to) {
    if (to.size() > left_) fail(field, concat("must have ", to.size(), " bytes"), concat("only ", left_, " are left"));
    take(to);
    left_ -= to.size();
  }

  /// Throws DataError about this source.
  [[noreturn]] void fail(std::string_view field, std::string_view expected, std::string_view got) const {
    kiln::fail<DataError>(concat(place_, ": ", field), expected, got);
  }

 private:
  /// Fills `to`; as many bytes are left.
  virtual void take(std::span<unsigned char> to) = 0;

  std::string place_;
  std::uint64_t left_;
};

/// A whole file.
class FileSource : public ByteSource {
 public:
  explicit FileSource(const File& file) : ByteSource(file.place(), file.size()), file_(&file) {}

 private:
  void take(std::span<unsigned char> to) override { file_->read(to.data(), to.size()); }

  const File* file_;
};

/// The number that bytes stand for, least significant first.
inline std::uint64_t little_endian(std::span<const unsigned char> bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | bytes[i];
  return number;
}

}  // namespace kiln::detail
