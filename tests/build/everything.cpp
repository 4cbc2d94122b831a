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
#include <kiln/models/autoencoder.hpp>
#include <kiln/models/lenet.hpp>
#include <kiln/models/xresnet.hpp>
