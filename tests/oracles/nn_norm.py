# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values, gradients and running statistics of PyTorch's normalisation layers.
Usage: for of in batch layer group instance; do python3 tests/oracles/nn_norm.py ${of}_norm > tests/nn/${of}_norm.inc; done

Of large tensors only a digest is kept: their products with four series of numbers, by the square root of their size."""
import math
import sys

import torch
from torch import nn

from nn_numbers import header, numbers, write


def digest(name, tensor):
    tensor = tensor.detach().double()
    if tensor.numel() > 12:
        tensor = torch.stack([(tensor * numbers(tensor.shape, 100 + k)).sum() for k in range(4)]) / math.sqrt(tensor.numel())
    write(name, tensor)


def run(name, layer, shape, shift=0):
    layer = layer.double()
    if layer.weight is not None:
        layer.weight.data, layer.bias.data = numbers(layer.weight.shape, 30), numbers(layer.bias.shape, 31)
    for batch in (1, 2, 3):
        layer.train(batch < 3)
        x = (numbers(shape, 31 + batch) + shift).requires_grad_()
        y = layer(x)
        (y * numbers(y.shape, 99)).sum().backward()
        digest(f"{name}.{batch}", y)
        digest(f"{name}.{batch}.dx", x.grad)
        for parameter, value in layer.named_parameters():
            digest(f"{name}.{batch}.{parameter}", value.grad)
            value.grad = None
    for buffer, value in layer.named_buffers():
        digest(f"{name}.{buffer}", value)


def batch_norm():
    for i, shape in enumerate(((4, 3, 2, 2), (3, 3, 6, 7), (2, 5, 1, 1), (1, 2, 3, 3), (2, 3, 47, 45), (70, 9, 3, 3))):
        for k, options in enumerate(({}, {"eps": 0.01, "momentum": 0.3}, {"affine": False}, {"eps": 0.5, "momentum": 1})):
            run(f"2d.{i}.{k}", nn.BatchNorm2d(shape[1], **options), shape)
    run("2d.shifted", nn.BatchNorm2d(3), (3, 3, 6, 7), 4096)
    run("2d.shifted_columns", nn.BatchNorm2d(3), (4, 3, 2, 2), 4096)
    for i, shape in enumerate(((4, 3), (70, 21), (2, 3, 5), (3, 4, 40))):
        run(f"1d.{i}", nn.BatchNorm1d(shape[1], eps=0.01, momentum=0.3), shape)


def layer_norm():
    for i, (shape, axes) in enumerate((((4, 6), 1), ((70, 21), 1), ((2, 3, 5), 1), ((5,), 1), ((3, 2, 4, 7), 2),
                                       ((2, 3, 5, 4), 3), ((2, 3, 30, 31), 3), ((3, 4, 2), 2))):
        for k, options in enumerate(({}, {"eps": 0.01}, {"elementwise_affine": False})):
            run(f"{i}.{k}", nn.LayerNorm(shape[-axes:], **options), shape)
    run("shifted", nn.LayerNorm(6), (4, 6), 4096)


def group_norm():
    for i, shape in enumerate(((4, 12), (3, 12, 5), (3, 12, 2, 3), (2, 12, 6, 7), (1, 12, 20, 21), (70, 12, 2))):
        for groups in (1, 3, 6, 12):
            for k, options in enumerate(({"eps": 0.01}, {"affine": False})):
                run(f"{i}.{groups}.{k}", nn.GroupNorm(groups, 12, **options), shape)
    run("shifted", nn.GroupNorm(3, 12), (2, 12, 6, 7), 4096)


def instance_norm():
    for i, shape in enumerate(((4, 3, 5), (2, 3, 40), (3, 4, 2, 3), (2, 3, 6, 7), (1, 2, 50, 45))):
        layer = nn.InstanceNorm1d if len(shape) == 3 else nn.InstanceNorm2d
        for k, options in enumerate(({}, {"affine": True, "eps": 0.01}, {"track_running_stats": True},
                                     {"affine": True, "track_running_stats": True, "momentum": 0.3})):
            run(f"{i}.{k}", layer(shape[1], **options), shape)


header("nn_norm.py")
{"batch_norm": batch_norm, "layer_norm": layer_norm, "group_norm": group_norm, "instance_norm": instance_norm}[sys.argv[1]]()
