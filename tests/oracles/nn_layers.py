# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of PyTorch's layers. Usage: python3 tests/oracles/nn_layers.py > tests/nn/layers.inc"""
import torch
import torch.nn.functional as F
from torch import nn

from nn_numbers import header, numbers, write


def case(name, layer, x):
    """The output, and the gradients of the sum of its product with numbers."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * numbers(y.shape, 99)).sum().backward()
    write(name, y)
    write(name + ".dx", x.grad)
    if isinstance(layer, nn.Module):
        for parameter, value in layer.named_parameters():
            write(f"{name}.{parameter}", value.grad)
            value.grad = None


def linear():
    layer = nn.Linear(4, 5).double()
    layer.weight.data, layer.bias.data = numbers((5, 4), 10), numbers((5,), 11)
    for shape in ((3, 4), (4,), (2, 3, 4), (1, 4)):
        case(f"linear.rank{len(shape)}.{shape[0]}", layer, numbers(shape, 12))
    layer.bias = None
    case("linear.no_bias", layer, numbers((3, 4), 12))


def activations():
    x = torch.cat((numbers((3, 4), 20), torch.tensor([[0, 30, -30, 100], [-100, 8, -8, 1]], dtype=torch.float64)))
    for name in ("relu", "sigmoid", "tanh", "gelu", "silu", "softplus"):
        # PyTorch's softplus is linear from 20 on unless told otherwise, which is wrong by 2e-9 there.
        f = (lambda v: F.softplus(v, threshold=1000)) if name == "softplus" else getattr(torch if name != "silu" and name != "gelu" else F, name)
        case(name, f, x)
    for axis in (0, 1):
        case(f"softmax.{axis}", lambda v: F.softmax(v, axis), x)
        case(f"log_softmax.{axis}", lambda v: F.log_softmax(v, axis), x)
    x3 = numbers((2, 3, 4), 21)
    case("softmax.rank3", lambda v: F.softmax(v, 1), x3)
    case("log_softmax.rank3", lambda v: F.log_softmax(v, 1), x3)


def batch_norm():
    for name, shape, options, shift in (("plain", (5, 3), {}, 0), ("options", (5, 3), {"eps": 0.01, "momentum": 0.3}, 0),
                                        ("fixed", (5, 3), {"affine": False}, 0), ("rank3", (2, 3, 4), {}, 0),
                                        ("shifted", (5, 3), {}, 4096), ("rank3_one", (1, 3, 4), {}, 0)):
        layer = nn.BatchNorm1d(3, **options).double()
        if layer.affine:
            layer.weight.data, layer.bias.data = numbers((3,), 30), numbers((3,), 31)
        for batch in (1, 2):
            case(f"batch_norm.{name}.train{batch}", layer, numbers(shape, 31 + batch) + shift)
        write(f"batch_norm.{name}.running_mean", layer.running_mean)
        write(f"batch_norm.{name}.running_var", layer.running_var)
        layer.eval()
        case(f"batch_norm.{name}.eval", layer, numbers(shape, 34) + shift)


if __name__ == "__main__":
    header("nn_layers.py")
    linear()
    activations()
    batch_norm()
