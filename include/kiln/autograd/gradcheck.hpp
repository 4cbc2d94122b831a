// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `gradcheck`: compares the tape's gradients with finite differences. For those who write layers or operations:
///
///     CHECK(gradcheck([](auto x, auto y) { return x / y; }, x, y));          // with respect to x and y
///     CHECK(gradcheck(model, parameters(model), x));                          // and to all parameters of a model
///
/// Use double: a float's differences are so coarse that only wrong formulas show, not small mistakes. Stay away from
/// kinks, such as relu at 0: there the two sides of a difference disagree, and no gradient is right.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <kiln/autograd/param_ref.hpp>
#include <kiln/autograd/record.hpp>

namespace kiln {

struct GradcheckOptions {
  Mode mode = Mode::train;
  double step = 0;  ///< relative distance of the differences; 0: cbrt(epsilon), 6e-6 for double and 5e-3 for float
  double rtol = 0;  ///< allowed difference relative to the gradient; 0: 1e-6 for double and 1e-2 for float
  double atol = 0;  ///< allowed in any case, beside the rounding of the result; 0: 1e-8 for double, 1e-3 for float
};

/// What gradcheck found; true if all gradients agree.
struct GradcheckReport {
  Index checked = 0;            ///< how many elements were compared
  double worst = 0;             ///< the largest difference, in units of what is allowed for it: good up to 1
  std::string input{};          ///< where that was: `input 0`, or a parameter's name
  std::vector<Index> position;  ///< the element in it
  double analytic = 0;          ///< the tape's gradient there
  double numeric = 0;           ///< the finite difference there

  explicit operator bool() const { return worst <= 1; }

  /// `gradcheck: 12 gradients agree; worst: input 0 at (1, 2): 0.25 on the tape, 0.2500000001 by differences`
  std::string text() const {
    if (checked == 0) return "gradcheck: there was no element to compare";
    return concat("gradcheck: ", *this ? concat(checked, " gradients agree; worst: ") : "a gradient is wrong: ", input,
                  " at ", Dims(position), ": ", analytic, " on the tape, ", numeric, " by differences");
  }
};

namespace detail {

/// One tensor whose elements gradcheck moves.
template <class T>
struct GradcheckInput {
  std::string name;
  Dims dims;
  std::span<T> values;
  std::vector<T> analytic;
};

/// The result of f as one number: its elements times fixed weights, which make a permuted gradient visible.
struct Projection {
  double value = 0;
  double magnitude = 0;  // the sum without signs, from which the rounding error is estimated

  static double weight(Index i) {
    const double turn = static_cast<double>(i) * 0.6180339887498949;  // its fractions spread evenly over [0, 1)
    return (i % 3 == 1 ? -1 : 1) * (1 - (turn - std::floor(turn)) / 2);
  }

  template <int R, class T>
  explicit Projection(const Tensor<R, T>& y) {
    for (Index i = 0; i < y.numel(); ++i) {
      const double term = weight(i) * static_cast<double>(y.data()[i]);
      value += term;
      magnitude += std::abs(term);
    }
  }
};

/// The projection as an operation of the tape, of its own so that gradcheck depends on no operation it may have to
/// check.
template <int R, class T>
Var<0, T> project(const Var<R, T>& y) {
  auto pull_back = [shape = y.shape()](const Tensor<0, T>& dz, GradSlot<R, T>& dy) {
    auto gradient = uninitialised<T>(shape);
    for (Index i = 0; i < gradient.numel(); ++i) gradient.data()[i] = static_cast<T>(Projection::weight(i)) * dz.item();
    dy += std::move(gradient);
  };
  return record("project", Tensor<0, T>(static_cast<T>(Projection(y.value()).value)), pull_back, y);
}

inline std::vector<Index> position_of(Index offset, Dims dims) {
  std::vector<Index> position(dims.size());
  for (std::size_t axis = dims.size(); axis-- > 0; offset /= dims[axis]) position[axis] = offset % dims[axis];
  return position;
}

template <class T>
struct PutBack {
  T& place;
  T value;
  ~PutBack() { place = value; }
};

/// Moves every element to both sides. `evaluate()` gives the Projection of f at the inputs as they are then.
template <class T, class Evaluate>
GradcheckReport compare_gradients(const GradcheckOptions& options, std::span<GradcheckInput<T>> inputs,
                                  Evaluate evaluate) {
  constexpr double epsilon = std::numeric_limits<T>::epsilon();
  constexpr bool is_double = sizeof(T) == sizeof(double);
  const double step = options.step > 0 ? options.step : std::cbrt(epsilon);
  const double rtol = options.rtol > 0 ? options.rtol : is_double ? 1e-6 : 1e-2;
  const double atol = options.atol > 0 ? options.atol : is_double ? 1e-8 : 1e-3;

  const Projection first = evaluate();
  if (const Projection again = evaluate(); again.value != first.value && !std::isnan(first.value)) {
    fail<UsageError>("gradcheck",
                     "the function must give the same result for the same input; random numbers must come from "
                     "the context",
                     concat("got ", first.value, " and ", again.value));
  }
  GradcheckReport report;
  for (GradcheckInput<T>& input : inputs) {
    for (std::size_t i = 0; i < input.values.size(); ++i) {
      T& x = input.values[i];
      const T kept = x;
      const PutBack<T> restore{x, kept};  // f may throw
      const T reach = static_cast<T>(step * (std::max)(1.0, std::abs(static_cast<double>(kept))));
      const T high = kept + reach, low = kept - reach;
      x = high;
      const Projection above = evaluate();
      x = low;
      const Projection below = evaluate();

      const double width = static_cast<double>(high) - static_cast<double>(low);
      const double numeric = (above.value - below.value) / width;
      const double analytic = static_cast<double>(input.analytic[i]);
      const double rounding = 8 * epsilon * (above.magnitude + below.magnitude) / width;
      double error = std::abs(analytic - numeric) / (atol + rtol * std::abs(numeric) + rounding);
      if (!(error < std::numeric_limits<double>::infinity())) error = std::numeric_limits<double>::infinity();
      if (report.checked++ == 0 || error > report.worst) {
        report.worst = error;
        report.input = input.name;
        report.position = position_of(static_cast<Index>(i), input.dims);
        report.analytic = analytic;
        report.numeric = numeric;
      }
    }
  }
  return report;
}

/// Calls f with the vars, or with the context itself where there are none.
template <class F, class... Vars>
auto call_checked(F& f, Context& context, const Vars&... vars) {
  if constexpr (sizeof...(Vars) > 0) {
    return f(vars...);
  } else {
    static_assert(std::invocable<F&, Context&>,
                  "kiln: gradcheck without inputs calls f(context), as in "
                  "`gradcheck([&](Context& context) { return model(context(x)); }, parameters(model))`");
    return f(context);
  }
}

/// The gradient as plain elements; zeros if nothing arrived.
template <class T>
std::vector<T> elements_or_zeros(const AnyTensor* gradient, Index count) {
  std::vector<T> result(static_cast<std::size_t>(count));
  if (gradient && !gradient->empty()) std::ranges::copy(gradient->elements<T>(), result.begin());
  return result;
}

template <class F, class... Inputs>
GradcheckReport check_gradients(const GradcheckOptions& options, F& f, const std::vector<ParamRef>& params,
                                Inputs... inputs) {
  const RandomStream random{.purpose = Purpose::dropout};
  auto evaluate = [&] {
    Context context{options.mode};
    context.set_random(random);
    return Projection(call_checked(f, context, context(inputs)...).value());
  };
  Tape tape{options.mode};
  tape.set_random(random);
  auto check = [&](const auto&... vars) {
    auto y = call_checked(f, tape, vars...);
    using T = typename decltype(y)::value_type;
    static_assert((std::same_as<T, typename Inputs::value_type> && ...),
                  "kiln: gradcheck needs inputs and result of one type");
    static_assert(std::is_floating_point_v<T>, "kiln: gradcheck needs inputs of double, or of float");
    const auto loss = project(y);
    const bool depends =
        loss.wants_grad();  // otherwise all gradients are zero, and the differences say if that is right
    if (depends) tape.differentiate(loss);

    std::vector<GradcheckInput<T>> places;
    int number = 0;
    (places.push_back({concat("input ", number++), inputs.shape().span(), inputs.span(),
                       elements_or_zeros<T>(&vars.node()->grad, inputs.numel())}),
     ...);
    for (const ParamRef& param : params) {
      if (!param.trainable()) continue;
      if (param.element_type() != element_type<T>()) {
        fail<UsageError>("gradcheck", concat(param.name, " must have the element type of the result, ", type_name<T>()),
                         "it has another");
      }
      const AnyTensor* gradient = depends ? tape.find_grad(param.address()) : nullptr;
      places.push_back({param.name, param.dims(), param.value<T>(), elements_or_zeros<T>(gradient, param.numel())});
    }
    return compare_gradients<T>(options, places, evaluate);
  };
  return check(tape.variable(inputs)...);
}

}  // namespace detail

/// Checks the gradients of f's result with respect to every element of every input. f takes a Var for each input and
/// gives a Var of any rank; one that is not scalar is projected on fixed weights. Every call gets a context with the
/// same random stream, so that dropout drops the same elements each time; a context that f makes for itself would
/// record nothing, and draw other numbers. What f defers is never committed.
/// Throws: UsageError if f gives different results for the same input.
template <class F, class... Inputs>
  requires(sizeof...(Inputs) > 0 && (is_tensor<Inputs> && ...))
GradcheckReport gradcheck(F&& f, const Inputs&... inputs) {
  return detail::check_gradients({}, f, {}, inputs...);
}
template <class F, class... Inputs>
  requires(sizeof...(Inputs) > 0 && (is_tensor<Inputs> && ...))
GradcheckReport gradcheck(const GradcheckOptions& options, F&& f, const Inputs&... inputs) {
  return detail::check_gradients(options, f, {}, inputs...);
}

/// The same for parameters too, which f uses; frozen ones and buffers are left out. Without inputs, f takes a
/// `Context&`. Throws: UsageError if a parameter's element type is not that of the result.
template <class F, class... Inputs>
  requires(is_tensor<Inputs> && ...)
GradcheckReport gradcheck(F&& f, const std::vector<ParamRef>& params, const Inputs&... inputs) {
  return detail::check_gradients({}, f, params, inputs...);
}
template <class F, class... Inputs>
  requires(is_tensor<Inputs> && ...)
GradcheckReport gradcheck(const GradcheckOptions& options, F&& f, const std::vector<ParamRef>& params,
                          const Inputs&... inputs) {
  return detail::check_gradients(options, f, params, inputs...);
}

}  // namespace kiln
