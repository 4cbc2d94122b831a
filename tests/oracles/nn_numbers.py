# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""What the oracles of tests/nn share: inputs that tests/nn/oracle.hpp makes, too, and how results are written."""
import torch


def numbers(shape, seed):
    """Multiples of 1/16 in [-2, 2], exact in float: the upper bits of x -> 1664525 x + 1013904223 mod 2^32."""
    x, values = seed, []
    for _ in range(torch.Size(shape).numel()):
        x = (1664525 * x + 1013904223) % 2**32
        values.append(((x >> 16) % 65 - 32) / 16)
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def header(script):
    print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
    print("// SPDX-License-Identifier: MIT")
    print()
    print(f"// Made by tests/oracles/{script} with PyTorch {torch.__version__.split('a')[0]}, in double.")
    print("// clang-format off")


def write(name, tensor):
    values = (repr(float(v)) for v in tensor.detach().reshape(-1))
    print(f'{{"{name}", {{{", ".join({"nan": "NAN", "inf": "INFINITY", "-inf": "-INFINITY"}.get(v, v) for v in values)}}}}},')
