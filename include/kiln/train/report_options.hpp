// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ReportOptions`: what `learn.report("report.html", {...})` may be told.
#pragma once

#include <string>
#include <vector>

#include <kiln/core/shape.hpp>

namespace kiln {

struct ReportOptions {
  std::string title = "Training report";
  std::vector<std::string> classes = {};  ///< their names; none: 0, 1, 2, ...
  Index images = 24;                      ///< how many of the images with the highest loss are shown
};

}  // namespace kiln
