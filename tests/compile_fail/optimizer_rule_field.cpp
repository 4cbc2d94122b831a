// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a field of an optimizer's rule must be a double
#include <kiln/optim/optimizer.hpp>

struct Rule {
#ifdef KILN_CONTROL
  double lr = 0.1;
#else
  float lr = 0.1f;
#endif

  template <class T>
  void update(kiln::ParamUpdate<T>) const {}
};

kiln::Optimizer make(std::vector<kiln::ParamRef> params) { return {Rule{}, params}; }
