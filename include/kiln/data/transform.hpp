// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Transforms: what changes a batch's inputs before a model is trained on them. One is anything that can be called with
/// the batch and its random numbers, so yours is a few lines:
///
///     struct Dim {
///       Tensor<4> operator()(Tensor<4> x, SampleStreams random) const {
///         for (Index n = 0; n < x.size(0); ++n) {
///           const auto light = static_cast<float>(random[n].uniform());
///           for (float& pixel : sample_span(x, n)) pixel *= light;
///         }
///         return x;
///       }
///     };
///     data.train.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{}, Dim{});  // for a loader's every batch
///     RandomStream stream{.seed = 1};
///     Tensor<4> changed = RandomHorizontalFlip{}(x, stream);                          // or here and now
///
/// One without random numbers may take the batch alone: `[](Tensor<4> x) { return 2 * x; }`.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/core/random.hpp>
#include <kiln/core/reflect.hpp>
#include <kiln/core/shared_value.hpp>
#include <kiln/core/type_name.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// The random numbers for a batch: a stream for each of its samples, or one that they all draw from, in turn. Either
/// moves on as it is drawn from, and must outlive this.
class SampleStreams {
 public:
  SampleStreams(RandomStream& for_all) : first_(&for_all), step_(0) {}
  explicit SampleStreams(std::span<RandomStream> each) : first_(each.data()), step_(1) {}

  /// What sample i of the batch draws from.
  RandomStream& operator[](Index i) const { return first_[i * step_]; }

 private:
  RandomStream* first_;
  Index step_;
};

/// The elements of sample i, to be read or changed. Throws: IndexError.
template <int R, class T>
  requires(R > 0)
std::span<T> sample_span(Tensor<R, T>& x, Index i) {
  const auto view = x.row_view(i);
  return {view.data(), static_cast<std::size_t>(view.numel())};
}

namespace detail {

template <class F, class X>
concept RandomTransform = requires(const F& f, X x, SampleStreams random) {
  { f(std::move(x), random) } -> std::same_as<X>;
};
template <class F, class X>
concept FixedTransform = requires(const F& f, X x) {
  { f(std::move(x)) } -> std::same_as<X>;
};

}  // namespace detail

/// What can be called with inputs of type X, and their random numbers or not, and returns them changed. Sizes may
/// change, but for the number of samples.
template <class F, class X>
concept Transform = detail::RandomTransform<F, X> || detail::FixedTransform<F, X>;

namespace detail {

/// Says, in a sentence, what keeps F from being a transform of X.
template <class F, class X>
consteval bool is_transform() {
  static_assert(Transform<F, X>,
                "kiln: a transform is called as transform(x, random) or transform(x), where x are the batch's inputs "
                "with their rank and element type and random is a SampleStreams; its operator() must be const and "
                "return inputs of the same type");
  return Transform<F, X>;
}

template <class X, class F>
X apply_transform(const F& f, X x, SampleStreams random) {
  if constexpr (RandomTransform<F, X>) return f(std::move(x), random);
  else return f(std::move(x));
}

/// A transform and its settings as text: `RandomCrop(size (0, 0), padding (1, 1))`.
template <class V>
void append_settings(std::string& out, const V& value) {
  if constexpr (requires { append_text(out, value); }) {
    append_text(out, value);
  } else if constexpr (std::is_enum_v<V>) {
    append_text(out, static_cast<std::int64_t>(value));
  } else if constexpr (requires { value.has_value(), *value; }) {
    if (value) append_settings(out, *value);
    else out += "none";
  } else if constexpr (requires { value.begin(), value.end(); }) {
    out += '[';
    for (std::string_view comma = ""; const auto& item : value) {
      out += std::exchange(comma, ", ");
      append_settings(out, item);
    }
    out += ']';
  } else {
    out += type_name<V>();
    out += '(';
    if constexpr (Reflectable<const V>) {
      for_each_field(value, [&, comma = std::string_view()](std::string_view name, const auto& field) mutable {
        out += concat(std::exchange(comma, ", "), name, " ");
        append_settings(out, field);
      });
    }
    out += ')';
  }
}

/// A transform of any type.
template <class X>
class AnyTransform {
 public:
  template <class F>
    requires(!std::same_as<F, AnyTransform>)
  explicit AnyTransform(F f)
      : apply_([](const void* transform, X x, SampleStreams random) {
          return apply_transform(*static_cast<const F*>(transform), std::move(x), random);
        }) {
    append_settings(text_, f);
    transform_ = share(std::move(f));
  }

  X operator()(X x, SampleStreams random) const { return apply_(transform_.get(), std::move(x), random); }
  const std::string& text() const { return text_; }

 private:
  std::shared_ptr<const void> transform_;
  X (*apply_)(const void*, X, SampleStreams);
  std::string text_;
};

/// A loader's transforms, in order.
template <class X>
class TransformList {
 public:
  template <class F>
  void add(F transform) {
    list_.emplace_back(std::move(transform));
  }

  bool empty() const { return list_.empty(); }

  /// Throws: ShapeError if one does not keep the number of samples.
  X apply(X x, SampleStreams random) const {
    for (const AnyTransform<X>& transform : list_) {
      if constexpr (requires { x.shape()[0]; }) {
        const Index before = x.shape()[0];
        x = transform(std::move(x), random);
        if (const Index after = x.shape()[0]; after != before) {
          fail<ShapeError>("transform", concat("a transform must keep the number of samples, ", before),
                           concat("it returned ", after));
        }
      } else {
        x = transform(std::move(x), random);
      }
    }
    return x;
  }

  std::string text() const {
    std::string text;
    for (const AnyTransform<X>& transform : list_) text += concat(text.empty() ? "" : ", ", transform.text());
    return text;
  }

 private:
  std::vector<AnyTransform<X>> list_;
};

/// A stream for each sample of a batch, in memory from the pool.
class StreamArray {
 public:
  template <class KeyOf>
  StreamArray(std::size_t size, KeyOf key_of)
      : memory_(size * sizeof(RandomStream)), streams_(static_cast<RandomStream*>(memory_.payload()), size) {
    for (std::size_t i = 0; i < size; ++i) std::construct_at(&streams_[i], key_of(i));
  }

  operator SampleStreams() const { return SampleStreams(streams_); }

 private:
  BlockRef memory_;
  std::span<RandomStream> streams_;
};

}  // namespace detail

/// Several transforms as one, applied in order: `Transforms{RandomCrop{.padding = 1}, RandomHorizontalFlip{}}`.
template <class... F>
class Transforms {
 public:
  explicit Transforms(F... transforms) : list_(std::move(transforms)...) {}

  template <class X>
    requires(Transform<F, X> && ...)
  X operator()(X x, SampleStreams random) const {
    std::apply([&](const F&... f) { ((x = detail::apply_transform(f, std::move(x), random)), ...); }, list_);
    return x;
  }

  static void fields(auto& self, auto&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(concat(I), std::get<I>(self.list_)), ...);
    }(std::index_sequence_for<F...>{});
  }

 private:
  std::tuple<F...> list_;
};

}  // namespace kiln
