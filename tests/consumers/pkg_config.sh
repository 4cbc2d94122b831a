#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# A user without CMake: pkg_config.sh COMPILER PKG-CONFIG FOLDER-OF-KILN.PC PROGRAM
set -eu
compiler=$1 pkg_config=$2 program=$4
export PKG_CONFIG_PATH="$3"
flags=$("$pkg_config" --cflags --libs kiln)
# eval, because pkg-config quotes the spaces of a path.
eval "set -- $flags"
"$compiler" "$(dirname "$0")/program.cpp" "$@" -o "$program"
"$program"
