// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All transforms of images.
#pragma once

#include <kiln/data/normalise_channels.hpp>
#include <kiln/data/random_affine.hpp>
#include <kiln/data/random_crop.hpp>
#include <kiln/data/random_erase.hpp>
#include <kiln/data/random_flip.hpp>
