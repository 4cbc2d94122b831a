// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/memory.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

using namespace kiln;
using detail::BlockRef;

namespace {

/// Lets this process have so many more bytes of address space until the end of the scope.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_SUITE_BEGIN("core");

TEST_CASE("blocks of every size are aligned and can be written") {
  for (std::size_t bytes = 0; bytes < 3000; bytes += 1 + bytes / 16) {
    BlockRef block(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block.payload()) % 64 == 0);
    std::memset(block.payload(), 0xab, bytes);
  }
}

TEST_CASE("a block wastes at most a fifth") {
  for (std::size_t bytes = 512; bytes < (std::size_t{1} << 24); bytes += 64 + bytes / 7) {
    const std::size_t before = memory_use().in_use;
    BlockRef block(bytes);
    const std::size_t taken = memory_use().in_use - before;
    CHECK(taken >= bytes);
    CHECK((taken - bytes) * 5 <= taken + 64 * 5);
  }
}

TEST_CASE("copies share a block until the last is gone") {
  const std::size_t before = memory_use().in_use;
  BlockRef a(1000);
  CHECK(a.unique());
  BlockRef b = a;
  CHECK_FALSE(a.unique());
  CHECK(a.payload() == b.payload());
  a = BlockRef();
  CHECK_FALSE(static_cast<bool>(a));
  CHECK(a.payload() == nullptr);
  CHECK_FALSE(a.unique());
  CHECK(b.unique());
  CHECK(memory_use().in_use >= before + 1000);
  b = BlockRef(std::move(b));
  CHECK(b.unique());
  b = BlockRef();
  CHECK(memory_use().in_use == before);
}

TEST_CASE("freed blocks are kept for the next of their size, and can be given back") {
  if (!detail::pool_keeps_blocks) return;
  release_cached_memory();
  CHECK(memory_use().cached == 0);
  const void* first = BlockRef(5000).payload();
  CHECK(memory_use().cached >= 5000);
  CHECK(BlockRef(4999).payload() == first);
  release_cached_memory();
  CHECK(memory_use().cached == 0);
}

TEST_CASE("a step of any size finds its blocks again, and the pool holds no more than twice what was in use at once") {
  if (!detail::pool_keeps_blocks) return;
  constexpr std::size_t mib = std::size_t{1} << 20;
  release_cached_memory();
  const std::size_t before = memory_use().in_use;
  auto part = [&](int blocks, std::size_t size) {  // nothing is written, so hardly any of it becomes resident
    std::vector<BlockRef> all;
    for (int i = 0; i < blocks; ++i) all.emplace_back(size);
  };
  auto step = [&] {
    part(12, 128 * mib);
    part(12, 112 * mib);
  };
  step();
  const std::size_t held = memory_use().cached;
  CHECK(held >= 12 * (128 + 112) * mib);
  CHECK(memory_use().peak >= before + 12 * 128 * mib);
  step();
  CHECK(memory_use().cached == held);
  part(20, 64 * mib);  // other sizes take the place of some
  CHECK(memory_use().cached >= 20 * 64 * mib);
  CHECK(memory_use().in_use + memory_use().cached <= 2 * memory_use().peak);
  release_cached_memory();
}

TEST_CASE("what no system has") {
  const std::size_t before = memory_use().in_use;
  CHECK_THROWS_WITH_AS(BlockRef(std::size_t{1} << 60),
                       "memory: the system must have room for the tensor: it has none for 1152921504606846976 bytes",
                       Error);
  CHECK(memory_use().in_use == before);
}

TEST_CASE("kept blocks make room for one of another size") {
#if !defined(__SANITIZE_THREAD__)  // whose own address space is not to be limited
  if (!detail::pool_keeps_blocks) return;
  constexpr std::size_t mib = std::size_t{1} << 20;
  release_cached_memory();
  BlockRef(224 * mib);
  REQUIRE(memory_use().cached >= 224 * mib);
  MemoryLimit limit(64 * mib);
  BlockRef block;
  CHECK_NOTHROW(block = BlockRef(256 * mib));
  CHECK(memory_use().cached == 0);
  CHECK_THROWS_AS(BlockRef(256 * mib), Error);
#endif
}

TEST_CASE("many threads share blocks and the pool [threads]") {
  const BlockRef shared(100);
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < 4; ++me) {
    threads.emplace_back([me, &shared] {
      for (std::size_t i = 0; i < 500; ++i) {
        BlockRef copy = shared;
        BlockRef own(64 * (1 + (i + me) % 50));
        std::memset(own.payload(), static_cast<int>(i), 64);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(shared.unique());
}

TEST_SUITE_END();
