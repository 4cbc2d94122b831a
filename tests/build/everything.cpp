// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#ifdef KILN_TEST_MIN_MAX
#include <bits/stdc++.h>  // some standard headers undefine the macros, so all of them come first

#include <Eigen/Core>

#define min(a, b) ((a) < (b) ? (a) : (b))  // as <windows.h> does
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif

#include <kiln/kiln.hpp>

// What kiln.hpp leaves to those who need it.
#include <kiln/data/csv.hpp>
#include <kiln/data/image_folder.hpp>
#include <kiln/io/npz.hpp>
#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/models/autoencoder.hpp>
#include <kiln/models/lenet.hpp>
#include <kiln/models/xresnet.hpp>
#include <kiln/nn/lsuv.hpp>
#include <kiln/nn/orthogonal.hpp>
#include <kiln/train/callbacks.hpp>
#include <kiln/train/report.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/viz/confusion_plot.hpp>
#include <kiln/viz/heat_map.hpp>
#include <kiln/viz/histogram_plot.hpp>
#include <kiln/viz/image_grid.hpp>
