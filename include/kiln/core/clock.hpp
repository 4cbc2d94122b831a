// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// A clock that only goes forward. Not `<chrono>`, whose calendar and streams every program would have to compile.
#pragma once

#include <time.h>  // NOLINT(modernize-deprecated-headers): of POSIX, which has more than <ctime>

namespace kiln::detail {

/// Seconds since some moment in the past.
inline double clock_seconds() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace kiln::detail
