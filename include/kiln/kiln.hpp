// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What most programs need: tensors, autograd, layers, losses, optimizers and schedules, MNIST and its transforms, the
/// Learner with its metrics, weights. One that only predicts can include less: see examples/predict.cpp.
///
/// The rest is a header each, so that nobody waits for the compiler on behalf of what is not used:
///   train/callbacks.hpp   EarlyStopping, SaveBest, MixUp, Ema, CsvLogger and all other callbacks, or each by itself
///   train/profiler.hpp  learn.fit(1, 0.1, Profiler{}): where the time goes, layer by layer
///   train/report.hpp      learn.report("report.html")
///   train/summary.hpp     summary(model, x)
///   viz/                  pictures: image_grid.hpp, confusion_plot.hpp, heat_map.hpp, histogram_plot.hpp
///   nn/                   lsuv.hpp, orthogonal.hpp
///   models/               known architectures
///   kernels/ladder.hpp, kernels/conv_ladder.hpp        every matmul and convolution kernel, by name; Eigen's, too
///   data/csv.hpp, image_file.hpp, image_folder.hpp, jpeg.hpp, npy.hpp, npz.hpp, io/npz.hpp     files of other kinds
#pragma once

#include <kiln/autograd/einsum.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/data/subset.hpp>
#include <kiln/data/transforms.hpp>
#include <kiln/io/safetensors.hpp>
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
#include <kiln/train/learner.hpp>
#include <kiln/train/lr_suggestion.hpp>
#include <kiln/train/metrics.hpp>
#include <kiln/viz/figure.hpp>
#include <kiln/viz/line_plot.hpp>
#include <kiln/viz/terminal.hpp>
