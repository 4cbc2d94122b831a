// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/select.hpp>

#include <doctest/doctest.h>

#include <thread>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

namespace {

struct Other {
  static constexpr std::string_view name = "other";
  template <class T>
  static void run(const MatmulArgs<T>& args) {
    *args.c = T{42};
  }
};

float product_of_two_and_three() {
  float a = 2, b = 3, c = 0;
  run_matmul(MatmulArgs<float>{1, 1, 1, &a, 1, false, &b, 1, false, &c, 1});
  return c;
}

}  // namespace

TEST_CASE("the native kernel is used unless a scope says otherwise") {
  CHECK(current_matmul().name == "native");
  CHECK(product_of_two_and_three() == 6);
  {
    auto scope = use_matmul<Other>();
    CHECK(current_matmul().name == "other");
    CHECK(product_of_two_and_three() == 42);
    {
      auto inner = use_matmul(matmul_kernel_of<NaiveMatmul>);
      CHECK(current_matmul().name == "naive");
      CHECK(product_of_two_and_three() == 6);
    }
    CHECK(current_matmul().name == "other");
  }
  CHECK(current_matmul().name == "native");
}

TEST_CASE("the program's default holds where there is no scope") {
  set_default_matmul<Other>();
  CHECK(current_matmul().name == "other");
  CHECK(product_of_two_and_three() == 42);
  {
    auto scope = use_matmul<NaiveMatmul>();
    CHECK(product_of_two_and_three() == 6);
  }
  set_default_matmul(matmul_kernel_of<NativeMatmul>);
  CHECK(product_of_two_and_three() == 6);
}

TEST_CASE("[threads] a scope holds for its thread and the workers on its behalf, for no other thread") {
  int before = num_threads();
  set_num_threads(3);
  auto scope = use_matmul<Other>();
  std::atomic<int> others = 0;
  std::atomic<int> arrived = 0;
  parallel_for(3, [&](Index) {
    others += current_matmul().name == "other";
    ++arrived;
    while (arrived.load() < 3) std::this_thread::yield();
  });
  CHECK(others == 3);
  std::thread([&] { others += current_matmul().name == "native" ? 100 : 0; }).join();
  CHECK(others == 103);
  set_num_threads(before);
}

TEST_CASE("integers are multiplied too") {
  int a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8}, c[4];
  run_matmul(MatmulArgs<int>{2, 2, 2, a, 2, false, b, 2, true, c, 2});
  CHECK(c[0] == 17);
  CHECK(c[1] == 23);
  CHECK(c[2] == 39);
  CHECK(c[3] == 53);
}

TEST_SUITE_END();
