// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a base class: make the base a member
#include <kiln/core/reflect.hpp>

struct Layer {
  int in = 1;
};
struct Derived : Layer {
  int out = 1;
};
struct Listed : Layer {
  int out = 1;
  static void fields(auto& self, auto&& f) { f("in", self.in), f("out", self.out); }
};

template <class T>
void visit(T model) {
  kiln::for_each_field(model, [](std::string_view, int& size) { ++size; });
}
void check() {
  visit(Listed{});
#ifndef KILN_CONTROL
  visit(Derived{});
#endif
}
