// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: the numbers of a CSV file become float or double
#include <kiln/data/csv.hpp>

auto right = kiln::read_csv<double>("x.csv");
#ifndef KILN_CONTROL
auto wrong = kiln::read_csv<int>("x.csv");
#endif
