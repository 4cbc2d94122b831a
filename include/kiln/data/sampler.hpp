// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Samplers say in which order an epoch visits the rows of a data set. The order is a pure function of the sampler's
/// fields and the epoch's number, so any epoch can be repeated or entered in the middle.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <kiln/core/random.hpp>
#include <kiln/core/shape.hpp>

namespace kiln {

/// `size()` rows an epoch; `order` writes them into `rows`, whose former content and size do not matter.
template <class S>
concept Sampler = requires(const S& sampler, Index epoch, std::vector<Index>& rows) {
  { sampler.size() } -> std::convertible_to<Index>;
  sampler.order(epoch, rows);
};

/// Every row once, first to last.
struct SequentialSampler {
  Index samples = 0;

  Index size() const { return samples; }
  void order(Index /*epoch*/, std::vector<Index>& rows) const {
    rows.resize(static_cast<std::size_t>(samples));
    std::iota(rows.begin(), rows.end(), Index{0});
  }
};

/// Every row once, in an order of its own for each seed and epoch.
struct RandomSampler {
  Index samples = 0;
  std::uint64_t seed = global_seed();

  Index size() const { return samples; }
  void order(Index epoch, std::vector<Index>& rows) const {
    SequentialSampler{samples}.order(epoch, rows);
    RandomStream stream{.seed = seed, .purpose = Purpose::shuffle, .epoch = static_cast<std::uint32_t>(epoch)};
    kiln::shuffle(std::span<Index>(rows), stream);
  }
};

/// What a loader uses unless it is given another: sequential or random.
struct EpochSampler {
  Index samples = 0;
  bool shuffle = false;
  std::uint64_t seed = global_seed();

  Index size() const { return samples; }
  void order(Index epoch, std::vector<Index>& rows) const {
    if (shuffle) RandomSampler{samples, seed}.order(epoch, rows);
    else SequentialSampler{samples}.order(epoch, rows);
  }
};

/// Cuts an epoch into batches. The last one is shorter, or left out, if the size does not divide.
struct BatchSampler {
  Index samples = 0;
  Index batch_size = 1;
  bool drop_last = false;

  /// The number of batches.
  Index size() const { return samples / batch_size + (!drop_last && samples % batch_size != 0 ? 1 : 0); }

  /// The part of an epoch's rows that batch i consists of.
  std::span<const Index> rows(std::span<const Index> order, Index i) const {
    const Index begin = i * batch_size;
    const Index count = (std::min)(batch_size, samples - begin);
    return order.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
  }
};

}  // namespace kiln
