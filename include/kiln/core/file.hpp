// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Whole files in and out. Writing replaces the old file only when the new one is complete and on the disk.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/error.hpp>

namespace kiln::detail {

/// An open file, closed at the end of the scope.
class File {
 public:
  File(std::string_view op, std::string path, int flags) : op_(op), path_(std::move(path)) {
    // O_NONBLOCK: a named pipe that nobody writes to is refused by size() rather than waited for.
    do handle_ = ::open(path_.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
    while (handle_ < 0 && errno == EINTR);
    if (handle_ < 0) fail_errno("must be possible to open");
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (handle_ >= 0) ::close(handle_);
  }

  std::size_t size() const {
    struct stat status;
    if (::fstat(handle_, &status) != 0) fail_errno("must be possible to read");
    if (!S_ISREG(status.st_mode))
      fail<DataError>(place(), "must be a file", S_ISDIR(status.st_mode) ? "it is a folder" : "it is none");
    return static_cast<std::size_t>(status.st_size);
  }

  /// Exactly so many bytes.
  void read(void* to, std::size_t bytes) const {
    read_all(to, bytes, [this](char* next, std::size_t left) { return ::read(handle_, next, left); });
  }

  /// Exactly so many bytes from `offset` on; where `read` goes on does not change.
  void read_at(std::size_t offset, void* to, std::size_t bytes) const {
    read_all(to, bytes, [this, at = static_cast<off_t>(offset)](char* next, std::size_t left) mutable {
      const ssize_t got = ::pread(handle_, next, left, at);
      if (got > 0) at += got;
      return got;
    });
  }

  void write(const void* from, std::size_t bytes) const {
    const auto* next = static_cast<const char*>(from);
    for (std::size_t left = bytes; left > 0;) {
      const ssize_t done = ::write(handle_, next, left);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) fail_errno("must be possible to write");
      next += done;
      left -= static_cast<std::size_t>(done);
    }
  }

  /// Returns when the content is on the disk; a failure that the system reported late is thrown here.
  void finish() {
    if (::fsync(handle_) != 0 && errno != EINVAL) fail_errno("must be possible to write");
    if (::close(std::exchange(handle_, -1)) != 0) fail_errno("must be possible to write");
  }

  std::string place() const { return concat(op_, ": ", path_); }

 private:
  template <class Read>
  void read_all(void* to, std::size_t bytes, Read read) const {
    auto* next = static_cast<char*>(to);
    for (std::size_t left = bytes; left > 0;) {
      const ssize_t got = read(next, left);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_errno("must be possible to read");
      if (got == 0)
        fail<DataError>(place(), concat("must have ", bytes, " more bytes"), concat("it ends ", left, " bytes early"));
      next += got;
      left -= static_cast<std::size_t>(got);
    }
  }

  [[noreturn]] void fail_errno(std::string_view expected) const {
    fail<DataError>(place(), expected, std::strerror(errno));
  }

  std::string_view op_;
  std::string path_;
  int handle_ = -1;
};

/// The whole content of a file. Throws: DataError.
inline std::vector<unsigned char> read_file(std::string_view op, const std::string& path) {
  const File file(op, path, O_RDONLY);
  std::vector<unsigned char> content(file.size());
  file.read(content.data(), content.size());
  return content;
}

/// Tells temporary files of one process apart: threads may write one path at the same time, and the last one stays.
inline constinit std::atomic<unsigned> replacements = 0;

/// Calls `write(file)` for a file beside `path`, which then takes its place in one step: whoever reads `path`, and
/// whenever this process is killed, finds the old content or the new, never a part.
template <class Write>
void replace_file(std::string_view op, const std::string& path, Write write) {
  const std::string beside =
      concat(path, ".", ::getpid(), ".", replacements.fetch_add(1, std::memory_order_relaxed), ".part");
  try {
    File file(op, beside, O_WRONLY | O_CREAT | O_TRUNC);
    write(std::as_const(file));
    file.finish();
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(beside.c_str());
    fail<DataError>(concat(op, ": ", path), "must be possible to write", std::strerror(error));
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); handle >= 0) {
    ::fsync(handle);  // the rename itself
    ::close(handle);
  }
}

}  // namespace kiln::detail
