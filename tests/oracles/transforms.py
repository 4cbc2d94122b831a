# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""What transforms of images give, by PyTorch: padding by pad, affine transforms by affine_grid and grid_sample.
Usage: python3 tests/oracles/transforms.py > tests/data/transforms.inc
"""
import math

import torch
import torch.nn.functional as F

from nn_numbers import header, numbers, write


def move(x, y):
    return torch.tensor([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=torch.float64)


def affine(x, angle, translate, scale, shear):
    """Rotate, shear along x and y, scale, and translate, about the middle, in pixels; as torchvision documents it:
    RSS without the translation is rotation(angle - shear_y) / cos(shear_y), with the slant of tan(shear_x) along x."""
    height, width = x.shape[-2:]
    a, sx, sy = (math.radians(v) for v in (angle, *shear))
    rotate = torch.tensor([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]],
                          dtype=torch.float64)
    shear_x = torch.tensor([[1, -math.tan(sx), 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
    shear_y = torch.tensor([[1, 0, 0], [-math.tan(sy), 1, 0], [0, 0, 1]], dtype=torch.float64)
    forward = move(*translate) @ rotate @ shear_y @ shear_x @ torch.diag(
        torch.tensor([scale, scale, 1], dtype=torch.float64))
    # affine_grid's coordinates: the image reaches from -1 to 1 along both axes
    unit = torch.diag(torch.tensor([width / 2, height / 2, 1], dtype=torch.float64))
    theta = (torch.inverse(unit) @ torch.inverse(forward) @ unit)[:2]
    grid = F.affine_grid(theta.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


header("transforms.py")
x = numbers((2, 3, 5, 7), 1)
write("pad.fill", F.pad(x, (2, 2, 1, 1), value=-0.5))
write("pad.reflect", F.pad(x, (3, 3, 2, 2), mode="reflect"))
for name, settings in {
        "nothing": (0, (0, 0), 1, (0, 0)),
        "turn": (30, (0, 0), 1, (0, 0)),
        "quarter": (90, (0, 0), 1, (0, 0)),
        "move": (0, (1.25, -2.5), 1, (0, 0)),
        "scale": (0, (0, 0), 1.7, (0, 0)),
        "shrink": (0, (0, 0), 0.4, (0, 0)),
        "shear_x": (0, (0, 0), 1, (25, 0)),
        "shear_y": (0, (0, 0), 1, (0, -40)),
        "all": (-75, (0.5, 1), 1.2, (10, 20)),
}.items():
    write(f"affine.{name}", affine(x, *settings))
