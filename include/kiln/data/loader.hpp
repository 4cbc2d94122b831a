// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `DataLoader`: a data set in batches, gathered ahead where that helps.
/// `DataLoader loader{data, {.batch_size = 64, .shuffle = true}}; for (auto& batch : loader.epoch(0)) ...`
/// Batches, their order and their bits follow from the data, the seed and the epoch's number; never from the workers.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/data/dataset.hpp>
#include <kiln/data/prefetch.hpp>
#include <kiln/data/sampler.hpp>
#include <kiln/data/transform.hpp>

namespace kiln {

struct LoaderOptions {
  Index batch_size = 64;
  bool shuffle = false;
  bool drop_last = false;  ///< leave out a last batch that is not full
  /// Threads that gather ahead; with 0 the caller's thread gathers when it asks. Unless set, batches that take long to
  /// gather are made by one such thread if the library's team leaves a core free, else by the team.
  std::optional<int> workers = {};
  int prefetch = 4;                        ///< batches that each worker may be ahead
  std::optional<std::uint64_t> seed = {};  ///< of order and transforms; `global_seed()` when it is made, unless set
};

namespace detail {

/// What a loader and its epochs share.
template <Dataset D, Sampler S>
struct LoaderState {
  using X = std::remove_cvref_t<decltype(std::declval<batch_t<D>&>().x)>;

  struct Gather {
    const LoaderState* state;
    batch_t<D> operator()(Index batch) const { return state->gather(state->order, state->number, batch); }
  };

  LoaderState(std::shared_ptr<const D> dataset, S row_sampler, const LoaderOptions& options)
      : data(std::move(dataset)), sampler(std::move(row_sampler)) {
    constexpr int most = 256;
    auto check = [](std::string_view name, Index value, Index low, Index high) {
      if (value >= low && value <= high) return;
      fail<UsageError>("DataLoader", concat(name, " must lie between ", low, " and ", high), concat("got ", value));
    };
    if (options.batch_size < 1) {
      fail<UsageError>("DataLoader", "batch_size must be at least 1", concat("got ", options.batch_size));
    }
    check("workers", options.workers.value_or(0), 0, most);
    check("prefetch", options.prefetch, 1, most);
    batches = {.samples = static_cast<Index>(sampler.size()),
               .batch_size = options.batch_size,
               .drop_last = options.drop_last};
    workers = options.workers;
    prefetch = options.prefetch;
    seed = options.seed.value_or(global_seed());
  }

  /// The same loader, which has no workers of its own yet.
  LoaderState(const LoaderState& other)
      : data(other.data),
        sampler(other.sampler),
        batches(other.batches),
        workers(other.workers),
        prefetch(other.prefetch),
        seed(other.seed),
        transforms(other.transforms) {}

  batch_t<D> gather(const std::vector<Index>& rows, Index epoch, Index batch) const {
    const std::span<const Index> taken_rows = batches.rows(rows, batch);
    batch_t<D> result = data->gather(taken_rows);
    if (transforms.empty()) return result;
    const StreamArray streams(taken_rows.size(), [&](std::size_t i) {
      return RandomStream{.seed = seed,
                          .purpose = Purpose::augment,
                          .epoch = static_cast<std::uint32_t>(epoch),
                          .sample = static_cast<std::uint64_t>(taken_rows[i])};
    });
    result.x = transforms.apply(std::move(result.x), streams);
    return result;
  }

  std::shared_ptr<const D> data;
  S sampler;
  BatchSampler batches;
  std::optional<int> workers;
  Index prefetch = 0;
  std::uint64_t seed = 0;
  TransformList<X> transforms;

  // One epoch at a time has these; another that is begun meanwhile works alone, with the same results.
  std::atomic<bool> taken = false;
  std::vector<Index> order;
  Index number = 0;
  std::optional<Prefetcher<Gather>> prefetcher;
};

}  // namespace detail

/// One pass over a loader, or the rest of one. It keeps what it needs of the loader alive.
template <Dataset D, Sampler S>
class Epoch {
 public:
  using Batch = batch_t<D>;

  /// The next batch, valid until the following call, or null at the end. What the data set throws for a batch is thrown
  /// in its place; the batches after it can still be had.
  Batch* next() {
    current_.reset();
    if (position_ == batches()) return nullptr;
    const Index batch = position_++;
    if (lease_) current_.emplace(state_->prefetcher->take());
    else current_.emplace(state_->gather(own_order_, number_, batch));
    return &*current_;
  }

  /// How many of the epoch's batches have been handed out, counting those that were skipped at its beginning.
  Index position() const { return position_; }

  /// How many batches the whole epoch has.
  Index batches() const { return state_->batches.size(); }

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(Epoch& epoch) : epoch_(&epoch), batch_(epoch.next()) {}
    Batch& operator*() const { return *batch_; }
    Batch* operator->() const { return batch_; }
    Iterator& operator++() {
      batch_ = epoch_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& i, std::default_sentinel_t) { return i.batch_ == nullptr; }

   private:
    Epoch* epoch_;
    Batch* batch_;
  };

  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

  Epoch(Epoch&&) noexcept = default;
  Epoch& operator=(Epoch&&) = delete;

 private:
  template <Dataset, Sampler>
  friend class DataLoader;

  using State = detail::LoaderState<D, S>;

  /// Ends an epoch's use of the order and the workers that it shares with the loader.
  struct EndLease {
    void operator()(State* state) const {
      if (state->prefetcher) state->prefetcher->park();
      state->taken.store(false, std::memory_order_release);
    }
  };

  Epoch(std::shared_ptr<State> state, Index number, Index first_batch)
      : state_(std::move(state)), number_(number), position_(first_batch) {
    constexpr Index end = 0xFFFF'FFFF;  // random streams keep this epoch for themselves
    if (number < 0 || number >= end) {
      fail<IndexError>("epoch", concat("its number must lie in [0, ", end, ")"), concat("got ", number));
    }
    if (first_batch < 0 || first_batch > batches()) {
      fail<IndexError>("epoch", concat("the first batch must lie in [0, ", batches(), "]"),
                       concat("got ", first_batch));
    }
    if (!state_->taken.exchange(true, std::memory_order_acquire)) lease_.reset(state_.get());
    std::vector<Index>& order = lease_ ? state_->order : own_order_;
    state_->sampler.order(number, order);
    if (static_cast<Index>(order.size()) != state_->batches.samples) {
      fail<UsageError>("epoch", concat("the sampler must give ", state_->batches.samples, " rows, its size"),
                       concat("got ", order.size()));
    }
    if (!lease_) return;
    state_->number = number;
    if (!state_->prefetcher)
      state_->prefetcher.emplace(typename State::Gather{state_.get()}, state_->workers, state_->prefetch);
    state_->prefetcher->start(first_batch, batches());
  }

  std::shared_ptr<State> state_;
  std::unique_ptr<State, EndLease> lease_;  // ends before state_ does
  std::vector<Index> own_order_;
  Index number_;
  Index position_;
  std::optional<Batch> current_;
};

/// A data set in batches. An lvalue data set is referenced and must outlive the loader and its epochs, a temporary is
/// owned. A copy of a loader shares its workers.
template <Dataset D, Sampler S = EpochSampler>
class DataLoader {
 public:
  using Batch = batch_t<D>;

  /// Throws: UsageError for options that make no sense.
  template <class Held>
    requires std::same_as<std::remove_cvref_t<Held>, D>
  explicit DataLoader(Held&& data,  // NOLINT(bugprone-forwarding-reference-overload): the requirement rules it out
                      const LoaderOptions& options = {})
      : DataLoader(std::forward<Held>(data),
                   EpochSampler{static_cast<Index>(data.size()), options.shuffle, options.seed.value_or(global_seed())},
                   options) {}

  /// With a sampler of one's own; `shuffle` of the options is not used, and `seed` only by transforms.
  template <class Held, std::same_as<S> Own>
    requires std::same_as<std::remove_cvref_t<Held>, D>
  DataLoader(Held&& data, Own sampler, const LoaderOptions& options = {})
      : state_(std::make_shared<State>(detail::hold(std::forward<Held>(data)), std::move(sampler), options)) {}

  /// Samples in an epoch.
  Index size() const { return state_->batches.samples; }

  /// Batches in an epoch.
  Index batches() const { return state_->batches.size(); }

  Index batch_size() const { return state_->batches.batch_size; }
  const D& dataset() const { return *state_->data; }
  const S& sampler() const { return state_->sampler; }

  /// Has the inputs of every batch changed by these, in order, behind those that were given before, as the batch is
  /// gathered: `data.train.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{})`. What a sample's transforms
  /// draw depends on the loader's seed, the epoch and the sample's row in the data set; not on the batch that it is in,
  /// nor on the workers. Copies of this loader that were made before, and their epochs, go on without.
  template <class... F>
  DataLoader& transform(F... transforms) {
    if constexpr ((detail::is_transform<F, typename State::X>() && ...)) {
      auto changed = std::make_shared<State>(*state_);
      (changed->transforms.add(std::move(transforms)), ...);
      state_ = std::move(changed);
    }
    return *this;
  }

  /// The transforms and their seed as text; empty if there are none.
  std::string transforms() const {
    return state_->transforms.empty() ? "" : concat(state_->transforms.text(), ", seed ", state_->seed);
  }

  /// The first batch of an epoch, to look at: `ImageGrid{}.add(data.train.one_batch().x).save("batch.svg")`.
  /// Throws: UsageError if there is none.
  Batch one_batch(Index number = 0) const {
    if (batches() == 0) fail<UsageError>("one_batch", "the loader must have at least one batch", "it has none");
    auto first = epoch(number);
    return std::move(*first.next());
  }

  /// The batches of an epoch, from `first_batch` on: `epoch(3, 17)` continues where `epoch(3)` was after 17 batches.
  /// Throws: IndexError for a number outside [0, 2^32 - 1) or a batch beyond the end.
  Epoch<D, S> epoch(Index number, Index first_batch = 0) const { return {state_, number, first_batch}; }

 private:
  using State = detail::LoaderState<D, S>;
  std::shared_ptr<State> state_;
};

template <class D>
DataLoader(D&&, LoaderOptions = {}) -> DataLoader<std::remove_cvref_t<D>>;
template <class D, Sampler S>
DataLoader(D&&, S, LoaderOptions = {}) -> DataLoader<std::remove_cvref_t<D>, S>;

/// The loaders that training needs: `DataLoaders{train, valid}`, and a test set if there is one.
template <class Train, class Valid, class Test = void>
struct DataLoaders {
  Train train;
  Valid valid;
  Test test;  ///< nothing is ever selected on it
};
template <class Train, class Valid>
struct DataLoaders<Train, Valid, void> {
  Train train;
  Valid valid;
};

template <class Train, class Valid>
DataLoaders(Train, Valid) -> DataLoaders<Train, Valid>;
template <class Train, class Valid, class Test>
DataLoaders(Train, Valid, Test) -> DataLoaders<Train, Valid, Test>;

}  // namespace kiln
