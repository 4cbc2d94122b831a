#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# scripts/compare_output has to accept what is near enough and to refuse each kind of difference.
set -eu
compare=$(CDPATH='' cd -- "$(dirname -- "$0")/../../scripts" && pwd)/compare_output
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# run EXPECTED ACTUAL: texts, \n between lines.
run() {
  printf "%b\n" "$1" >"$folder/expected"
  printf "%b\n" "$2" >"$folder/actual"
  "$compare" "$folder/expected" cat "$folder/actual" >"$folder/said"
}
accepts() {
  run "$1" "$2" || { printf 'refused: %s\nfor:     %s\n' "$2" "$1"; cat "$folder/said"; exit 1; }
}
refuses() {
  if run "$1" "$2"; then printf 'accepted: %s\nfor:      %s\n' "$2" "$1"; exit 1; fi
}

text='loss 0.250 after 3 epochs\nshape (64, 784)'
accepts "$text" "$text"
refuses "$text" 'loss 0.250 after 3 epochs\nshapes (64, 784)'
refuses "$text" 'loss 0.250 after 3 epochs\nshape (64, 784) of x'
refuses "$text" 'loss 0.250 after 3 epochs'
refuses "$text" 'shape (64, 784)'
refuses "$text" 'loss 0.250 after 3 epochs\n\nshape (64, 784)'
refuses "$text" "$text"'\nand more'
refuses "$text" "$text"'\n'
refuses "$text" ''

# Numbers: 1% or the last digit where there is a point or an exponent, exactly where there is none.
accepts 'loss 0.250' 'loss 0.252'
refuses 'loss 0.250' 'loss 0.254'
accepts 'accuracy 0.9' 'accuracy 1.0'
refuses 'accuracy 0.9' 'accuracy 0.7'
accepts 'x = -1.25e-05' 'x = -1.26e-05'
refuses 'x = -1.25e-05' 'x = -1.28e-05'
refuses 'x = -1.25e-05' 'x = 1.25e-05'
refuses '1e+20' '1e+22'
accepts '-0.00' '0.01'
refuses '784 pixels' '785 pixels'
refuses '50,000 images' '50,100 images'
refuses 'the 28th' 'the 29th'
refuses 'w1 and w2' 'w1 and w3'
refuses '0.weight' '2.weight'
refuses 'loss 0.5' 'loss nan'
refuses 'loss nan' 'loss 0.5'
accepts 'loss nan, mean -inf' 'loss nan, mean -inf'
refuses 'mean -inf' 'mean inf'

# A tolerance that the line states stands instead.
accepts 'difference 3.1e-07 (within 1e-05)' 'difference 9.1e-06 (within 1e-05)'
refuses 'difference 3.1e-07 (within 1e-05)' 'difference 1.2e-05 (within 1e-05)'
refuses 'difference 3.1e-07 (within 1e-05)' 'difference 3.1e-07 (within 1e-02)'
accepts 'loss 2.0 within 5%' 'loss 2.09 within 5%'
refuses 'loss 2.0 within 5%' 'loss 2.11 within 5%'
accepts 'at step 28, within 1' 'at step 29, within 1'
refuses 'at step 28, within 1' 'at step 30, within 1'
refuses 'loss 2.00 within 0.001' 'loss 2.01 within 0.001'

# Times, speeds and ratios only have to be there.
accepts 'naive 51 us   1.7 GFLOP/s  3.1x' 'naive 1.2 ms 22 GFLOP/s 40x'
refuses 'naive 51 us 1.7 GFLOP/s' 'naive 51 us'
refuses 'naive 51 us 1.7 GFLOP/s' 'naive 51 us 1.7 GB/s'
refuses 'naive 51 us' 'naive quick'
refuses 'naive 3.1x' 'naive 3.1 us'
refuses '51 samples' '52 samples'
refuses '5x784' '6x784'
refuses '3 sum' '4 sum'
accepts 'took 3 s.' 'took 5 s.'

# Blanks do not count, nor does how the text was made; something has to be expected.
accepts '  a   1' 'a 1'
refuses 'a b' 'ab'
accepts '$ program --quick\n# on some machine\na' 'a'
refuses 'a\n# b' 'a'
refuses '# on some machine' '# on some machine'
refuses '' ''

# A program that fails has failed, whatever it printed.
echo a >"$folder/expected"
if "$compare" "$folder/expected" sh -c 'echo a; exit 3' >"$folder/said"; then
  echo "accepted a program that failed"
  exit 1
fi
grep -q 'status 3' "$folder/said"
if "$compare" "$folder/missing" echo a 2>/dev/null; then
  echo "accepted a text that is not there"
  exit 1
fi
