// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: to write reports, include <kiln/train/report.hpp>
#ifdef KILN_CONTROL
#include <kiln/train/report.hpp>
#endif

#include "../train/toy.hpp"

void write(toy::Mlp& model) {
  kiln::Learner learn{toy::loaders(), model, kiln::CrossEntropy{}, kiln::SGD{}};
  learn.report("report.html");
}
