# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of PyTorch's activations. Usage: python3 tests/oracles/nn_activation.py > tests/nn/activation.inc"""
import torch
import torch.nn.functional as F

from nn_layers import case
from nn_numbers import header, numbers


def general_relu(leak, sub, most):
    """The steps of the layer of fast.ai's course."""

    def forward(x):
        x = F.leaky_relu(x, leak) if leak else F.relu(x)
        x = x - sub
        return x.clamp_max(most) if most is not None else x

    return forward


def activations():
    inf = float("inf")
    kinks = torch.tensor([[0, -0.0, 3, -3], [6.5, -6.5, 30, -30], [100, -100, 700, -700]], dtype=torch.float64)
    x = torch.cat((numbers((3, 4), 20), kinks))
    for name, f in {
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "mish": F.mish,
        "elu": F.elu,
        "elu_alpha": lambda x: F.elu(x, 0.3),
        "leaky_relu": F.leaky_relu,
        "leaky_relu_slope": lambda x: F.leaky_relu(x, 0.2),
        "leaky_relu_negative": lambda x: F.leaky_relu(x, -0.5),
        "general_relu": general_relu(0, 0, None),
        "general_relu_leak": general_relu(0.1, 0.4, None),
        "general_relu_max": general_relu(0.1, 0.5, 6.0),
        "general_relu_plain_max": general_relu(0, 0.25, 1.0),
        "hardswish": F.hardswish,
    }.items():
        case(name, f, x)
    case("general_relu_infinite", general_relu(0, 0.5, 2.0), torch.tensor([inf, -inf, 2.5, 0], dtype=torch.float64))


header("nn_activation.py")
activations()
