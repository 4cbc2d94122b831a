# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of PyTorch's padding and upsampling over generated cases.
Usage: python3 tests/oracles/nn_resample.py > tests/nn/resample.inc"""
import random

import torch
import torch.nn.functional as F

from nn_numbers import header, numbers
from nn_pool import listed

random.seed(7)


def case(kind, shape, f, sides=(0, 0, 0, 0), size=(0, 0), scale=0, align_corners=False):
    x = numbers(shape, 70).requires_grad_()
    y = f(x)
    (y * numbers(y.shape, 99)).sum().backward()
    print(f'{{"{kind}", {{{", ".join(map(str, shape))}}}, {{{", ".join(map(str, sides))}}}, {{{size[0]}, {size[1]}}}, '
          f"{scale}, {str(align_corners).lower()},\n {listed(y)},\n {listed(x.grad)}}},")


def shape():
    return random.randint(1, 2), random.randint(1, 2), random.randint(2, 5), random.randint(2, 5)


header("nn_resample.py")
for mode in ("constant", "reflect", "replicate"):
    for all_sides in (0, 1):
        case(mode, (1, 2, 3, 2), lambda x: F.pad(x, (all_sides,) * 4, mode), (all_sides,) * 4)
    for _ in range(4):
        s = shape()
        most = (s[3] - 1, s[3] - 1, s[2] - 1, s[2] - 1) if mode == "reflect" else (3, 3, 3, 3)
        sides = tuple(random.randint(0, n) for n in most)
        case(mode, s, lambda x: F.pad(x, sides, mode), sides)
for size in ((6, 4), (5, 7), (2, 3), (1, 1), (9, 9)):
    case("nearest", (1, 2, 3, 4), lambda x: F.interpolate(x, size, mode="nearest"), size=size)
    for align in (False, True):
        case("bilinear", (1, 2, 3, 4), lambda x: F.interpolate(x, size, mode="bilinear", align_corners=align),
             size=size, align_corners=align)
for scale in (2, 3, 1.5, 0.5, 2.6):
    s = shape()
    case("nearest", s, lambda x: F.interpolate(x, scale_factor=scale, mode="nearest"), scale=scale)
    for align in (False, True):
        case("bilinear", s, lambda x: F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=align),
             scale=scale, align_corners=align)
