# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# shellcheck shell=sh disable=SC2154
# Shared by the scripts of this folder: installs what is missing, configures, builds. Sourced by sh or bash from a
# script that has set `root` to the top of the source tree.

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command and shows what it printed only if it fails.
quietly() {
  quiet_log=$(mktemp)
  if "$@" >"$quiet_log" 2>&1 </dev/null; then
    rm -f "$quiet_log"
  else
    quiet_result=$?
    cat "$quiet_log" >&2
    rm -f "$quiet_log"
    return "$quiet_result"
  fi
}

apt_get() {
  set -- DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
  if [ "$(id -u)" -eq 0 ]; then env "$@"; else sudo "$@"; fi
}

# need PACKAGE[=COMMAND] ...: installs those Debian packages that are not there. A package given with a command is there
# as soon as the command is, wherever it comes from. Elsewhere than on Debian and its kin it only says what is needed.
need() {
  missing=
  for item in "$@"; do
    package=${item%%=*}
    case $item in
      *=*) command -v "${item#*=}" >/dev/null && continue ;;
    esac
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "This is not Debian or Ubuntu; Kiln needs what they call:$missing. Trying with what is here."
    return 0
  fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    die "Neither root nor sudo: an administrator has to run: apt-get install$missing"
  fi
  say "Installing:$missing"
  # shellcheck disable=SC2086  # a list of words
  if apt_get install --yes --no-install-recommends $missing >/dev/null 2>&1 </dev/null; then return 0; fi
  # The package lists may be absent or out of date.
  quietly apt_get update || die "Could not fetch the package lists."
  # shellcheck disable=SC2086
  quietly apt_get install --yes --no-install-recommends $missing || die "Could not install:$missing"
}

# configure NAME [CMAKE-OPTION ...]: sets up build/NAME and leaves its path in `build`.
configure() {
  build=$root/build/$1
  shift
  # A build folder that came along with a copied tree belongs to the original.
  if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build"
  fi
  if command -v ninja >/dev/null; then set -- -G Ninja "$@"; fi
  if command -v ccache >/dev/null; then
    set -- -D CMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
    # Copies of the tree in other places share what was compiled once.
    export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
  fi
  quietly cmake -S "$root" -B "$build" "$@" || die "Configuring $build failed."
}

# compile [TARGET ...]: builds these targets, or everything, in the folder that was configured last.
compile() {
  for target in "$@"; do
    shift
    set -- "$@" --target "$target"
  done
  quietly cmake --build "$build" --parallel "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)" "$@" ||
    die "Building in $build failed."
}
