// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `InputFile`: reads a file from front to end, plain or gzip, and accepts only a whole one.
/// (A loop over zlib's `gzread` takes a file cut off anywhere, and a plain one named .gz, for good.)
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/zlib.hpp>

namespace kiln {

namespace detail {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, CloseFile>;

inline std::string system_message(int code) { return std::generic_category().message(code); }

/// Bytes as they stand in specifications: `00 00 08 03`.
inline std::string hex_text(std::span<const unsigned char> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    if (!text.empty()) text += ' ';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace detail

/// A file being read. Gzip is recognised by its first two bytes; it must be one member, as `gzip` writes it.
/// Every failure throws DataError: `op: path: field: expected: got`.
class InputFile {
 public:
  /// Throws: DataError unless `path` is a regular file, not empty, that may be read.
  InputFile(std::string_view op, std::string_view path) : op_(op), path_(path) {
    struct stat status;
    if (::stat(path_.c_str(), &status) != 0) fail("file", "must be readable", detail::system_message(errno));
    if (S_ISDIR(status.st_mode)) fail("file", "must be a regular file", "it is a directory");
    if (!S_ISREG(status.st_mode)) fail("file", "must be a regular file", "it is a device, pipe or socket");
    file_.reset(std::fopen(path_.c_str(), "rb"));
    if (!file_) fail("file", "must be readable", detail::system_message(errno));
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ == 0) fail("file", "must not be empty", "it has 0 bytes");

    std::array<unsigned char, 2> start{};
    std::span<const unsigned char> seen(start.data(), fread(start.data(), start.size()));
    if (seen.size() == 2 && start[0] == 0x1f && start[1] == 0x8b) {
      begin_gzip();
    } else if (path_.ends_with(".gz")) {
      fail("gzip", "a file named .gz must begin with 1f 8b", concat("got ", detail::hex_text(seen)));
    }
    seek(0);
  }

  /// Fills `to` as far as the content goes and returns how many bytes that were. Fewer than asked for means that the
  /// content has ended, and as gzip with the right checksum and length and nothing after them.
  std::size_t read(std::span<unsigned char> to) {
    if (to.empty()) return 0;
    std::size_t count = inflater_ ? inflate_into(to) : fread(to.data(), to.size());
    position_ += count;
    return count;
  }

  /// Fills `to`. Throws: DataError, naming `field`, if the content ends before.
  void read_exactly(std::string_view field, std::span<unsigned char> to) {
    if (std::size_t count = read(to); count != to.size()) {
      fail(field, concat("must have ", to.size(), " bytes"), concat("the content ends after ", count));
    }
  }

  /// Checks before memory is taken for them that `bytes` can come and then the end. Throws: DataError naming `field`.
  /// What gzip's own length field and best compression allow may still turn out to be less, so read_exactly after this.
  void expect_rest(std::string_view field, std::uint64_t bytes) {
    if (inflater_ && bytes / deflate_limit <= size_ && static_cast<std::uint32_t>(position_ + bytes) == gzip_length_)
      return;
    std::uint64_t rest = inflater_ ? skip_rest() : size_ - position_;
    if (rest != bytes) fail(field, concat("must have ", bytes, " bytes"), concat("the file holds ", rest));
  }

  /// Throws: DataError unless all content has been read.
  void expect_end() {
    if (std::uint64_t rest = skip_rest()) {
      fail("end", "nothing may follow the content", concat("got ", rest, " more bytes"));
    }
  }

  /// Throws DataError about this file.
  [[noreturn]] void fail(std::string_view field, std::string_view expected, std::string_view got) const {
    kiln::fail<DataError>(concat(op_, ": ", path_, ": ", field), expected, got);
  }

 private:
  static constexpr std::uint64_t deflate_limit = 1032;  // bytes that one compressed byte can stand for
  static constexpr std::uint64_t gzip_trailer = 8;      // checksum and length, the latter modulo 2^32

  std::size_t fread(unsigned char* to, std::size_t count) {
    std::size_t got = std::fread(to, 1, count, file_.get());
    if (got < count && std::ferror(file_.get())) fail("file", "must be readable", detail::system_message(errno));
    return got;
  }

  void seek(std::uint64_t offset) {
    if (std::fseek(file_.get(), static_cast<long>(offset), SEEK_SET) != 0) {
      fail("file", "must be readable", detail::system_message(errno));
    }
  }

  void begin_gzip() {
    if (size_ > gzip_trailer) {
      std::array<unsigned char, 4> length{};
      seek(size_ - length.size());
      fread(length.data(), length.size());
      for (std::size_t i = length.size(); i-- > 0;) gzip_length_ = gzip_length_ << 8 | length[i];
    }
    buffer_.resize(std::size_t{1} << 16);
    inflater_.emplace(detail::Inflater::Format::gzip);
    if (inflater_->error()) fail("gzip", "zlib must start", inflater_->error());
  }

  std::size_t inflate_into(std::span<unsigned char> to) {
    std::size_t done = 0;
    while (done < to.size() && !inflater_->ended()) {
      if (inflater_->hungry()) inflater_->feed({buffer_.data(), fread(buffer_.data(), buffer_.size())});
      const bool no_more_input = inflater_->hungry();
      const std::size_t got = inflater_->inflate(to.subspan(done));
      done += got;
      if (inflater_->ended()) {
        end_gzip();
      } else if (inflater_->error()) {
        fail("gzip", "must be intact", inflater_->error());
      } else if (no_more_input && got == 0) {
        fail("gzip", "must end with its checksum and length", concat("the file ends before, after ", size_, " bytes"));
      }
    }
    return done;
  }

  void end_gzip() {
    if (std::uint64_t used = inflater_->taken(); used != size_) {
      fail("gzip", concat("must be a single member that ends the file, at byte ", used),
           concat("got ", size_ - used, " more bytes"));
    }
  }

  std::uint64_t skip_rest() {
    std::vector<unsigned char> scratch(std::size_t{1} << 16);
    std::uint64_t count = 0;
    while (std::size_t got = read(scratch)) count += got;
    return count;
  }

  std::string op_;
  std::string path_;
  detail::FileHandle file_;
  std::uint64_t size_ = 0;                    // of the file
  std::uint64_t position_ = 0;                // in the content
  std::optional<detail::Inflater> inflater_;  // none for a plain file
  std::uint32_t gzip_length_ = 0;             // as the file's last bytes state it
  std::vector<unsigned char> buffer_;
};

}  // namespace kiln
