# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of torch.nn.Embedding. Usage: python3 tests/oracles/nn_embedding.py > tests/nn/embedding.inc"""
import torch
from torch import nn

from nn_numbers import header, numbers, write

header("nn_embedding.py")
for name, indices, options in (("vector", [2, 0, 2, 4, 2], {}), ("matrix", [[1, 3, 1], [0, 1, 4]], {}),
                               ("scalar", 3, {}), ("padded", [[1, 3, 1], [0, 1, 4]], {"padding_idx": 1})):
    layer = nn.Embedding(5, 3, **options).double()
    layer.weight.data = numbers((5, 3), 60)
    y = layer(torch.tensor(indices))
    (y * numbers(y.shape, 99)).sum().backward()
    write(name, y)
    write(name + ".weight", layer.weight.grad)
