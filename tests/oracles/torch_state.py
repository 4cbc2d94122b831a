#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/io/torch_state with PyTorch 1.13 and NumPy 1.24: python3 tests/oracles/torch_state.py

A state dict of every layer that has one and of a network of them, in float32 and float64, as npz and as safetensors,
with inputs and outputs in eval mode. `python3 tests/oracles/torch_state.py FILE` loads what Kiln wrote instead, .npz or
.safetensors, strictly, and compares the outputs.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn

OUT = pathlib.Path(__file__).parents[1] / "io" / "torch_state"
OUT.mkdir(exist_ok=True)
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
                                  nn.MaxPool2d(2))
        self.block = Residual(
            nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.GroupNorm(2, 6), nn.SiLU(),
                          nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False), nn.InstanceNorm2d(6, affine=True)),
            nn.Sequential(nn.Conv2d(4, 6, 1, bias=False), nn.BatchNorm2d(6)))
        self.up = nn.ConvTranspose2d(6, 3, 2, stride=2)
        self.image = nn.Linear(3, 6)
        self.token = nn.Embedding(10, 6)
        self.norm = nn.LayerNorm(6)
        self.mix = nn.Conv1d(1, 2, 3, padding=1)
        self.last_norm = nn.BatchNorm1d(12)
        self.out = nn.Linear(12, 3)

    def forward(self, x, token):
        h = torch.relu(self.up(self.block(self.stem(x)))).mean((2, 3))
        h = self.norm(self.image(h) + self.token(token))
        return self.out(self.last_norm(self.mix(h[:, None]).flatten(1)))


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.conv1d = nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2)
        self.conv2d = nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0))
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.transposed = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1)
        self.batch_norm1d = nn.BatchNorm1d(3)
        self.batch_norm2d = nn.BatchNorm2d(2)
        self.plain_norm = nn.BatchNorm2d(2, affine=False)
        self.layer_norm = nn.LayerNorm(4)
        self.layer_norm2 = nn.LayerNorm((2, 3))
        self.group_norm = nn.GroupNorm(2, 4)
        self.instance_norm1d = nn.InstanceNorm1d(2, affine=True)
        self.instance_norm2d = nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
        self.embedding = nn.Embedding(5, 3)
        self.net = Net()


layers = Layers().eval()
for name, tensor in layers.state_dict().items():
    if name.endswith("num_batches_tracked"):
        tensor.fill_(7)
    else:
        tensor.copy_(torch.rand_like(tensor) + 0.5 if name.endswith("running_var") else torch.randn_like(tensor))


def save_safetensors(state, path):
    header, data = {}, b""
    for name, tensor in state.items():
        content = tensor.numpy().tobytes()
        kind = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def load_safetensors(path):
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    data = content[8 + size :]
    kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in json.loads(content[8 : 8 + size]).items()
    }


inputs = {"linear": (4, 3), "conv1d": (2, 4, 9), "conv2d": (2, 2, 6, 5), "depthwise": (1, 4, 5, 4),
          "transposed": (2, 3, 3, 4), "batch_norm1d": (4, 3), "batch_norm2d": (2, 2, 3, 2), "plain_norm": (2, 2, 3, 2),
          "layer_norm": (3, 4), "layer_norm2": (2, 2, 3), "group_norm": (2, 4, 2, 2), "instance_norm1d": (2, 2, 5),
          "instance_norm2d": (2, 3, 2, 2)}

if len(sys.argv) > 1:
    path = pathlib.Path(sys.argv[1])
    state = load_safetensors(path) if path.suffix == ".safetensors" else np.load(path)
    layers.load_state_dict({name: torch.from_numpy(np.array(state[name])) for name in state}, strict=True)
    cases = np.load(OUT / "cases.npz")
    with torch.no_grad():
        got = {name: getattr(layers, name)(torch.from_numpy(cases[f"{name}.x"]).double()) for name in inputs}
        got["net"] = layers.net(torch.from_numpy(cases["net.x"]).double(), torch.from_numpy(cases["net.token"]))
    print({name: float(np.abs(y.numpy() - cases[f"{name}.y"]).max()) for name, y in got.items()})
    sys.exit()

cases = {}
with torch.no_grad():
    for name, shape in inputs.items():
        x = torch.randn(shape).float()
        cases[f"{name}.x"], cases[f"{name}.y"] = x.numpy(), getattr(layers, name)(x.double()).numpy()
    x, token = torch.randn(3, 1, 16, 16).float(), torch.tensor([4, 0, 9])
    cases["net.x"], cases["net.token"] = x.numpy(), token.numpy()
    cases["net.y"] = layers.net(x.double(), token).numpy()
    token = torch.tensor([[4, 0, 1], [3, 3, 2]])
    cases["embedding.x"], cases["embedding.y"] = token.numpy(), layers.embedding(token).numpy()
np.savez_compressed(OUT / "cases.npz", **cases)

for bits, kind in [(32, torch.float32), (64, torch.float64)]:
    state = {name: tensor.to(kind) if tensor.is_floating_point() else tensor
             for name, tensor in layers.state_dict().items()}
    save = np.savez_compressed if bits == 32 else np.savez
    save(OUT / f"state{bits}.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    save_safetensors(state, OUT / f"state{bits}.safetensors")
