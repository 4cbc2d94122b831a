#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# scripts/check_includes has to accept what is right and to refuse each kind of wrong include.
set -eu
check=$(CDPATH='' cd -- "$(dirname -- "$0")/../../scripts" && pwd)/check_includes
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

fresh_tree() {
  rm -rf "$tree/kiln"
  mkdir -p "$tree/kiln/core" "$tree/kiln/kernels" "$tree/kiln/tensor" "$tree/kiln/nn" "$tree/kiln/optim" "$tree/kiln/io"
  echo '#include <string>' >"$tree/kiln/core/error.hpp"
  echo '#include <kiln/core/error.hpp>' >"$tree/kiln/core/shape.hpp"
  echo '#include <Eigen/Core>' >"$tree/kiln/kernels/matmul_eigen.hpp"
  echo '#include <kiln/kernels/matmul_eigen.hpp>' >"$tree/kiln/tensor/tensor.hpp"
  echo '#include <kiln/tensor/tensor.hpp>' >"$tree/kiln/nn/linear.hpp"
  echo '#include <kiln/core/shape.hpp>' >"$tree/kiln/optim/sgd.hpp"
  echo '#include <zlib.h>' >"$tree/kiln/io/gz.hpp"
  { echo '#include <kiln/nn/linear.hpp>'; echo '#include <kiln/io/gz.hpp>'; } >"$tree/kiln/kiln.hpp"
}

# refuses HEADER LINE MESSAGE: after adding LINE to HEADER the check fails and says MESSAGE.
refuses() {
  fresh_tree
  mkdir -p "$(dirname "$tree/kiln/$1")"
  echo "$2" >>"$tree/kiln/$1"
  if output=$("$check" "$tree"); then
    echo "accepted: $1: $2"
    exit 1
  fi
  case $output in
    *"$3"*) ;;
    *) printf 'expected: %s\ngot: %s\n' "$3" "$output"; exit 1 ;;
  esac
}

fresh_tree
"$check" "$tree"

refuses core/shape.hpp '#include <kiln/tensor/tensor.hpp>' \
  'kiln/core/shape.hpp:2: core (rank 0) must not include kiln/tensor/tensor.hpp (rank 2)'
refuses nn/linear.hpp '#  include  <kiln/optim/sgd.hpp>' 'nn (rank 5) must not include kiln/optim/sgd.hpp (rank 5)'
refuses kernels/map.hpp '#include <kiln/tensor/tensor.hpp>' 'kernels (rank 1) must not include kiln/tensor/tensor.hpp'
refuses io/gz.hpp '#include <kiln/kiln.hpp>' 'io (rank 6) must not include kiln/kiln.hpp (rank 8)'
refuses core/error.hpp '#include <kiln/core/shape.hpp>' \
  'cycle: kiln/core/error.hpp -> kiln/core/shape.hpp -> kiln/core/error.hpp'
refuses nn/linear.hpp '#include <kiln/nn/missing.hpp>' 'kiln/nn/linear.hpp:2: there is no kiln/nn/missing.hpp'
refuses nn/linear.hpp '#include "init.hpp"' 'kiln/nn/linear.hpp:2: write #include <kiln/...>'
refuses nn/linear.hpp '#include <Eigen/Dense>' 'Eigen is included by more than one header'
refuses core/error.hpp '#include <zlib.h>' 'zlib.h is included by more than one header'
refuses optim/sgd.hpp '#include <iostream>' 'kiln/optim/sgd.hpp:2: no <iostream> below train/'
refuses misc/misc.hpp '' 'folder misc has no rank'
