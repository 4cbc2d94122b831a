// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Losses that compare a prediction with a target of the same shape, element by element: `MSE`, `L1`, `Huber` and
/// `BCEWithLogits`. All are settings that can be called: `Huber{.delta = 2}(x, t)`. The functions `mse_loss`,
/// `l1_loss`, `huber_loss` and `bce_with_logits` take them as options: `huber_loss(x, t, {.delta = 2})`.
#pragma once

#include <cmath>
#include <vector>

#include <kiln/nn/loss_reduction.hpp>

namespace kiln {

namespace detail {

/// What one element contributes to a loss, and the derivatives of that.
template <class T>
struct LossTerm {
  T value;
  T dx;  // by the prediction
  T dt;  // by the target
};

/// Whether prediction and target fit an elementwise loss; says in a sentence what is wrong.
template <class X, class Y>
consteval bool comparable() {
  if constexpr (!VarOperand<X> || !VarOperand<Y>) {
    static_assert(VarOperand<X>, "kiln: a loss's first argument is the prediction, a Var or Tensor");
    static_assert(VarOperand<Y>, "kiln: a loss's second argument is the target, a Tensor or Var");
    return false;
  } else {
    constexpr bool ranks = X::rank == Y::rank;
    static_assert(ranks, "kiln: this loss takes a prediction and a target of the same rank; reshape one of them");
    constexpr bool types = std::is_same_v<typename X::value_type, typename Y::value_type>;
    static_assert(types,
                  "kiln: this loss takes a prediction and a target of the same element type; t.to<float>() converts");
    constexpr bool floating = std::is_floating_point_v<typename X::value_type>;
    static_assert(floating, "kiln: this loss takes predictions and targets of float or double");
    return ranks && types && floating;
  }
}

/// `term(x, t, i)` is the LossTerm of element i.
template <bool Each, int R, class T, class F>
auto elementwise_loss(std::string_view op, const Var<R, T>& x, const Var<R, T>& t, Reduction reduction, F term) {
  if (x.shape() != t.shape()) {
    fail<ShapeError>(op, "prediction and target must have the same shape",
                     concat("got ", x.shape(), " and ", t.shape()));
  }
  auto at = [term](const Var<R, T>& a, const Var<R, T>& b, Index i) {
    return term(a.value().data()[i], b.value().data()[i], i);
  };
  auto values = uninitialised<T>(x.shape());
  for (Index i = 0; i < values.numel(); ++i) values.data()[i] = at(x, t, i).value;
  auto pull = [x, t, at](auto slope, GradSlot<R, T>& dx, GradSlot<R, T>& dt) {
    auto add = [&](GradSlot<R, T>& slot, T LossTerm<T>::*derivative) {
      slot.add_by([&](Tensor<R, T>& to, bool first) {
        if (first) to.fill(T{});
        for (Index i = 0; i < to.numel(); ++i) to.data()[i] += slope(i) * (at(x, t, i).*derivative);
      });
    };
    add(dx, &LossTerm<T>::dx);
    add(dt, &LossTerm<T>::dt);
  };
  const double divisor = reduction == Reduction::mean ? static_cast<double>(x.numel()) : 1;
  if constexpr (Each) return record_each(op, std::move(values), std::move(pull), x, t);
  else return record_reduced(op, values, divisor, std::move(pull), x, t);
}

/// For losses of the difference alone: `term(x - t)`, whose derivative by the target is minus that by the prediction.
template <bool Each, class X, class Y, class F>
auto difference_loss(std::string_view op, const X& prediction, const Y& target, Reduction reduction, F term) {
  if constexpr (comparable<X, Y>()) {
    auto compute = [&]<int R, class T>(const Var<R, T>& x, const Var<R, T>& t) {
      return elementwise_loss<Each>(op, x, t, reduction, [term](T a, T b, Index) {
        auto [value, slope] = term(a - b);
        return LossTerm<T>{value, slope, -slope};
      });
    };
    return with_vars(op, compute, prediction, target);
  }
}

}  // namespace detail

/// The squared difference. Source: torch.nn.MSELoss.
struct MSE {
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& prediction, const auto& target) const { return run<false>(prediction, target); }
  /// The loss of each element, not reduced.
  auto each(const auto& prediction, const auto& target) const { return run<true>(prediction, target); }

 private:
  template <bool Each>
  auto run(const auto& prediction, const auto& target) const {
    return detail::difference_loss<Each>("mse_loss", prediction, target, reduction,
                                         []<class T>(T d) { return std::pair<T, T>(d * d, 2 * d); });
  }
};

/// The absolute difference; its gradient at 0 is 0. Source: torch.nn.L1Loss.
struct L1 {
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& prediction, const auto& target) const { return run<false>(prediction, target); }
  /// The loss of each element, not reduced.
  auto each(const auto& prediction, const auto& target) const { return run<true>(prediction, target); }

 private:
  template <bool Each>
  auto run(const auto& prediction, const auto& target) const {
    return detail::difference_loss<Each>("l1_loss", prediction, target, reduction, []<class T>(T d) {
      return std::pair<T, T>(std::abs(d), static_cast<T>((d > 0) - (d < 0)));
    });
  }
};

/// Half the squared difference d up to delta, delta * (|d| - delta / 2) beyond. Throws: UsageError unless delta > 0.
/// Source: torch.nn.HuberLoss.
struct Huber {
  double delta = 1;
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& prediction, const auto& target) const { return run<false>(prediction, target); }
  /// The loss of each element, not reduced.
  auto each(const auto& prediction, const auto& target) const { return run<true>(prediction, target); }

 private:
  template <bool Each>
  auto run(const auto& prediction, const auto& target) const {
    if (!(delta > 0)) fail<UsageError>("huber_loss", "delta must be positive", concat("got ", delta));
    return detail::difference_loss<Each>("huber_loss", prediction, target, reduction, [delta = delta]<class T>(T d) {
      const T limit = static_cast<T>(delta);
      if (std::abs(d) <= limit) return std::pair<T, T>(d * d / 2, d);
      return std::pair<T, T>(limit * (std::abs(d) - limit / 2), d > 0 ? limit : -limit);
    });
  }
};

/// Binary cross entropy of logits x and targets t in [0, 1]: -(p t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))),
/// stable for logits of any size. Throws: ShapeError.
/// Source: torch.nn.BCEWithLogitsLoss.
struct BCEWithLogits {
  std::vector<double> pos_weight = {};  ///< p: one number, or one for each entry of the last axis; none means 1
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& logits, const auto& target) const { return run<false>(logits, target); }
  /// The loss of each element, not reduced.
  auto each(const auto& logits, const auto& target) const { return run<true>(logits, target); }

 private:
  template <bool Each, class X, class Y>
  auto run(const X& logits, const Y& target) const {
    if constexpr (detail::comparable<X, Y>()) {
      auto compute = [&](const auto& x, const auto& t) { return weighted<Each>(x, t); };
      return detail::with_vars("bce_with_logits", compute, logits, target);
    }
  }

  template <bool Each, int R, class T>
  auto weighted(const Var<R, T>& logits, const Var<R, T>& target) const {
    const Index columns = R == 0 ? 1 : logits.size(-1);
    const auto count = static_cast<Index>(pos_weight.size());
    if (count > 1 && count != columns) {
      fail<ShapeError>("bce_with_logits", concat("pos_weight must have 1 or ", columns, " entries"),
                       concat("got ", count));
    }
    auto term = [weights = pos_weight](T x, T t, Index i) {
      const T p = weights.empty() ? T{1} : static_cast<T>(weights[static_cast<std::size_t>(i) % weights.size()]);
      const T small = std::exp(-std::abs(x));
      const T softplus = std::log1p(small) + (std::max)(-x, T{});  // of -x, which is -log(sigmoid(x))
      const T sigmoid = x < 0 ? small / (1 + small) : 1 / (1 + small);
      return detail::LossTerm<T>{.value = (1 - t) * x + (1 + (p - 1) * t) * softplus,
                                 .dx = (p * t + 1 - t) * sigmoid - p * t,
                                 .dt = (p - 1) * softplus - x};
    };
    return detail::elementwise_loss<Each>("bce_with_logits", logits, target, reduction, term);
  }
};

/// See MSE, L1, Huber and BCEWithLogits.
auto mse_loss(const auto& prediction, const auto& target, MSE options = {}) { return options(prediction, target); }
auto l1_loss(const auto& prediction, const auto& target, L1 options = {}) { return options(prediction, target); }
auto huber_loss(const auto& prediction, const auto& target, Huber options = {}) { return options(prediction, target); }
auto bce_with_logits(const auto& logits, const auto& target, const BCEWithLogits& options = {}) {
  return options(logits, target);
}

}  // namespace kiln
