// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the library needs of zlib: unpacking piece by piece, packing in one go, and the checksum CRC-32.
/// The only header that includes zlib.h.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace kiln::detail {

/// Unpacks a stream of which the caller brings the input as it comes:
/// `while (!z.ended() && !z.error()) { if (z.hungry()) z.feed(more()); use(z.inflate(to)); }`.
class Inflater {
 public:
  enum class Format { zlib, gzip, raw };  ///< gzip: one member; raw: as in zip files, without a checksum

  /// Without memory for it, `error()` says so.
  explicit Inflater(Format format) : stream_(new z_stream{}) {
    constexpr int gzip_only = 16;
    const int bits = format == Format::gzip ? MAX_WBITS + gzip_only : format == Format::raw ? -MAX_WBITS : MAX_WBITS;
    if (inflateInit2(stream_.get(), bits) != Z_OK) error_ = "it has no memory";
  }

  /// Whether all input has been taken.
  bool hungry() const { return stream_->avail_in == 0; }

  /// The next input, which the caller keeps until it has been taken; less than 4 GiB.
  void feed(std::span<const unsigned char> bytes) {
    stream_->next_in = const_cast<unsigned char*>(bytes.data());
    stream_->avail_in = static_cast<uInt>(bytes.size());
  }

  /// Unpacks into `to` what the present input gives and returns how many bytes that were.
  std::size_t inflate(std::span<unsigned char> to) {
    const auto room = static_cast<uInt>((std::min)(to.size(), std::size_t{1} << 30));
    stream_->next_out = to.data();
    stream_->avail_out = room;
    const int status = ::inflate(stream_.get(), Z_NO_FLUSH);  // at the end it checks the checksum and the length
    ended_ = status == Z_STREAM_END;
    if (!ended_ && status != Z_OK && status != Z_BUF_ERROR) error_ = stream_->msg ? stream_->msg : zError(status);
    return room - stream_->avail_out;
  }

  /// Whether the end has been reached, with the right checksum.
  bool ended() const { return ended_; }

  /// What is wrong with the stream; null while nothing is.
  const char* error() const { return error_; }

  /// How many bytes of input have been taken.
  std::uint64_t taken() const { return stream_->total_in; }

 private:
  struct End {
    void operator()(z_stream* stream) const {
      inflateEnd(stream);
      delete stream;
    }
  };

  std::unique_ptr<z_stream, End> stream_;  // zlib remembers its address
  const char* error_ = nullptr;
  bool ended_ = false;
};

/// The bytes as a zlib stream. Throws: std::bad_alloc.
inline std::vector<unsigned char> deflate(std::span<const unsigned char> bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::vector<unsigned char> packed(size);
  if (compress2(packed.data(), &size, bytes.data(), static_cast<uLong>(bytes.size()), Z_DEFAULT_COMPRESSION) != Z_OK)
    throw std::bad_alloc();
  packed.resize(size);
  return packed;
}

/// CRC-32 of the bytes, or of those that gave `before` followed by them.
inline std::uint32_t crc32(std::span<const unsigned char> bytes, std::uint32_t before = 0) {
  return bytes.empty() ? before : static_cast<std::uint32_t>(::crc32_z(before, bytes.data(), bytes.size()));
}

}  // namespace kiln::detail
