#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Expected values of tests/train/activation_stats_test.cpp: statistics of 200 numbers, by PyTorch."""
import torch

x = torch.sin(torch.arange(200, dtype=torch.double) * 1.7) * 6 + 1
print("mean %.17g std %.17g" % (x.mean(), x.std(unbiased=False)))
print("|x|, 8 bins in [0, 5]:", torch.histc(x.abs(), 8, 0, 5).int().tolist())
print("x, 10 bins in [-7, 7]:", torch.histc(x, 10, -7, 7).int().tolist())
print("|x| < 0.25:", (x.abs() < 0.25).sum().item())
