#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Expected values of tests/nn/lsuv_test.cpp: LSUV of a 3-4-2 network with ReLU, in PyTorch and double.

Both layers are affine, so one step each is exact: y = W x + b becomes (y - mean) / std."""
import torch

x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 1.0, 0.5], [0.0, 3.0, -1.0]], dtype=torch.double)
net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)).double()
with torch.no_grad():
    for i, p in enumerate(net.parameters()):
        k = torch.arange(p.numel(), dtype=torch.double)
        p.copy_((torch.sin(k * 1.7 + i) * 0.4).reshape(p.shape))


def output_of(layer):
    seen = []
    handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    net(x)
    handle.remove()
    return seen[0]


with torch.no_grad():
    for layer in (net[0], net[2]):
        y = output_of(layer)
        print("before: %.17g %.17g" % (y.mean(), y.std(unbiased=False)))
        mean, std = y.mean(), y.std(unbiased=False)
        layer.weight /= std
        layer.bias.copy_((layer.bias - mean) / std)
        y = output_of(layer)
        print("after:  %.17g %.17g" % (y.mean(), y.std(unbiased=False)))
    for p in net.parameters():
        print(", ".join("%.17g" % v for v in p.flatten()))
    print("output", ", ".join("%.17g" % v for v in net(x).flatten()))
