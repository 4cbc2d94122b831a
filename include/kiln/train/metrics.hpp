// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All metrics.
#pragma once

#include <kiln/train/class_score.hpp>
#include <kiln/train/confusion_matrix.hpp>
#include <kiln/train/metric.hpp>
#include <kiln/train/perplexity.hpp>
#include <kiln/train/regression_metric.hpp>
#include <kiln/train/top_k_accuracy.hpp>
