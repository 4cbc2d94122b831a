# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""bench/memory_resnet.cpp with PyTorch. Usage: python3 bench/torch/memory_resnet.py [BATCH]"""
import pathlib
import resource
import sys
import time

import torch
from torch.nn.functional import cross_entropy

sys.path.append(str(pathlib.Path(__file__).parents[2] / "tests/oracles"))
from models import ResNet


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


torch.set_num_threads(2)
batch = int(sys.argv[1]) if len(sys.argv) > 1 else 256
before = peak_mib()
model = ResNet(1, (16, 32, 64), blocks_per_stage=2)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
x, y = torch.randn(batch, 1, 28, 28), torch.arange(batch) % 10
begin, steps = time.perf_counter(), 10
for _ in range(steps):
    loss = cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
taken = time.perf_counter() - begin
print(f"PyTorch {torch.__version__}, Python, batch {batch}: peak {peak_mib():.0f} MiB resident, "
      f"{peak_mib() - before:.0f} of them since the imports; {taken * 1e3 / steps:.0f} ms a step")
