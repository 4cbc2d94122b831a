#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# A program that only loads weights and predicts includes no training, Eigen or zlib header:
#   predict_only_test.sh COMPILER SOURCE FLAG ...
set -eu
compiler=$1 source=$2
shift 2
headers=$("$compiler" -std=c++20 -M "$@" "$source" | tr -s ' \134' '\n')
printf '%s\n' "$headers" | grep -q 'kiln/io/' || { echo "$source: it does not even load weights"; exit 1; }
if printf '%s\n' "$headers" | grep -E '/kiln/(train|optim|viz|kiln\.hpp)|/zlib\.h$|/Eigen/'; then
  echo "$source: it must not include the headers above"
  exit 1
fi
