// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Zip archives, as far as `.npz` needs them: entries stored or deflated, of any size (zip64).
/// Source: PKWARE, APPNOTE.TXT - .ZIP File Format Specification 6.3.10.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/zlib.hpp>
#include <kiln/data/byte_source.hpp>

namespace kiln::detail {

/// An entry, as the directory at the archive's end describes it.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0;  ///< bytes in the archive
  std::uint64_t size = 0;    ///< bytes unpacked
  std::uint64_t offset = 0;  ///< of its own header
};

/// An archive whose directory has been read and checked; its entries are read when asked for.
class ZipReader {
 public:
  /// Throws: DataError.
  ZipReader(std::string_view op, std::string path) : file_(op, std::move(path), O_RDONLY), size_(file_.size()) {
    read_directory();
  }

  const std::string& place() const { return place_; }
  const std::vector<ZipEntry>& entries() const { return entries_; }

  /// Opens an entry, whose content is checked against its CRC-32 when its last byte has been read. Throws: DataError.
  std::unique_ptr<ByteSource> open(const ZipEntry& entry) const {
    return std::make_unique<EntrySource>(file_, place_, entry, content_offset(entry));
  }

 private:
  static constexpr std::uint32_t local_mark = 0x04034b50, entry_mark = 0x02014b50, end_mark = 0x06054b50,
                                 locator_mark = 0x07064b50, end64_mark = 0x06064b50;
  static constexpr std::uint64_t local_bytes = 30, entry_bytes = 46, end_bytes = 22, locator_bytes = 20,
                                 end64_bytes = 56;
  static constexpr std::uint64_t deflate_limit = 1032;  // bytes that one compressed byte can stand for

  using Bytes = std::vector<unsigned char>;

  class EntrySource : public ByteSource {
   public:
    EntrySource(const File& file, const std::string& place, const ZipEntry& entry, std::uint64_t begin)
        : ByteSource(concat(place, ": ", entry.name), entry.size),
          file_(&file),
          at_(begin),
          packed_(entry.packed),
          crc_wanted_(entry.crc) {
      if (entry.size == 0) check_crc();
      if (!entry.deflated) return;
      buffer_.resize((std::min)(packed_, std::uint64_t{1} << 16));
      inflater_.emplace(Inflater::Format::raw);
      if (inflater_->error()) fail("entry", "zlib must start", inflater_->error());
    }

   private:
    void take(std::span<unsigned char> to) override {
      if (inflater_) {
        inflate(to);
      } else {
        file_->read_at(at_, to.data(), to.size());
        at_ += to.size();
      }
      crc_ = crc32(to, crc_);
      if (to.size() == left()) check_crc();
    }

    void check_crc() const {
      if (crc_ != crc_wanted_) fail("entry", "must have the checksum that the directory says", "it is damaged");
    }

    void inflate(std::span<unsigned char> to) {
      while (!to.empty()) {
        if (inflater_->hungry() && packed_ > 0) {
          const auto here = static_cast<std::size_t>((std::min)(packed_, std::uint64_t{buffer_.size()}));
          file_->read_at(at_, buffer_.data(), here);
          inflater_->feed(std::span(buffer_).first(here));
          at_ += here;
          packed_ -= here;
        }
        const std::size_t got = inflater_->inflate(to);
        to = to.subspan(got);
        if (inflater_->error()) fail("entry", "must be intact", inflater_->error());
        if (!to.empty() && (inflater_->ended() || (got == 0 && packed_ == 0)))
          fail("entry", "must unpack to the size that the directory says",
               concat("it ends ", to.size(), " bytes early"));
      }
    }

    const File* file_;
    std::uint64_t at_;
    std::uint64_t packed_;  // still to be read
    std::uint32_t crc_wanted_;
    std::uint32_t crc_ = 0;
    Bytes buffer_;
    std::optional<Inflater> inflater_;
  };

  [[noreturn]] void fail(std::string_view field, std::string_view expected, std::string_view got) const {
    kiln::fail<DataError>(concat(place_, ": ", field), expected, got);
  }

  Bytes bytes_at(std::uint64_t offset, std::uint64_t count, std::string_view field) const {
    if (offset > size_ || count > size_ - offset)
      fail(field, concat("must lie inside the file's ", size_, " bytes"), concat("got ", count, " at ", offset));
    Bytes bytes(count);
    file_.read_at(offset, bytes.data(), bytes.size());
    return bytes;
  }

  static std::uint64_t number(std::span<const unsigned char> bytes, std::size_t at, std::size_t count) {
    return little_endian(bytes.subspan(at, count));
  }

  void read_directory() {
    // The end record is last but for a comment of at most 65535 bytes, whose length it says.
    const std::uint64_t tail_bytes = (std::min)(size_, end_bytes + 65'535);
    const Bytes tail = bytes_at(size_ - tail_bytes, tail_bytes, "end");
    std::optional<std::size_t> found;
    for (std::size_t at = tail.size() < end_bytes ? 0 : tail.size() - end_bytes + 1; at-- > 0 && !found;) {
      if (number(tail, at, 4) == end_mark && number(tail, at + 20, 2) == tail.size() - at - end_bytes) found = at;
    }
    if (!found) fail("end", "must be that of a zip archive", "it is not; is the file cut off, or none?");
    const auto end = std::span(tail).subspan(*found, end_bytes);
    std::uint64_t end_offset = size_ - tail_bytes + *found;
    std::uint64_t disk = number(end, 4, 2), count = number(end, 10, 2), bytes = number(end, 12, 4),
                  offset = number(end, 16, 4);
    if (end_offset >= locator_bytes) {
      const Bytes locator = bytes_at(end_offset - locator_bytes, locator_bytes, "zip64 locator");
      if (number(locator, 0, 4) == locator_mark) {
        end_offset = number(locator, 8, 8);
        const Bytes end64 = bytes_at(end_offset, end64_bytes, "zip64 end");
        if (number(end64, 0, 4) != end64_mark) fail("zip64 end", "must begin with 50 4b 06 06", "it does not");
        disk = number(end64, 16, 4);
        count = number(end64, 32, 8);
        bytes = number(end64, 40, 8);
        offset = number(end64, 48, 8);
      }
    }
    if (disk != 0) fail("end", "must be of an archive in one file", concat("got part ", disk));
    if (count > bytes / entry_bytes)
      fail("directory", concat("must have ", count, " entries"), concat("it has room for ", bytes / entry_bytes));
    if (offset > end_offset || bytes != end_offset - offset)
      fail("directory", concat("must reach from byte ", offset, " to its end at ", end_offset),
           concat("got ", bytes, " bytes"));
    const Bytes directory = bytes_at(offset, bytes, "directory");
    std::span<const unsigned char> rest = directory;
    for (std::uint64_t i = 0; i < count; ++i) read_entry(rest, i);
    if (!rest.empty()) fail("directory", concat("must end after ", count, " entries"), "it does not");
    check_entries(offset);
  }

  void read_entry(std::span<const unsigned char>& rest, std::uint64_t i) {
    const std::string field = concat("entry ", i, " of the directory");
    if (rest.size() < entry_bytes || number(rest, 0, 4) != entry_mark)
      fail(field, "must begin with 50 4b 01 02", "it does not");
    const std::uint64_t flags = number(rest, 8, 2), method = number(rest, 10, 2);
    const std::size_t name_bytes = number(rest, 28, 2), extra_bytes = number(rest, 30, 2),
                      comment_bytes = number(rest, 32, 2);
    if (name_bytes + extra_bytes + comment_bytes > rest.size() - entry_bytes)
      fail(field, "must lie inside the directory", "it does not");
    ZipEntry entry{.name = {},
                   .deflated = method == 8,
                   .crc = static_cast<std::uint32_t>(number(rest, 16, 4)),
                   .packed = number(rest, 20, 4),
                   .size = number(rest, 24, 4),
                   .offset = number(rest, 42, 4)};
    const auto name = rest.subspan(entry_bytes, name_bytes);
    entry.name.assign(name.begin(), name.end());
    read_zip64(rest.subspan(entry_bytes + name_bytes, extra_bytes), entry);
    rest = rest.subspan(entry_bytes + name_bytes + extra_bytes + comment_bytes);
    if (flags & 1) fail(entry.name, "must not be encrypted", "it is");
    if (method != 0 && method != 8)
      fail(entry.name, "must be stored or deflated, methods 0 and 8", concat("got method ", method));
    if (!entry.deflated && entry.packed != entry.size)
      fail(entry.name, concat("must have ", entry.size, " bytes, as it is stored"), concat("got ", entry.packed));
    if (entry.size / deflate_limit > entry.packed)
      fail(entry.name, concat("must unpack to at most ", deflate_limit, " times its ", entry.packed, " bytes"),
           concat("the directory says ", entry.size));
    entries_.push_back(std::move(entry));
  }

  /// The sizes that did not fit 32 bits, in this order as far as they did not.
  void read_zip64(std::span<const unsigned char> extra, ZipEntry& entry) const {
    constexpr std::uint64_t elsewhere = 0xffffffff;
    while (extra.size() >= 4) {
      const std::uint64_t kind = number(extra, 0, 2);
      const std::size_t bytes = number(extra, 2, 2);
      if (bytes > extra.size() - 4) break;
      if (kind == 1) {
        auto sizes = extra.subspan(4, bytes);
        for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.offset}) {
          if (*value != elsewhere) continue;
          if (sizes.size() < 8) fail(entry.name, "must have its sizes of 64 bits", "they are missing");
          *value = number(sizes, 0, 8);
          sizes = sizes.subspan(8);
        }
        return;
      }
      extra = extra.subspan(4 + bytes);
    }
  }

  /// No two entries may share bytes or a name: a few could stand for more than any disk holds.
  void check_entries(std::uint64_t end) {
    std::vector<const ZipEntry*> order;
    for (const ZipEntry& entry : entries_) order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      const ZipEntry& entry = *order[i];
      const std::uint64_t next = i + 1 < order.size() ? order[i + 1]->offset : end;
      const std::uint64_t before = local_bytes + entry.name.size();
      if (entry.offset > next || next - entry.offset < before || next - entry.offset - before < entry.packed)
        fail(entry.name, concat("must end before what follows it at ", next),
             concat("got ", entry.packed, " bytes at ", entry.offset));
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
    auto same = [](const auto* a, const auto* b) { return a->name == b->name; };
    if (auto twice = std::adjacent_find(order.begin(), order.end(), same); twice != order.end())
      fail((*twice)->name, "every entry must have a name of its own", "it is there twice");
  }

  /// Where an entry's bytes begin, behind its own header.
  std::uint64_t content_offset(const ZipEntry& entry) const {
    const Bytes header = bytes_at(entry.offset, local_bytes + entry.name.size(), entry.name);
    if (number(header, 0, 4) != local_mark) fail(entry.name, "must begin with 50 4b 03 04", "it does not");
    const std::size_t name_bytes = number(header, 26, 2), extra_bytes = number(header, 28, 2);
    const auto name = std::span(header).subspan(local_bytes);
    if (name_bytes != entry.name.size() ||
        !std::equal(name.begin(), name.end(), entry.name.begin(),
                    [](unsigned char a, char b) { return static_cast<char>(a) == b; }))
      fail(entry.name, "must have the name that the directory says", "it has another");
    const std::uint64_t begin = entry.offset + header.size() + extra_bytes;
    if (begin > size_ || entry.packed > size_ - begin)
      fail(entry.name, concat("must lie inside the file's ", size_, " bytes"),
           concat("got ", entry.packed, " at ", begin));
    return begin;
  }

  File file_;
  std::uint64_t size_;
  std::string place_ = file_.place();
  std::vector<ZipEntry> entries_;
};

/// Writes an archive: entries one after the other, then `finish()`.
class ZipWriter {
 public:
  /// With `wide`, every size is written with 64 bits, as those of more than 4 GiB must be.
  explicit ZipWriter(const File& file, bool wide = false) : file_(&file), wide_(wide) {}

  /// Adds an entry that consists of `parts`, one after the other; compressed if asked for and it is worth it.
  void add(std::string name, std::initializer_list<std::span<const unsigned char>> parts, bool compress) {
    ZipEntry entry{.name = std::move(name), .offset = at_};
    for (auto part : parts) {
      entry.crc = crc32(part, entry.crc);
      entry.size += part.size();
    }
    std::vector<unsigned char> packed;
    if (compress) {
      std::vector<unsigned char> plain;
      plain.reserve(entry.size);
      for (auto part : parts) plain.insert(plain.end(), part.begin(), part.end());
      packed = deflate(plain);
      constexpr std::size_t zlib_header = 2, zlib_checksum = 4;
      packed.erase(packed.begin(), packed.begin() + zlib_header);
      packed.resize(packed.size() - zlib_checksum);
      entry.deflated = packed.size() < entry.size;
    }
    entry.packed = entry.deflated ? packed.size() : entry.size;
    const bool wide = wide_ || needs_wide(entry);
    std::string header = concat("PK\3\4", common(entry, wide));
    put(header, wide ? narrow_limit : entry.packed, 4);
    put(header, wide ? narrow_limit : entry.size, 4);
    put(header, entry.name.size(), 2);
    put(header, wide ? 20 : 0, 2);
    header += entry.name;
    if (wide) {
      put(header, 1, 2);
      put(header, 16, 2);
      put(header, entry.size, 8);
      put(header, entry.packed, 8);
    }
    write(header);
    if (entry.deflated) write_bytes(packed);
    else
      for (auto part : parts) write_bytes(part);
    entries_.push_back(std::move(entry));
  }

  /// Writes the directory.
  void finish() {
    const std::uint64_t begin = at_;
    std::string text;
    for (const ZipEntry& entry : entries_) {
      const bool wide = wide_ || needs_wide(entry);
      text += concat("PK\1\2", '\x2d', '\3', common(entry, wide));
      put(text, wide ? narrow_limit : entry.packed, 4);
      put(text, wide ? narrow_limit : entry.size, 4);
      put(text, entry.name.size(), 2);
      put(text, wide ? 28 : 0, 2);
      put(text, 0, 2 + 2 + 2);                     // comment, disk, kind of content
      put(text, std::uint64_t{0100644} << 16, 4);  // a file that its owner may write
      put(text, wide ? narrow_limit : entry.offset, 4);
      text += entry.name;
      if (!wide) continue;
      put(text, 1, 2);
      put(text, 24, 2);
      for (std::uint64_t size : {entry.size, entry.packed, entry.offset}) put(text, size, 8);
    }
    const std::uint64_t bytes = text.size();
    const bool wide = wide_ || entries_.size() >= 0xffff || begin >= narrow_limit || bytes >= narrow_limit;
    if (wide) {
      const std::uint64_t end64 = begin + bytes;
      text += "PK\6\6";
      put(text, 44, 8);
      put(text, 0x2d, 2);
      put(text, 0x2d, 2);
      put(text, 0, 4 + 4);
      put(text, entries_.size(), 8);
      put(text, entries_.size(), 8);
      put(text, bytes, 8);
      put(text, begin, 8);
      text += "PK\6\7";
      put(text, 0, 4);
      put(text, end64, 8);
      put(text, 1, 4);
    }
    text += "PK\5\6";
    put(text, 0, 2 + 2);
    put(text, wide ? 0xffff : entries_.size(), 2);
    put(text, wide ? 0xffff : entries_.size(), 2);
    put(text, wide ? narrow_limit : bytes, 4);
    put(text, wide ? narrow_limit : begin, 4);
    put(text, 0, 2);
    write(text);
  }

 private:
  static constexpr std::uint64_t narrow_limit = 0xffffffff;

  static bool needs_wide(const ZipEntry& entry) {
    return entry.size >= narrow_limit || entry.packed >= narrow_limit || entry.offset >= narrow_limit;
  }

  static void put(std::string& to, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) to += static_cast<char>(i < 8 ? number >> 8 * i & 255 : 0);
  }

  /// What an entry's two headers share: version, flags, method, a fixed date (1980-01-01), checksum.
  static std::string common(const ZipEntry& entry, bool wide) {
    std::string text;
    put(text, wide ? 45 : 20, 2);
    put(text, 1 << 11, 2);  // the name is UTF-8
    put(text, entry.deflated ? 8 : 0, 2);
    put(text, 0, 2);
    put(text, 1 << 5 | 1, 2);
    put(text, entry.crc, 4);
    return text;
  }

  void write(const std::string& text) {
    file_->write(text.data(), text.size());
    at_ += text.size();
  }
  void write_bytes(std::span<const unsigned char> bytes) {
    file_->write(bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  const File* file_;
  bool wide_;
  std::uint64_t at_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace kiln::detail
