# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""PyTorch's convolutions and their gradients over all options. Usage: python3 tests/oracles/conv.py > tests/nn/conv.inc

A line holds: kind, N, in, out, image, kernel, stride, padding, dilation, groups, output padding, bias, result, gradients
of input, weight and bias."""
import random

import torch
from torch import nn

from nn_numbers import header, numbers

random.seed(7)
LAYERS = {"conv1d": nn.Conv1d, "conv2d": nn.Conv2d, "conv_transpose2d": nn.ConvTranspose2d}


def text(tensor):
    return "{" + ", ".join(repr(float(v)) for v in tensor.detach().reshape(-1)) + "}"


def case(kind, n, channels, out, image, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, more=(0, 0),
         bias=True):
    sides = slice(1, 2) if kind == "conv1d" else slice(0, 2)
    options = {"output_padding": more} if kind == "conv_transpose2d" else {}
    layer = LAYERS[kind](channels, out, kernel[sides], stride=stride[sides], padding=padding[sides],
                         dilation=dilation[sides], groups=groups, bias=bias, **options).double()
    layer.weight.data = numbers(layer.weight.shape, 1)
    if bias:
        layer.bias.data = numbers((out,), 2)
    x = numbers((n, channels) + image[sides], 3).requires_grad_()
    y = layer(x)
    (y * numbers(y.shape, 99)).sum().backward()
    sizes = ", ".join(f"{{{a}, {b}}}" for a, b in (image, kernel, stride, padding, dilation))
    results = ",\n ".join(text(t) for t in (y, x.grad, layer.weight.grad, layer.bias.grad if bias else torch.zeros(0)))
    print(f'{{"{kind}", {n}, {channels}, {out}, {sizes}, {groups}, {{{more[0]}, {more[1]}}}, {str(bias).lower()},\n {results}}},')


def drawn(kind, transposed=False):
    """A case with every option drawn at random, small and valid."""
    flat = kind == "conv1d"
    pair = lambda low, high, height: (height if flat else random.randint(low, high), random.randint(low, high))
    while True:
        groups = random.choice((1, 1, 2, 3))
        channels, out = groups * random.randint(1, 2), groups * random.randint(1, 2)
        image, kernel = pair(1, 6, 1), pair(1, 4, 1)
        stride, padding, dilation = pair(1, 3, 1), pair(0, 2, 0), pair(1, 2, 1)
        more = tuple(random.randrange(max(s, d)) for s, d in zip(stride, dilation)) if transposed else (0, 0)
        if transposed:
            result = [(i - 1) * s - 2 * p + d * (k - 1) + m + 1
                      for i, k, s, p, d, m in zip(image, kernel, stride, padding, dilation, more)]
        else:
            result = [(i + 2 * p - d * (k - 1) - 1) // s + 1
                      for i, k, s, p, d in zip(image, kernel, stride, padding, dilation)]
        if min(result) >= 1 and result[0] * result[1] * out <= 60:
            return case(kind, random.randint(1, 2), channels, out, image, kernel, stride, padding, dilation, groups, more,
                        random.random() < .7)


header("conv.py")
case("conv2d", 2, 2, 3, (5, 5), (3, 3), padding=(1, 1))
case("conv2d", 2, 1, 2, (6, 6), (3, 3), stride=(2, 2), padding=(1, 1))
case("conv2d", 1, 3, 2, (2, 3), (1, 1))
case("conv2d", 1, 2, 2, (3, 4), (3, 4))
case("conv2d", 1, 3, 3, (4, 4), (3, 3), padding=(1, 1), groups=3)
case("conv2d", 1, 1, 2, (1, 1), (3, 3), padding=(1, 1))
case("conv_transpose2d", 1, 2, 3, (3, 3), (2, 2), stride=(2, 2))
case("conv_transpose2d", 2, 2, 1, (3, 3), (3, 3), stride=(2, 2), padding=(1, 1), more=(1, 1))
for _ in range(14):
    drawn("conv2d")
for _ in range(8):
    drawn("conv1d")
for _ in range(10):
    drawn("conv_transpose2d", transposed=True)
