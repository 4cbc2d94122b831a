// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Which matmul kernel is used: the scope's, else the program's, else the native one.
#pragma once

#include <atomic>
#include <type_traits>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_naive.hpp>
#include <kiln/kernels/matmul_native.hpp>

namespace kiln {

namespace detail {

inline constinit std::atomic<const MatmulKernel*> default_matmul = nullptr;

/// The kernel that the scope or the program has chosen, or null: the native one, compiled only for the element types in
/// use.
inline const MatmulKernel* chosen_matmul() {
  if (const void* scoped = scoped_choices.matmul) return static_cast<const MatmulKernel*>(scoped);
  return default_matmul.load(std::memory_order_acquire);
}

}  // namespace detail

/// The kernel that products use here and now.
template <class Default = NativeMatmul>
const MatmulKernel& current_matmul() {
  const MatmulKernel* chosen = detail::chosen_matmul();
  return chosen ? *chosen : matmul_kernel_of<Default>;
}

/// While it lives, products of its thread, and of the library's workers on behalf of it, use its kernel.
class [[nodiscard]] MatmulScope {
 public:
  explicit MatmulScope(const MatmulKernel& kernel) : kernel_(kernel), outer_(detail::scoped_choices.matmul) {
    detail::scoped_choices.matmul = &kernel_;
  }
  MatmulScope(const MatmulScope&) = delete;
  MatmulScope& operator=(const MatmulScope&) = delete;
  ~MatmulScope() { detail::scoped_choices.matmul = outer_; }

 private:
  MatmulKernel kernel_;
  const void* outer_;
};

/// Uses a kernel until the end of the scope: `auto scope = use_matmul<MyKernel>();`
template <class K>
[[nodiscard]] MatmulScope use_matmul() {
  return MatmulScope(matmul_kernel_of<K>);
}

/// The same with a kernel found by name: `auto scope = use_matmul(matmul_kernel("naive"));`
[[nodiscard]] inline MatmulScope use_matmul(const MatmulKernel& kernel) { return MatmulScope(kernel); }

/// Uses a kernel in the whole program, wherever no scope says otherwise.
template <class K>
void set_default_matmul() {
  detail::default_matmul.store(&matmul_kernel_of<K>, std::memory_order_release);
}

/// The same with a kernel found by name, which must live as long as the program.
inline void set_default_matmul(const MatmulKernel& kernel) {
  detail::default_matmul.store(&kernel, std::memory_order_release);
}
void set_default_matmul(MatmulKernel&& kernel) = delete;

/// c = alpha * op(a) * op(b) + beta * c by the current kernel; element types other than float and double have one only.
template <class T>
void run_matmul(const MatmulArgs<T>& args) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    if (const MatmulKernel* chosen = detail::chosen_matmul()) return chosen->run(args);
  }
  detail::run_kernel<NativeMatmul>(args);
}

}  // namespace kiln
