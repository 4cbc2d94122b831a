// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Random numbers that depend on nothing but a key and a position: not on the standard library, the number of threads,
/// or what else was drawn. A `RandomStream` is keyed by (seed, purpose, epoch, sample); different keys never share one.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <type_traits>
#include <utility>

#include <kiln/core/error.hpp>
#include <kiln/core/normal_quantile.hpp>
#include <kiln/core/philox.hpp>

namespace kiln {

/// What random numbers are drawn for.
enum class Purpose : std::uint32_t { user, init, shuffle, split, dropout, augment, mixup };

/// What `RandomStream` fills tensors with.
template <class T>
concept RandomReal = std::same_as<T, float> || std::same_as<T, double>;

/// How many 32-bit words of a stream one number takes.
template <RandomReal T>
inline constexpr std::size_t random_words = sizeof(T) / sizeof(std::uint32_t);

namespace detail {

/// Reads the words of one stream, a block of four at a time. The key is the seed; the counter holds, from its lowest
/// bit, the block (40 bits), the purpose (8), the sample (48) and the epoch (32).
class WordReader {
 public:
  WordReader(std::uint64_t seed, Purpose purpose, std::uint32_t epoch, std::uint64_t sample, std::uint64_t& position)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        purpose_(static_cast<std::uint32_t>(purpose)),
        epoch_(epoch),
        sample_(sample),
        position_(position) {}

  /// The next `Words` words, the first one lowest.
  template <std::size_t Words>
  std::uint64_t next() {
    std::uint64_t low = word();
    if constexpr (Words == 2) low |= std::uint64_t{word()} << 32;
    return low;
  }

 private:
  std::uint32_t word() {
    if (position_ / 4 != block_) load();
    return words_[position_++ % 4];
  }

  void load() {
    block_ = position_ / 4;
    if (block_ >> 40 || purpose_ >> 8 || sample_ >> 48) {
      fail<UsageError>("random", "position must be below 2^42, sample below 2^48 and purpose below 2^8",
                       concat("got position ", position_, ", sample ", sample_, ", purpose ", purpose_));
    }
    const auto block_high = static_cast<std::uint32_t>(block_ >> 32);
    const auto sample_low = static_cast<std::uint32_t>(sample_ & 0xFFFF);
    words_ = philox({static_cast<std::uint32_t>(block_), block_high | purpose_ << 8 | sample_low << 16,
                     static_cast<std::uint32_t>(sample_ >> 16), epoch_},
                    key_);
  }

  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_;
  std::uint32_t epoch_;
  std::uint64_t sample_;
  std::uint64_t& position_;
  std::uint64_t block_ = ~std::uint64_t{0};
  std::array<std::uint32_t, 4> words_{};
};

/// A multiple of 2^-24 (float) or 2^-53 (double) in [0, 1).
template <RandomReal T>
double next_uniform(WordReader& words) {
  if constexpr (random_words<T> == 1) return static_cast<double>(words.next<1>() >> 8) * 0x1p-24;
  return static_cast<double>(words.next<2>() >> 11) * 0x1p-53;
}

/// A standard normal number, from 32 (float) or 52 bits (double), by inversion.
template <RandomReal T>
double next_normal(WordReader& words) {
  if constexpr (random_words<T> == 1) return normal_quantile((static_cast<double>(words.next<1>()) + 0.5) * 0x1p-32);
  return normal_quantile((static_cast<double>(words.next<2>() >> 12) + 0.5) * 0x1p-52);
}

}  // namespace detail

/// A stream of random 32-bit words; `position` counts those drawn. An aggregate whose whole state is visible: a copy
/// draws the same numbers again. All drawing throws UsageError beyond 2^48 samples or 2^42 words.
struct RandomStream {
  using result_type = std::uint32_t;

  std::uint64_t seed = 0;
  Purpose purpose = Purpose::user;
  std::uint32_t epoch = 0;
  std::uint64_t sample = 0;
  std::uint64_t position = 0;

  static constexpr result_type(min)() { return 0; }
  static constexpr result_type(max)() { return 0xFFFF'FFFF; }

  /// The next word.
  result_type operator()() { return static_cast<result_type>(reader().next<1>()); }

  /// A number in [0, 1), a multiple of 2^-53. Takes two words, as the following do.
  double uniform() {
    auto words = reader();
    return detail::next_uniform<double>(words);
  }

  /// A standard normal number: the same bits with every compiler and math library.
  double normal() {
    auto words = reader();
    return detail::next_normal<double>(words);
  }

  /// An integer in [0, n), all equally likely. Throws: UsageError for n = 0.
  std::uint64_t below(std::uint64_t n) {
    if (n == 0) fail<UsageError>("below", "there must be an integer to choose", "got n = 0");
    const std::uint64_t surplus = (0 - n) % n;  // 2^64 mod n: refused, or small results would be more likely
    for (auto words = reader();;) {
      if (std::uint64_t x = words.next<2>(); x >= surplus) return x % n;
    }
  }

  /// Fills with numbers in [low, high), which is `low` if they are equal. Element i depends only on the key and on
  /// `position + i * random_words<T>`, so parts filled by streams further `ahead` make the same whole.
  template <RandomReal T, std::size_t N>
  void fill_uniform(std::span<T, N> out, std::type_identity_t<T> low, std::type_identity_t<T> high) {
    if (!(low <= high) || !std::isfinite(high - low)) {
      fail<UsageError>("fill_uniform", "low <= high must hold and high - low be finite",
                       concat("got low = ", low, ", high = ", high));
    }
    const T last = std::nextafter(high, low);
    auto words = reader();
    for (T& x : out) {
      x = static_cast<T>(low + detail::rounded(detail::next_uniform<T>(words) * (double{high} - double{low})));
      if (x > last) x = last;  // a number close to `high` may have been rounded to it
    }
  }

  /// Fills with normal numbers. Element i depends on the key and the position as in `fill_uniform`.
  template <RandomReal T, std::size_t N>
  void fill_normal(std::span<T, N> out, std::type_identity_t<T> mean, std::type_identity_t<T> std) {
    if (!std::isfinite(mean) || !std::isfinite(std) || std < 0) {
      fail<UsageError>("fill_normal", "mean and std must be finite and std not negative",
                       concat("got mean = ", mean, ", std = ", std));
    }
    auto words = reader();
    for (T& x : out) x = static_cast<T>(mean + detail::rounded(detail::next_normal<T>(words) * std));
  }

  /// This stream, `words` further on.
  RandomStream ahead(std::uint64_t words) const { return {seed, purpose, epoch, sample, position + words}; }

  friend constexpr bool operator==(const RandomStream&, const RandomStream&) = default;

 private:
  detail::WordReader reader() { return {seed, purpose, epoch, sample, position}; }
};

/// Puts the items in random order, all orders equally likely (Fisher and Yates).
template <class T, std::size_t N>
void shuffle(std::span<T, N> items, RandomStream& stream) {
  for (std::size_t left = items.size(); left > 1; --left) {
    using std::swap;
    if (std::size_t chosen = stream.below(left); chosen != left - 1) swap(items[chosen], items[left - 1]);
  }
}

/// What determines all following streams of `next_stream`: the seed, and how many were given out for each purpose.
struct RandomState {
  std::uint64_t seed = 0;
  std::array<std::uint64_t, 7> streams{};

  friend constexpr bool operator==(const RandomState&, const RandomState&) = default;
};

namespace detail {

struct GlobalRandom {
  std::mutex mutex;
  RandomState state;
};
inline constinit GlobalRandom global_random;

/// Streams of `next_stream` count in `sample` and are told from those that users key themselves by their epoch.
inline constexpr std::uint32_t next_stream_epoch = 0xFFFF'FFFF;

}  // namespace detail

/// The whole program's generator: what `next_stream` gives out starts again from this seed. Without it the seed is 0.
inline void manual_seed(std::uint64_t seed) {
  std::lock_guard lock(detail::global_random.mutex);
  detail::global_random.state = {seed, {}};
}

/// All that has to be kept to continue later with the same random numbers.
inline RandomState random_state() {
  std::lock_guard lock(detail::global_random.mutex);
  return detail::global_random.state;
}

inline void set_random_state(const RandomState& state) {
  std::lock_guard lock(detail::global_random.mutex);
  detail::global_random.state = state;
}

inline std::uint64_t global_seed() { return random_state().seed; }

/// A stream that was not given out before, keyed by the global seed, the purpose and a running count. Epoch 2^32 - 1 is
/// its own: keep it out of the keys you make yourself. Several threads may call it; their order is then theirs.
inline RandomStream next_stream(Purpose purpose) {
  std::lock_guard lock(detail::global_random.mutex);
  RandomState& state = detail::global_random.state;
  const auto index = static_cast<std::size_t>(purpose);
  if (index >= state.streams.size()) {
    fail<UsageError>("next_stream", "the purpose must be one that Purpose names", concat("got ", index));
  }
  return {state.seed, purpose, detail::next_stream_epoch, state.streams[index]++, 0};
}

}  // namespace kiln
