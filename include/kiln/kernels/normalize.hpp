// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The loops of normalisation layers along runs of adjacent elements that share their statistics, such as a channel's
/// plane of one image, or each have their own. Sums down columns are in normalize_columns.hpp.
///
/// Nothing is lost if the mean is large: distances are summed from a mean that was found in a pass before, over memory
/// that is still in the cache. At most `chunk` elements are summed in T, by many lanes at once; the rest is added up in
/// double, in an order that the shape fixes.
#pragma once

#include <algorithm>

#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// `samples` times `runs` adjacent runs of `length` elements.
struct RunDims {
  Index samples, runs, length;
  Index sample_stride;      ///< elements from one sample to the next
  Index stats_per_sample;   ///< 0 if all samples share their statistics
  Index runs_per_stat = 1;  ///< adjacent runs that share theirs
  static constexpr Index chunk = 2048;

  [[gnu::always_inline]] Index at(Index sample, Index run) const { return sample * sample_stride + run * length; }
  [[gnu::always_inline]] Index stat(Index sample, Index run) const {
    return sample * stats_per_sample + (runs_per_stat == 1 ? run : run / runs_per_stat);
  }
};

/// Mean and variance of what was added so far, by sums of distances from `shift`.
struct PartialMoments {
  double shift = 0, sum = 0, squares = 0, count = 0;

  /// n more elements, given by the sums of their distances from `from` and of the squares of these.
  [[gnu::always_inline]] void add(double from, double distances, double squared, double n) {
    if (count == 0) shift = from;
    const double d = from - shift;
    sum += distances + n * d;
    squares += squared + d * (2 * distances + n * d);
    count += n;
  }
  double mean() const { return shift + sum / count; }
  /// Divided by the number of elements, not one less.
  double variance() const {
    const double v = (squares - sum * (sum / count)) / count;
    return v < 0 ? 0 : v;  // NaN stays
  }
};

/// The sums that a gradient needs of dy, and of dy times the normalised x.
struct GradSums {
  double dy = 0, dy_normal = 0;
};

/// v = 0 in lanes where `gate` is negative or, if OrZero, 0; NaN is neither. In halves, since GCC 12 compares 64 bytes
/// lane by lane.
template <bool OrZero, class T, class V>
[[gnu::always_inline]] inline void clear_negative(V& v, const V& gate) {
  if constexpr (sizeof(V) > 32) {
    Vec<T, sizeof(V) / 2> halves[2], gates[2];
    std::memcpy(halves, &v, sizeof(V));
    std::memcpy(gates, &gate, sizeof(V));
    clear_negative<OrZero, T>(halves[0], gates[0]);
    clear_negative<OrZero, T>(halves[1], gates[1]);
    std::memcpy(&v, halves, sizeof(V));
  } else {
    const V zero = {};
    if constexpr (OrZero) v = gate <= zero ? zero : v;
    else v = gate < zero ? zero : v;
  }
}

/// What may follow a normalisation in the same pass: y = relu(y + more), where `more` may be null.
template <class T>
struct NormRelu {
  bool wanted = false;
  const T* more = nullptr;

  [[gnu::always_inline]] NormRelu from(Index i) const { return {wanted, more ? more + i : nullptr}; }
  template <class V>
  [[gnu::always_inline]] void apply(V& y, Index i) const {
    if (!wanted) return;
    if (more) {
      V m;
      load(m, more + i);
      y += m;
    }
    const V gate = y;
    clear_negative<false, T>(y, gate);
  }
};

/// The gradient that arrives at a normalisation: dy or, if y is not null, what a relu with the result y lets through of
/// it, which is put into dz; that may be dy itself.
template <class T>
struct NormGrad {
  const T* dy;
  const T* y = nullptr;
  T* dz = nullptr;

  [[gnu::always_inline]] NormGrad from(Index i) const { return {dy + i, y ? y + i : nullptr, y ? dz + i : nullptr}; }
  template <class V>
  [[gnu::always_inline]] void get(V& g, Index i) const {
    load(g, dy + i);
    if (!y) return;
    V gate;
    load(gate, y + i);
    clear_negative<true, T>(g, gate);
    store(dz + i, g);
  }
};

/// v = the numbers of the elements from i on, of which each has its own, or all have the same.
template <bool Each, class V, class T>
[[gnu::always_inline]] inline void load_or_spread(V& v, const T* p, Index i) {
  if constexpr (Each) load(v, p + i);
  else v = V{} + *p;
}

/// Adds each run to the moments of its statistic.
struct RunMomentsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, RunDims dims, PartialMoments* to) {
    for (Index s = 0; s < dims.samples; ++s) {
      for (Index r = 0; r < dims.runs; ++r) {
        const T* begin = x + dims.at(s, r);
        PartialMoments& moments = to[dims.stat(s, r)];
        for (Index i = 0; i < dims.length; i += RunDims::chunk)
          add<Bytes>(begin + i, (std::min)(RunDims::chunk, dims.length - i), moments);
      }
    }
  }

 private:
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void add(const T* x, Index n, PartialMoments& moments) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> u, v, sums[2] = {};
    Index i = 0;
    for (; i + 2 * L <= n; i += 2 * L) {
      load(u, x + i);
      load(v, x + i + L);
      sums[0] += u;
      sums[1] += v;
    }
    for (; i + L <= n; i += L) {
      load(u, x + i);
      sums[0] += u;
    }
    sums[0] += sums[1];
    T sum = sum_lanes<T, Bytes>(sums[0]);
    for (; i < n; ++i) sum += x[i];

    const T mean = sum / static_cast<T>(n);
    Vec<T, Bytes> distances[2] = {}, squares[2] = {};
    for (i = 0; i + 2 * L <= n; i += 2 * L) {
      load(u, x + i);
      load(v, x + i + L);
      u -= mean;
      v -= mean;
      distances[0] += u;
      distances[1] += v;
      squares[0] += u * u;
      squares[1] += v * v;
    }
    for (; i + L <= n; i += L) {
      load(u, x + i);
      u -= mean;
      distances[0] += u;
      squares[0] += u * u;
    }
    distances[0] += distances[1];
    squares[0] += squares[1];
    T distance = sum_lanes<T, Bytes>(distances[0]);
    T square = sum_lanes<T, Bytes>(squares[0]);
    for (; i < n; ++i) {
      const T d = x[i] - mean;
      distance += d;
      square += d * d;
    }
    moments.add(static_cast<double>(mean), static_cast<double>(distance), static_cast<double>(square),
                static_cast<double>(n));
  }
};

/// What normalises, y = (x - mean) scale weight + bias, and what a gradient takes. `weight` and `bias` go by run or, in
/// loops with EachAffine, by element of the sample; the others go by statistic or, with EachStat, by element.
template <class T>
struct NormParams {
  const T *mean = nullptr, *scale = nullptr;
  const T *weight = nullptr, *bias = nullptr;
  const T *mean_dy = nullptr, *mean_dy_normal = nullptr;  ///< means of weight dy and of weight dy normal
};

template <bool EachStat, bool EachAffine>
struct NormalizeLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, RunDims dims, NormParams<T> params, T* y,
                                                NormRelu<T> relu) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index s = 0; s < dims.samples; ++s) {
      for (Index r = 0; r < dims.runs; ++r) {
        const Index begin = dims.at(s, r), n = dims.length;
        const Index stat = EachStat ? r * n : dims.stat(s, r);
        const Index affine = EachAffine ? r * n : r;
        NormParams<T> own = params;
        own.mean += stat;
        own.scale += stat;
        own.weight += affine;
        own.bias += affine;
        const NormRelu<T> end = relu.from(begin);
        Index i = 0;
        for (; i + L <= n; i += L) step<Vec<T, Bytes>>(x + begin + i, own, i, y + begin + i, end);
        for (; i < n; ++i) step<T>(x + begin + i, own, i, y + begin + i, end);
      }
    }
  }

 private:
  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, const NormParams<T>& params, Index i, T* y,
                                                 const NormRelu<T>& relu) {
    V v, mean, scale, weight, bias;
    load(v, x);
    load_or_spread<EachStat>(mean, params.mean, i);
    load_or_spread<EachStat>(scale, params.scale, i);
    load_or_spread<EachAffine>(weight, params.weight, i);
    load_or_spread<EachAffine>(bias, params.bias, i);
    v = (v - mean) * scale * weight + bias;
    relu.apply(v, i);
    store(y, v);
  }
};

/// Adds to the sums of each run, of dy or, if Weighted, of the weight of each element times dy. Runs have sums of their
/// own in every sample, `to_stride` apart, or share them if that is 0.
template <bool Weighted>
struct GradSumsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, NormGrad<T> dy, RunDims dims, NormParams<T> params,
                                                GradSums* to, Index to_stride) {
    for (Index s = 0; s < dims.samples; ++s) {
      for (Index r = 0; r < dims.runs; ++r) {
        const Index begin = dims.at(s, r), stat = dims.stat(s, r);
        GradSums& sums = to[s * to_stride + r];
        for (Index i = 0; i < dims.length; i += RunDims::chunk) {
          add<Bytes>(x + begin + i, dy.from(begin + i), Weighted ? params.weight + r * dims.length + i : nullptr,
                     (std::min)(RunDims::chunk, dims.length - i), params.mean[stat], params.scale[stat], sums);
        }
      }
    }
  }

 private:
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void add(const T* x, const NormGrad<T>& dy, const T* weight, Index n, T mean,
                                                T scale, GradSums& sums) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> one[2] = {}, two[2] = {};
    Index i = 0;
    for (; i + 2 * L <= n; i += 2 * L) {
      step(x, dy, weight, i, mean, one[0], two[0]);
      step(x, dy, weight, i + L, mean, one[1], two[1]);
    }
    for (; i + L <= n; i += L) step(x, dy, weight, i, mean, one[0], two[0]);
    one[0] += one[1];
    two[0] += two[1];
    T sum = sum_lanes<T, Bytes>(one[0]), product = sum_lanes<T, Bytes>(two[0]);
    for (; i < n; ++i) step(x, dy, weight, i, mean, sum, product);
    sums.dy += static_cast<double>(sum);
    sums.dy_normal += static_cast<double>(product) * static_cast<double>(scale);
  }

  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, const NormGrad<T>& dy, const T* weight, Index i, T mean,
                                                 V& sum, V& product) {
    V u, g, w;
    load(u, x + i);
    dy.get(g, i);
    if constexpr (Weighted) {
      load(w, weight + i);
      g *= w;
    }
    sum += g;
    product += g * (u - mean);
  }
};

/// dx = scale (weight dy - mean_dy - normal mean_dy_normal), set or added, where normal = (x - mean) scale.
template <bool EachStat, bool EachAffine>
struct NormalizeGradLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* dy, RunDims dims, NormParams<T> params, T* dx,
                                                bool set) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index s = 0; s < dims.samples; ++s) {
      for (Index r = 0; r < dims.runs; ++r) {
        const Index begin = dims.at(s, r), n = dims.length;
        const Index stat = EachStat ? r * n : dims.stat(s, r);
        const Index affine = EachAffine ? r * n : r;
        NormParams<T> own = params;
        own.mean += stat;
        own.scale += stat;
        own.weight += affine;
        own.mean_dy += stat;
        own.mean_dy_normal += stat;
        Index i = 0;
        for (; i + L <= n; i += L) step<Vec<T, Bytes>>(x + begin + i, dy + begin + i, own, i, dx + begin + i, set);
        for (; i < n; ++i) step<T>(x + begin + i, dy + begin + i, own, i, dx + begin + i, set);
      }
    }
  }

 private:
  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, const T* dy, const NormParams<T>& params, Index i, T* dx,
                                                 bool set) {
    V v, g, mean, scale, weight, a, b;
    load(v, x);
    load(g, dy);
    load_or_spread<EachStat>(mean, params.mean, i);
    load_or_spread<EachStat>(scale, params.scale, i);
    load_or_spread<EachAffine>(weight, params.weight, i);
    load_or_spread<EachStat>(a, params.mean_dy, i);
    load_or_spread<EachStat>(b, params.mean_dy_normal, i);
    g = scale * (weight * g - a - (v - mean) * scale * b);
    if (!set) {
      load(v, dx);
      g += v;
    }
    store(dx, g);
  }
};

}  // namespace kiln::detail
