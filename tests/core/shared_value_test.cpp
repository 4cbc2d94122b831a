// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/shared_value.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

struct Counted {
  int* alive;
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(const Counted& other) : alive(other.alive) { ++*alive; }
  ~Counted() { --*alive; }
};

TEST_CASE("share: copies of the pointer own one value") {
  std::shared_ptr<const void> first = kiln::detail::share(std::string("a text that is too long to be kept inside"));
  const std::shared_ptr<const void> second = first;
  CHECK(first == second);
  first.reset();
  CHECK(*static_cast<const std::string*>(second.get()) == "a text that is too long to be kept inside");
}

TEST_CASE("share: the value ends with its last owner") {
  int alive = 0;
  std::shared_ptr<const void> owner = kiln::detail::share(Counted(alive));
  CHECK(alive == 1);
  std::shared_ptr<const void> other = owner;
  owner.reset();
  CHECK(alive == 1);
  other.reset();
  CHECK(alive == 0);
}

}  // namespace
