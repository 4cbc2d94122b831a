# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""The figures that tests/data compares with. Usage: mnist.py data/mnist /usr/share/datasets/fashion-mnist"""
import gzip
import sys
import zlib

import numpy as np
import torch

for mean, std in ((0.1307, 0.3081), (0.2860, 0.3530), (0.0, 1.0)):
    pixels = torch.tensor([0, 1, 37, 128, 254, 255], dtype=torch.uint8)
    x = pixels.to(torch.float32).div(255)  # torchvision's ToTensor, then its Normalize
    x = x.sub(torch.as_tensor(mean, dtype=torch.float32)).div(torch.as_tensor(std, dtype=torch.float32))
    print(mean, std, [float(v).hex() for v in x])

for folder in sys.argv[1:]:
    for part in ("train", "t10k"):
        images = np.frombuffer(gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz").read(), np.uint8, offset=16)
        labels = np.frombuffer(gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
        crcs = [hex(zlib.crc32(a.tobytes())) for a in (images, labels)]
        print(folder, part, labels[:10], *crcs, images.mean() / 255, images.std() / 255)
        print("  from 50,000 on:", labels[50000:50010])
