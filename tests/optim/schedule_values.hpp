// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

/// Values of fastai's and PyTorch's schedules.
namespace schedule_values {

using Rows = std::map<std::string, std::vector<double>>;

struct PlateauRows {
  std::vector<double> rates, bad_epochs, cooldown;
};

#include "schedules.inc"

}  // namespace schedule_values
