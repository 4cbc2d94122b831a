// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Everything. A program that only predicts can include less: see examples/predict.cpp.
#pragma once

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/data/subset.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/linalg/einsum.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/clip.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/summary.hpp>
