// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All losses. Each is a struct of settings that is called as `loss(prediction, target)`, and a function.
#pragma once

#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/elementwise_loss.hpp>
