// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All callbacks but those that every Learner has: Recorder, Progress and ParamScheduler.
#pragma once

#include <kiln/train/activation_stats.hpp>
#include <kiln/train/batch_transform.hpp>
#include <kiln/train/csv_logger.hpp>
#include <kiln/train/cutmix.hpp>
#include <kiln/train/early_stopping.hpp>
#include <kiln/train/ema.hpp>
#include <kiln/train/gradient_accumulation.hpp>
#include <kiln/train/gradient_clip.hpp>
#include <kiln/train/json_lines.hpp>
#include <kiln/train/mixup.hpp>
#include <kiln/train/profiler.hpp>
#include <kiln/train/reduce_lr_on_plateau.hpp>
#include <kiln/train/save_best.hpp>
#include <kiln/train/short_run.hpp>
#include <kiln/train/stop_on_interrupt.hpp>
#include <kiln/train/terminate_on_nan.hpp>
#include <kiln/train/tta.hpp>
