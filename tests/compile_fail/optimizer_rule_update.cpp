// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: an optimizer's rule is a plain struct of numbers with a function
#include <kiln/optim/optimizer.hpp>

struct Rule {
  double lr = 0.1;
#ifdef KILN_CONTROL
  template <class T>
  void update(kiln::ParamUpdate<T>) const {}
#else
  void updates() const {}
#endif
};

kiln::Optimizer make(std::vector<kiln::ParamRef> params) { return {Rule{}, params}; }
