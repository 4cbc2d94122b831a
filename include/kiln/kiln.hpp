// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Everything that most programs need. One that only predicts can include less: see examples/predict.cpp. Known
/// architectures are in models/, and files of other kinds each have a header to be included as well: data/csv.hpp,
/// data/image_file.hpp, data/image_folder.hpp, data/jpeg.hpp, data/npy.hpp, data/npz.hpp, io/npz.hpp (weights).
#pragma once

#include <kiln/autograd/einsum.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/data/subset.hpp>
#include <kiln/data/transforms.hpp>
#include <kiln/io/safetensors.hpp>
#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/embedding.hpp>
#include <kiln/nn/group_norm.hpp>
#include <kiln/nn/hook.hpp>
#include <kiln/nn/instance_norm.hpp>
#include <kiln/nn/kaiming_init.hpp>
#include <kiln/nn/layer_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/nn/lsuv.hpp>
#include <kiln/nn/orthogonal.hpp>
#include <kiln/nn/pool.hpp>
#include <kiln/nn/resample.hpp>
#include <kiln/nn/residual.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/clip.hpp>
#include <kiln/optim/epoch_schedule.hpp>
#include <kiln/optim/param_groups.hpp>
#include <kiln/optim/plateau.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/schedule.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/print.hpp>
#include <kiln/tensor/random.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/batch_transform.hpp>
#include <kiln/train/csv_logger.hpp>
#include <kiln/train/cutmix.hpp>
#include <kiln/train/early_stopping.hpp>
#include <kiln/train/ema.hpp>
#include <kiln/train/gradient_accumulation.hpp>
#include <kiln/train/gradient_clip.hpp>
#include <kiln/train/json_lines.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/lr_suggestion.hpp>
#include <kiln/train/metrics.hpp>
#include <kiln/train/mixup.hpp>
#include <kiln/train/reduce_lr_on_plateau.hpp>
#include <kiln/train/report.hpp>
#include <kiln/train/save_best.hpp>
#include <kiln/train/short_run.hpp>
#include <kiln/train/stop_on_interrupt.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/train/terminate_on_nan.hpp>
#include <kiln/train/tta.hpp>
#include <kiln/viz/confusion_plot.hpp>
#include <kiln/viz/figure.hpp>
#include <kiln/viz/heat_map.hpp>
#include <kiln/viz/histogram_plot.hpp>
#include <kiln/viz/image_grid.hpp>
#include <kiln/viz/line_plot.hpp>
#include <kiln/viz/terminal.hpp>
