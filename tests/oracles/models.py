# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""The models of kiln/models, written for PyTorch with the same names. Usage: python3 tests/oracles/models.py >
tests/models/models.inc

Weights are a formula of their names, so that they need not be stored; of each gradient one number is kept, its
product with numbers that look random."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from nn_numbers import header, numbers, write


def seed_of(name):
    """32 bits of FNV-1a."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 % 2**32
    return h


def fill(model):
    for name, parameter in model.named_parameters():
        values = numbers(parameter.shape, seed_of(name)) / 8
        is_norm_weight = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = (1 + values if is_norm_weight else values).to(parameter.dtype)
    return model


class ConvBlock(nn.Module):
    def __init__(self, i, o, kernel=3, stride=1, batch_norm=True, act=nn.ReLU):
        super().__init__()
        self.conv = nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(o) if batch_norm else nn.Identity()
        self.act = act() if act else nn.Identity()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class ConvNet(nn.Module):
    def __init__(self, i=1, channels=(8, 16, 32, 64), classes=10, batch_norm=True, last_norm=False, first_stride=2):
        super().__init__()
        sizes = [i, *channels]
        self.blocks = nn.Sequential(
            *(ConvBlock(a, b, 3, first_stride if k == 0 else 2, batch_norm)
              for k, (a, b) in enumerate(zip(sizes, channels))),
            ConvBlock(channels[-1], classes, 3, 2, last_norm, None))

    def forward(self, x):
        return self.blocks(x).flatten(1)


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.avg_pool2d(torch.tanh(conv(x)), 2)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x.flatten(1))))))


class ResBlock(nn.Module):
    def __init__(self, i, o, stride=1, kernel=3, batch_norm=True, stride_first=False, shortcut_norm=False):
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        self.conv1 = ConvBlock(i, o, kernel, first, batch_norm)
        self.conv2 = ConvBlock(o, o, kernel, second, batch_norm, None)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True) if stride != 1 else nn.Identity()
        self.shortcut = ConvBlock(i, o, 1, 1, batch_norm and shortcut_norm, None) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv2(self.conv1(x)) + self.shortcut(self.pool(x)))


class ResNet(nn.Module):
    def __init__(self, i=1, channels=(8, 16, 32, 64, 128, 256), classes=10, blocks_per_stage=1, first_kernel=3):
        super().__init__()
        self.stages = nn.Sequential()
        for s, o in enumerate(channels):
            stage = nn.Sequential()
            for b in range(blocks_per_stage):
                stage.append(ResBlock(i, o, 2 if s > 0 and b == 0 else 1, first_kernel if s == b == 0 else 3))
                i = o
            self.stages.append(stage)
        self.head, self.norm = nn.Linear(i, classes, bias=False), nn.BatchNorm1d(classes)

    def forward(self, x):
        return self.norm(self.head(self.stages(x).mean((2, 3))))


class XResNet(nn.Module):
    def __init__(self, i=3, classes=1000, stem=(32, 32, 64), widths=(64, 128, 256, 512), depths=(2, 2, 2, 2)):
        super().__init__()
        self.stem, self.stages = nn.Sequential(), nn.Sequential()
        for k, o in enumerate(stem):
            self.stem.append(ConvBlock(i, o, 3, 2 if k == 0 else 1))
            i = o
        for s, (o, depth) in enumerate(zip(widths, depths)):
            stage = nn.Sequential()
            for b in range(depth):
                stage.append(ResBlock(i, o, 2 if s > 0 and b == 0 else 1, stride_first=True, shortcut_norm=True))
                i = o
            self.stages.append(stage)
        self.head = nn.Linear(i, classes)

    def forward(self, x):
        x = self.stages(F.max_pool2d(self.stem(x), 3, 2, 1))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class UpBlock(nn.Module):
    def __init__(self, i, o, even, batch_norm=True, act=True):
        super().__init__()
        self.conv = nn.ConvTranspose2d(i, o, 3, 2, 1, even, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(o) if batch_norm else nn.Identity()
        self.act = nn.ReLU() if act else nn.Identity()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Autoencoder(nn.Module):
    def __init__(self, i=1, channels=(16, 32, 8), image=28):
        super().__init__()
        sizes = [i, *channels]
        self.encoder = nn.Sequential(*(ConvBlock(a, b, 3, 2) for a, b in zip(sizes, channels)))
        blocks = []
        for k, (a, b) in enumerate(zip(channels, sizes)):
            blocks.insert(0, UpBlock(a, b, 1 - image % 2, k > 0, k > 0))
            image = (image + 1) // 2
        self.decoder = nn.Sequential(*blocks)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def one_number(tensor):
    return (tensor * numbers(tensor.shape, 77)).sum()


def case(name, model, shape):
    """In training: the output, and of the gradients of its product with numbers one number each; then eval mode."""
    model = fill(model.double())
    x = numbers(shape, 5).requires_grad_()
    y = model(x)
    (y * numbers(y.shape, 99)).sum().backward()
    write(name, y if y.numel() < 100 else one_number(y))
    write(name + ".dx", one_number(x.grad))
    for parameter, value in model.named_parameters():
        write(f"{name}.{parameter}", one_number(value.grad))
    sizes = [p.numel() for p in model.parameters()]
    write(name + ".parameters", torch.tensor([len(sizes), sum(sizes)], dtype=torch.float64))
    model.eval()
    write(name + ".eval", one_number(model(x)))


def size(name, model, shape):
    """The number of parameters, and the shape that comes out."""
    count = sum(p.numel() for p in model.parameters())
    y = model.eval()(torch.zeros(shape))
    write(name + ".size", torch.tensor([count, *y.shape], dtype=torch.float64))


def losses(name, model, dtype):
    """Ten steps of SGD with momentum on one batch."""
    model = fill(model.to(dtype))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    x, y = numbers((8, 1, 12, 12), 5).to(dtype), torch.arange(8)
    seen = []
    for _ in range(10):
        loss = F.cross_entropy(model(x), y)
        seen.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    write(name, torch.tensor(seen, dtype=torch.float64))


if __name__ == "__main__":
    header("models.py")
    case("res_block.same", ResBlock(3, 3), (2, 3, 5, 4))
    case("res_block.halves", ResBlock(3, 4, stride=2), (2, 3, 5, 6))
    case("res_block.wide_kernel", ResBlock(1, 4, kernel=5), (2, 1, 6, 6))
    case("res_block.plain", ResBlock(2, 3, stride=2, batch_norm=False), (2, 2, 7, 7))
    case("res_block.x", ResBlock(3, 4, stride=2, stride_first=True, shortcut_norm=True), (2, 3, 5, 6))
    case("conv_net", ConvNet(2, (3, 4), 5), (2, 2, 7, 8))
    case("conv_net.course", ConvNet(1, (3, 4, 5), 5, last_norm=True, first_stride=1), (3, 1, 7, 7))
    case("conv_net.plain", ConvNet(1, (3, 4), 5, batch_norm=False), (2, 1, 8, 8))
    case("lenet", LeNet5(), (2, 1, 28, 28))
    case("resnet", ResNet(2, (3, 4, 5), 4, blocks_per_stage=2, first_kernel=5), (3, 2, 9, 9))
    case("xresnet", XResNet(3, 5, (4, 4, 6), (6, 8, 10), (1, 2, 1)), (2, 3, 17, 18))
    case("autoencoder", Autoencoder(1, (3, 4, 2), 14), (2, 1, 14, 14))

    torch.manual_seed(0)
    size("conv_net", ConvNet(), (2, 1, 28, 28))
    size("conv_net.deep", ConvNet(1, (8, 16, 32, 64, 128), last_norm=True, first_stride=1), (2, 1, 28, 28))
    size("lenet", LeNet5(), (2, 1, 28, 28))
    size("resnet", ResNet(), (2, 1, 28, 28))
    size("resnet.wide", ResNet(1, (16, 32, 64, 128, 256, 512)), (2, 1, 28, 28))
    size("resnet.16_32_64", ResNet(1, (16, 32, 64), blocks_per_stage=2), (2, 1, 28, 28))
    size("xresnet", XResNet(), (1, 3, 64, 64))
    size("autoencoder", Autoencoder(), (2, 1, 28, 28))

    losses("losses.double", ResNet(1, (16, 32, 64), blocks_per_stage=2), torch.float64)
    losses("losses.float", ResNet(1, (16, 32, 64), blocks_per_stage=2), torch.float32)
