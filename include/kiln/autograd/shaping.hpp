// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reshaping, reordering, cutting, joining and gathering vars.
#pragma once

#include <kiln/autograd/record.hpp>

namespace kiln {

/// The same elements in another shape; one size may be -1. Throws: ShapeError.
template <int R, int From, class T>
Var<R, T> reshape(const Var<From, T>& x, const Shape<R>& shape) {
  auto pull_back = [from = x.shape()](const auto& dy, auto& dx) { dx += detail::alias(dy).reshape(from); };
  return record("reshape", detail::alias(x.value()).reshape(shape), pull_back, x);
}
template <int R, int From, class T>
Var<R, T> reshape(const Var<From, T>& x, const Extent (&sizes)[R]) {
  return reshape(x, Shape<R>(sizes));
}

/// All axes but the first as one: (N, ...) to (N, product of the rest). A vector stays as it is.
template <int R, class T>
auto flatten(const Var<R, T>& x) {
  static_assert(R > 0, "kiln: a scalar has no batch axis to keep");
  if constexpr (R == 1) {
    return x;
  } else {
    Shape<2> shape{x.size(0), 1};
    for (int axis = 1; axis < R; ++axis) shape[1] *= x.size(axis);
    return reshape(x, shape);
  }
}

/// The axes in another order: axis `i` of the result is axis `order[i]` of x. Throws: IndexError.
template <int R, class T>
Var<R, T> permute(const Var<R, T>& x, const std::array<int, static_cast<std::size_t>(R)>& order) {
  std::array<int, static_cast<std::size_t>(R)> back{};
  auto value = x.value().view().permute_view(order).clone();
  for (int axis = 0; axis < R; ++axis) {
    back[static_cast<std::size_t>(checked_axis("permute", order[static_cast<std::size_t>(axis)], R))] = axis;
  }
  return record(
      "permute", std::move(value), [back](const auto& dy, auto& dx) { dx += permute(dy, back); }, x);
}

/// The axes in reverse order.
template <int R, class T>
Var<R, T> transpose(const Var<R, T>& x) {
  return record(
      "transpose", transpose(x.value()), [](const auto& dy, auto& dx) { dx += transpose(dy); }, x);
}

namespace detail {

/// A tensor seen as (outer, n, inner) around one axis.
template <int R>
struct AroundAxis {
  Index outer = 1, n = 1, inner = 1;
  AroundAxis(const Shape<R>& shape, int axis) {
    for (int i = 0; i < R; ++i) (i < axis ? outer : i == axis ? n : inner) *= shape[i];
  }
};

/// Adds (or copies) `count` entries of the axis, from one position in `from` to another in `to`.
template <int R, class T>
void copy_along(const Tensor<R, T>& from, Index from_begin, Tensor<R, T>& to, Index to_begin, Index count, int axis,
                bool add) {
  const AroundAxis<R> source(from.shape(), axis);
  const AroundAxis<R> target(to.shape(), axis);
  const Index run = count * source.inner;
  for (Index o = 0; o < source.outer; ++o) {
    const T* in = from.data() + (o * source.n + from_begin) * source.inner;
    T* out = to.data() + (o * target.n + to_begin) * target.inner;
    if (add) std::transform(in, in + run, out, out, [](T a, T b) { return b + a; });
    else std::copy_n(in, run, out);
  }
}

}  // namespace detail

/// Entries [begin, end) of an axis. Throws: IndexError.
template <int R, class T>
Var<R, T> slice(const Var<R, T>& x, int axis, Index begin, Index end) {
  axis = checked_axis("slice", axis, R);
  if (begin < 0 || end < begin || end > x.shape()[axis]) {
    fail<IndexError>("slice", concat("entries must lie in [0, ", x.shape()[axis], ") of axis ", axis),
                     concat("got [", begin, ", ", end, ")"));
  }
  auto shape = x.shape();
  shape[axis] = end - begin;
  auto value = detail::uninitialised<T>(shape);
  detail::copy_along(x.value(), begin, value, 0, end - begin, axis, false);
  auto pull_back = [axis, begin, end](const auto& dy, auto& dx) {
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      if (first) to.fill(T{});
      detail::copy_along(dy, 0, to, begin, end - begin, axis, true);
    });
  };
  return record("slice", std::move(value), pull_back, x);
}

/// Vars behind each other along an axis, in which alone they may differ. Throws: ShapeError.
template <int R, class T, class... More>
Var<R, T> concat_axis(int axis, const Var<R, T>& first, const More&... more) {
  static_assert((std::same_as<More, Var<R, T>> && ...), "kiln: concat_axis joins vars of one rank and element type");
  axis = checked_axis("concat_axis", axis, R);
  auto shape = first.shape();
  [[maybe_unused]] auto extend = [&](const Shape<R>& next) {
    auto expected = next;
    expected[axis] = first.shape()[axis];
    if (expected != first.shape()) {
      fail<ShapeError>("concat_axis", concat("shapes must agree but for axis ", axis),
                       concat("got ", first.shape(), " and ", next));
    }
    shape[axis] += next[axis];
  };
  (extend(more.shape()), ...);
  auto value = detail::uninitialised<T>(shape);
  Index at = 0;
  auto place = [&](const Tensor<R, T>& part) {
    detail::copy_along(part, 0, value, at, part.shape()[axis], axis, false);
    at += part.shape()[axis];
  };
  (place(first.value()), ..., place(more.value()));
  auto pull_back = [axis](const auto& dy, std::same_as<GradSlot<R, T>> auto&... dx) {
    Index from = 0;
    auto take = [&](auto& slot) {
      Index count = slot.shape()[axis];
      slot.add_by([&](Tensor<R, T>& to, bool fresh) { detail::copy_along(dy, from, to, 0, count, axis, !fresh); });
      from += count;
    };
    (take(dx), ...);
  };
  return record("concat_axis", std::move(value), pull_back, first, more...);
}

/// result[..., i, ...] = x[..., index[..., i, ...], ...]: entries picked along an axis, as torch.gather. `index` has
/// x's rank and its size along the other axes. Throws: ShapeError, IndexError.
template <int R, class T, std::integral I>
Var<R, T> gather(const Var<R, T>& x, int axis, const Tensor<R, I>& index) {
  axis = checked_axis("gather", axis, R);
  auto expected = x.shape();
  expected[axis] = index.shape()[axis];
  if (expected != index.shape()) {
    fail<ShapeError>("gather", concat("the index must have the input's sizes but for axis ", axis),
                     concat("got shapes ", x.shape(), " and ", index.shape()));
  }
  // Positions in x of each element of the result.
  const detail::AroundAxis<R> source(x.shape(), axis);
  const Index n = index.shape()[axis];
  auto from = detail::uninitialised<Index>(index.shape());
  auto value = detail::uninitialised<T>(index.shape());
  for (Index o = 0, k = 0; o < source.outer; ++o) {
    for (Index i = 0; i < n; ++i) {
      for (Index c = 0; c < source.inner; ++c, ++k) {
        const auto pick = static_cast<Index>(index.data()[k]);
        if (pick < 0 || pick >= source.n) {
          fail<IndexError>("gather", concat("indices must lie in [0, ", source.n, ")"), concat("got ", pick));
        }
        from.data()[k] = (o * source.n + pick) * source.inner + c;
        value.data()[k] = x.value().data()[from.data()[k]];
      }
    }
  }
  auto pull_back = [from = std::move(from)](const auto& dy, auto& dx) {
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      if (first) to.fill(T{});
      for (Index k = 0; k < dy.numel(); ++k) to.data()[from.data()[k]] += dy.data()[k];
    });
  };
  return record("gather", std::move(value), pull_back, x);
}

}  // namespace kiln
