# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of PyTorch's pooling over generated cases of every option.
Usage: python3 tests/oracles/nn_pool.py > tests/nn/pool.inc"""
import random

import torch
import torch.nn.functional as F

from nn_numbers import header, numbers


def listed(tensor):
    spoken = {"nan": "NAN", "inf": "INFINITY", "-inf": "-INFINITY"}
    values = (f"{float(v):.13g}" for v in tensor.detach().reshape(-1))
    return "{" + ", ".join(spoken.get(v, v) for v in values) + "}"


def pair(size):
    return "{%d, %d}" % size


def case(kind, x, f, kernel=(1, 1), stride=(1, 1), padding=(0, 0), dilation=(1, 1), ceil_mode=False, count=True):
    """The output, and the gradient of the sum of its product with numbers."""
    x = x.clone().requires_grad_()
    y = f(x)
    (y * numbers(y.shape, 99)).sum().backward()
    print(f'{{"{kind}", {{{", ".join(map(str, x.shape))}}}, {pair(kernel)}, {pair(stride)}, {pair(padding)}, '
          f"{pair(dilation)}, {str(ceil_mode).lower()}, {str(count).lower()},\n {listed(y)},\n {listed(x.grad)}}},")


def maximum(shape, kernel, stride, padding, dilation, ceil_mode):
    options = dict(kernel_size=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
    case("max", numbers(shape, 40), lambda x: F.max_pool2d(x, **options), kernel, stride, padding, dilation, ceil_mode)


def average(shape, kernel, stride, padding, ceil_mode, count):
    case("avg", numbers(shape, 40), lambda x: F.avg_pool2d(x, kernel, stride, padding, ceil_mode, count), kernel,
         stride, padding, ceil_mode=ceil_mode, count=count)


def pick(least, most):
    return random.randint(least, most), random.randint(least, most)


def fits(shape, kernel, dilation=(1, 1)):
    return all(n >= d * (k - 1) + 1 for n, k, d in zip(shape[2:], kernel, dilation))


def pooling():
    header("nn_pool.py")
    random.seed(4)
    shape = (1, 2, 7, 6)
    for ceil_mode in (False, True):
        for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (2, 2, 1), (3, 2, 0)):
            sizes = [(n, n) for n in (kernel, stride, padding)]
            maximum(shape, *sizes, (1, 1), ceil_mode)
            for count in (True, False):
                average(shape, *sizes, ceil_mode, count)
    for _ in range(16):
        shape = (random.randint(1, 2), random.randint(1, 2), *pick(4, 8))
        kernel, stride, dilation = pick(1, 4), pick(1, 4), pick(1, 2)
        padding = tuple(random.randint(0, k // 2) for k in kernel)
        ceil_mode = random.random() < 0.5
        if fits(shape, kernel, dilation):
            maximum(shape, kernel, stride, padding, dilation, ceil_mode)
        if fits(shape, kernel):
            average(shape, kernel, stride, padding, ceil_mode, random.random() < 0.5)
    outputs = (((2, 2, 5, 7), (3, 2)), ((1, 2, 4, 6), (1, 1)), ((1, 1, 3, 3), (5, 4)), ((1, 2, 6, 6), (3, 3)))
    for shape, output in outputs:
        case("adaptive_max", numbers(shape, 40), lambda x: F.adaptive_max_pool2d(x, output), output)
        case("adaptive_avg", numbers(shape, 40), lambda x: F.adaptive_avg_pool2d(x, output), output)
    case("global_avg", numbers((2, 3, 7, 9), 40), lambda x: x.mean((2, 3)))
    for kernel, stride, padding, ceil_mode in ((2, 2, 0, True), (3, 2, 1, False), (3, 1, 1, True)):
        case("max1d", numbers((2, 2, 7), 40), lambda x: F.max_pool1d(x, kernel, stride, padding, 1, ceil_mode),
             (1, kernel), (1, stride), (0, padding), ceil_mode=ceil_mode)
        case("avg1d", numbers((2, 2, 7), 40), lambda x: F.avg_pool1d(x, kernel, stride, padding, ceil_mode, False),
             (1, kernel), (1, stride), (0, padding), ceil_mode=ceil_mode, count=False)
    # Ties, NaN and infinity: each value of the last case in its own right.
    nan, inf = float("nan"), float("inf")
    x = torch.tensor([[[[1, 1, nan, 2, -inf, -inf], [1, 1, nan, 9, -inf, -inf], [nan, 3, inf, inf, -0.0, 0.0],
                        [3, 3, 1, inf, 0.0, -0.0]]]], dtype=torch.float64)
    case("special_max", x, lambda v: F.max_pool2d(v, 2), (2, 2), (2, 2))
    case("special_max", x, lambda v: F.max_pool2d(v, 3, 1, 1), (3, 3), (1, 1), (1, 1))
    case("special_avg", x, lambda v: F.avg_pool2d(v, 2), (2, 2), (2, 2))


if __name__ == "__main__":
    pooling()
