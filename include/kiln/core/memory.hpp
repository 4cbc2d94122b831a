// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reference-counted, 64-byte aligned blocks from a pool that keeps what is freed, so that a training step in its
/// steady state asks the system for nothing. (glibc gives big freed blocks back to the system at once, which costs
/// a page fault per 4 KiB on the next use.)
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include <kiln/core/error.hpp>

namespace kiln {

/// What the pool holds, in bytes.
struct MemoryUse {
  std::size_t in_use = 0;  ///< handed out
  std::size_t cached = 0;  ///< freed and kept for reuse
  std::size_t peak = 0;    ///< the most that was ever handed out at once
};

namespace detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool pool_keeps_blocks = false;  // let the sanitizer see every use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool pool_keeps_blocks = false;
#else
inline constexpr bool pool_keeps_blocks = true;
#endif
#else
inline constexpr bool pool_keeps_blocks = true;
#endif

inline constexpr std::size_t block_alignment = 64;

/// The header in front of every block's payload.
struct alignas(block_alignment) Block {
  std::atomic<std::uint32_t> references;
  std::uint32_t size_class;
  std::size_t bytes;  // of the payload, rounded up to the class
  Block* next;        // in a free list

  void* payload() { return this + 1; }
};
static_assert(sizeof(Block) == block_alignment);

/// Free lists by size class: four classes to a doubling, so at most a fifth of a block is unused. What is freed is kept
/// as long as the pool holds no more than `always_kept`, or than twice what was in use at once: blocks of one class are
/// not in use at the same time as those of another, so a large network's training needs more than its peak to find all
/// of its blocks again in the next step (a ResNet 1.5 times as much).
class Pool {
 public:
  static constexpr std::size_t always_kept = std::size_t{512} << 20;
  static constexpr std::uint32_t classes = 240;

  /// A block with at least `bytes` of payload and one reference. Throws: Error when there is no memory.
  Block* acquire(std::size_t bytes) {
    auto [index, rounded] = size_class(bytes);
    {
      std::lock_guard lock(mutex_);
      use_.in_use += rounded;
      if (Block* block = free_[index]) {
        free_[index] = block->next;
        use_.cached -= rounded;
        use_.peak = (std::max)(use_.peak, use_.in_use);
        block->references.store(1, std::memory_order_relaxed);
        return block;
      }
      trim_to_limit();
    }
    void* raw = allocate(rounded);
    if (raw == nullptr) {
      trim();  // what is kept for blocks of other sizes may be what is missing
      raw = allocate(rounded);
    }
    if (raw == nullptr) {
      std::lock_guard lock(mutex_);
      use_.in_use -= rounded;
      fail("memory", "the system must have room for the tensor", concat("it has none for ", bytes, " bytes"));
    }
    {
      std::lock_guard lock(mutex_);
      use_.peak = (std::max)(use_.peak, use_.in_use);
    }
    return new (raw) Block{1, index, rounded, nullptr};
  }

  void release(Block* block) {
    {
      std::lock_guard lock(mutex_);
      use_.in_use -= block->bytes;
      if (pool_keeps_blocks && use_.in_use + use_.cached + block->bytes <= limit()) {
        use_.cached += block->bytes;
        block->next = free_[block->size_class];
        free_[block->size_class] = block;
        return;
      }
    }
    ::operator delete(block, std::align_val_t{block_alignment});
  }

  void trim() {
    std::lock_guard lock(mutex_);
    free_until([] { return false; });
  }

  MemoryUse use() {
    std::lock_guard lock(mutex_);
    return use_;
  }

 private:
  struct SizeClass {
    std::uint32_t index;
    std::size_t bytes;
  };

  std::size_t limit() const { return (std::max)(always_kept, 2 * use_.peak); }

  /// For blocks of other sizes that are needed now, such as those of validation after training.
  void trim_to_limit() {
    free_until([this] { return use_.in_use + use_.cached <= limit(); });
  }

  /// Gives kept blocks back to the system, the largest first.
  template <class Done>
  void free_until(Done done) {
    for (std::uint32_t index = classes; index-- > 0;) {
      for (Block*& head = free_[index]; head != nullptr;) {
        if (done()) return;
        Block* block = std::exchange(head, head->next);
        use_.cached -= block->bytes;
        ::operator delete(block, std::align_val_t{block_alignment});
      }
    }
  }

  static void* allocate(std::size_t bytes) {
    return ::operator new(sizeof(Block) + bytes, std::align_val_t{block_alignment}, std::nothrow);
  }

  static SizeClass size_class(std::size_t bytes) {
    std::size_t units = (bytes + block_alignment - 1) / block_alignment;
    if (units <= 4) return {static_cast<std::uint32_t>(units), (units ? units : 1) * block_alignment};
    // Keep the top bit and the two below it, rounding up.
    auto exponent = static_cast<std::uint32_t>(std::bit_width(units - 1)) - 3;
    std::size_t mantissa = ((units - 1) >> exponent) + 1;  // in [5, 8]
    return {exponent * 4 + static_cast<std::uint32_t>(mantissa), (mantissa << exponent) * block_alignment};
  }

  std::mutex mutex_;
  std::array<Block*, classes> free_{};
  MemoryUse use_;
};

/// Never destroyed: tensors with static storage may outlive everything else.
inline Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

/// A counted reference to a block; a copy shares it.
class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(std::size_t bytes) : block_(pool().acquire(bytes)) {}
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) pool().release(block_);
  }

  void* payload() const { return block_ ? block_->payload() : nullptr; }
  bool unique() const { return block_ && block_->references.load(std::memory_order_acquire) == 1; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  Block* block_ = nullptr;
};

}  // namespace detail

/// Gives cached memory back to the system.
inline void release_cached_memory() { detail::pool().trim(); }

/// How much tensor memory is handed out and how much is kept for reuse.
inline MemoryUse memory_use() { return detail::pool().use(); }

}  // namespace kiln
