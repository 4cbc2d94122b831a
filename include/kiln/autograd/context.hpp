// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What surrounds a forward pass: `Context` says whether the model is trained or evaluated, supplies random numbers and
/// collects what is to be written to the model afterwards; `Tape` (tape.hpp) also records operations for
/// differentiation.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <type_traits>
#include <vector>

#include <kiln/core/memory.hpp>
#include <kiln/core/random.hpp>

namespace kiln {

class Context;
class LayerNames;
struct LayerObserver;

/// What tells layers apart: a struct and its first field share an address, so the type counts too.
struct LayerKey {
  const void* address = nullptr;
  const void* type = nullptr;
  friend bool operator==(const LayerKey&, const LayerKey&) = default;
};

/// Whether layers such as dropout and batch norm behave as in training.
enum class Mode { train, eval };

namespace detail {

/// A place for a context that outlives it: what a `Var` points to, so that a var can tell that its context is gone.
struct ContextSlot {
  std::atomic<std::uint64_t> generation = 0;
  Context* context = nullptr;
  ContextSlot* next = nullptr;
};

class ContextSlots {
 public:
  ContextSlot* acquire(Context* context) {
    std::lock_guard lock(mutex_);
    ContextSlot* slot = free_ ? std::exchange(free_, free_->next) : new ContextSlot;
    slot->context = context;
    return slot;
  }

  void release(ContextSlot* slot) {
    std::lock_guard lock(mutex_);
    slot->generation.fetch_add(1, std::memory_order_release);
    slot->next = free_;
    free_ = slot;
  }

 private:
  std::mutex mutex_;
  ContextSlot* free_ = nullptr;
};

/// Never destroyed: vars with static storage may ask it last of all.
inline ContextSlots& context_slots() {
  static ContextSlots& instance = *new ContextSlots;
  return instance;
}

/// A context, or none, as held by a var.
class ContextRef {
 public:
  ContextRef() = default;
  explicit ContextRef(ContextSlot* slot) : slot_(slot), generation_(slot->generation.load(std::memory_order_relaxed)) {}

  /// The context, or null if there never was one. Throws: UsageError if it is gone.
  Context* get() const {
    if (slot_ && slot_->generation.load(std::memory_order_acquire) != generation_) {
      fail<UsageError>("var", "the tape or context that made it must still exist", "it is gone");
    }
    return slot_ ? slot_->context : nullptr;
  }

 private:
  ContextSlot* slot_ = nullptr;
  std::uint64_t generation_ = 0;
};

/// Objects of any type, one after the other, released together; memory comes from the pool in large blocks.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (chunk_) {
      BlockRef done = std::move(chunk_->block);
      chunk_ = chunk_->previous;
    }
  }

  /// Memory for one object.
  template <class X>
  void* room_for() {
    std::size_t gap = gap_before(alignof(X));
    if (gap + sizeof(X) > left_) {
      grow(sizeof(X) + alignof(X));
      gap = gap_before(alignof(X));
    }
    left_ -= gap + sizeof(X);
    next_ += gap + sizeof(X);
    return next_ - sizeof(X);
  }

 private:
  struct Chunk {
    BlockRef block;
    Chunk* previous;
  };

  std::size_t gap_before(std::size_t alignment) const {
    return (0 - reinterpret_cast<std::uintptr_t>(next_)) & (alignment - 1);
  }

  void grow(std::size_t bytes) {
    std::size_t size = (std::max)(bytes + sizeof(Chunk), std::size_t{16384} - sizeof(Block));
    BlockRef block(size);
    auto* memory = static_cast<std::byte*>(block.payload());
    chunk_ = new (memory) Chunk{std::move(block), chunk_};
    next_ = memory + sizeof(Chunk);
    left_ = size - sizeof(Chunk);
  }

  Chunk* chunk_ = nullptr;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace detail

/// The surroundings of a forward pass that is not recorded. `Context context{Mode::train}; auto y = model(context(x));`
class Context {
 public:
  explicit Context(Mode mode = Mode::eval) : mode_(mode), slot_(detail::context_slots().acquire(this)) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    discard();
    detail::context_slots().release(slot_);
  }

  Mode mode() const { return mode_; }
  bool recording() const { return recording_; }

  /// A constant within this context: no gradient flows to it. The elements of an lvalue are shared, not copied; see
  /// Var.
  template <class X>
  auto operator()(X&& x);

  /// Random numbers for layers such as dropout; unless set, keyed by `manual_seed` and the number of contexts before.
  RandomStream& random() {
    if (!has_random_) set_random(next_stream(Purpose::dropout));
    return random_;
  }
  void set_random(const RandomStream& stream) {
    random_ = stream;
    has_random_ = true;
  }

  /// Queues something that writes to the model, such as batch norm's running statistics: forward itself never does.
  template <class F>
  void defer(F write) {
    struct Node : Deferred {
      F write;
    };
    auto run = [](Deferred& node, bool wanted) {
      auto& self = static_cast<Node&>(node);
      if (wanted) self.write();
      self.~Node();
    };
    auto* node = new (arena_.room_for<Node>()) Node{{run, nullptr}, std::move(write)};
    *last_deferred_ = node;
    last_deferred_ = &node->next;
  }

  /// Runs what was deferred, in order, once.
  void commit() { finish_deferred(true); }
  /// Drops what was deferred.
  void discard() { finish_deferred(false); }

  /// Tells an observer, besides those there are, when a layer begins and ends, until it is taken out by `unobserve` or
  /// the context is gone; it must live until then. A null pointer is no observer.
  void observe(LayerObserver* observer) {
    if (observer && std::find(observers_.begin(), observers_.end(), observer) == observers_.end())
      observers_.push_back(observer);
  }
  /// The same with an observer that is kept alive as long as the context.
  void observe(std::shared_ptr<LayerObserver> observer) {
    observe(observer.get());
    kept_observers_.push_back(std::move(observer));
  }
  void unobserve(LayerObserver* observer) { std::erase(observers_, observer); }
  std::span<LayerObserver* const> observers() const { return observers_; }
  /// How layers are called in messages. The names must outlive their use.
  void name_layers(const LayerNames* names) { names_ = names; }
  const LayerNames* layer_names() const { return names_; }

  /// Counts arithmetic while somebody observes: products of matrices, `linear`, convolutions, and einsums of two or
  /// more operands tell what they cost in the forward pass, 2 for each multiplication with its addition, and how many
  /// of their operands want a gradient, each of which costs as much again. Biases and elementwise operations count
  /// nothing.
  void count_flops(double forward, int gradients = 0) {
    flops_ += forward;
    backward_flops_ += forward * gradients;
  }
  double flops() const { return flops_; }
  /// What a backward pass from all that was counted takes.
  double backward_flops() const { return backward_flops_; }

  /// The innermost layer that runs and is observed.
  LayerKey& running_layer() { return running_layer_; }

  detail::ContextRef ref() const { return detail::ContextRef(slot_); }

 protected:
  struct Recording {};
  Context(Mode mode, Recording) : Context(mode) { recording_ = true; }

  detail::Arena arena_;

 private:
  struct Deferred {
    void (*run)(Deferred&, bool wanted);
    Deferred* next;
  };

  void finish_deferred(bool wanted) {
    Deferred* node = std::exchange(deferred_, nullptr);
    last_deferred_ = &deferred_;
    while (node) {
      Deferred* next = node->next;
      node->run(*node, wanted);
      node = next;
    }
  }

  Mode mode_;
  bool recording_ = false;
  bool has_random_ = false;
  RandomStream random_;
  Deferred* deferred_ = nullptr;
  Deferred** last_deferred_ = &deferred_;
  double flops_ = 0;
  double backward_flops_ = 0;
  LayerKey running_layer_;
  std::vector<LayerObserver*> observers_;
  std::vector<std::shared_ptr<LayerObserver>> kept_observers_;
  const LayerNames* names_ = nullptr;
  detail::ContextSlot* slot_;
};

}  // namespace kiln
