# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/optim/trajectories.inc: 20 steps of PyTorch's optimizers, the three parameters after each of them.

Usage: python3 tests/oracles/optim.py > tests/optim/trajectories.inc
The gradients, `gradient` below and in tests/optim/trajectory.hpp, are exact enough to be the same in both.
"""
import torch

STEPS = 20

CASES = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd_decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    "sgd_dampening": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.5)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    "sgd_dampening_decay": (torch.optim.SGD, dict(lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.05)),
    "sgd_nesterov_decay": (torch.optim.SGD, dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05)),
    "adam_defaults": (torch.optim.Adam, dict()),
    "adam": (torch.optim.Adam, dict(lr=0.1)),
    "adam_betas": (torch.optim.Adam, dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3)),
    "adam_decay": (torch.optim.Adam, dict(lr=0.1, weight_decay=0.05)),
    "adam_amsgrad": (torch.optim.Adam, dict(lr=0.1, betas=(0.9, 0.9), amsgrad=True)),
    "adam_amsgrad_decay": (torch.optim.Adam, dict(lr=0.1, betas=(0.9, 0.9), amsgrad=True, weight_decay=0.05)),
    "adamw_defaults": (torch.optim.AdamW, dict()),
    "adamw": (torch.optim.AdamW, dict(lr=0.1, weight_decay=0.2)),
    "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.1, betas=(0.9, 0.9), weight_decay=0.2, amsgrad=True)),
    "rmsprop_defaults": (torch.optim.RMSprop, dict()),
    "rmsprop": (torch.optim.RMSprop, dict(lr=0.05, alpha=0.9, eps=1e-4)),
    "rmsprop_decay": (torch.optim.RMSprop, dict(lr=0.05, alpha=0.9, weight_decay=0.05)),
    "rmsprop_momentum": (torch.optim.RMSprop, dict(lr=0.05, alpha=0.9, momentum=0.8)),
    "rmsprop_centered": (torch.optim.RMSprop, dict(lr=0.05, alpha=0.9, centered=True)),
    "rmsprop_everything": (torch.optim.RMSprop,
                           dict(lr=0.05, alpha=0.9, momentum=0.8, centered=True, weight_decay=0.05)),
}


def gradient(x, step):
    wave = torch.tensor([(step * 7 + i * 3) % 5 - 2 for i in range(3)], dtype=x.dtype)
    return torch.tensor([0.5, 2, 4], dtype=x.dtype) * x - 0.25 + wave / 8


def row(name, dtype, values):
    print(f'{{"{name}", {"true" if dtype == torch.double else "false"}, {{')
    form = "{:.17g}" if dtype == torch.double else "{:.9g}"
    for start in range(0, STEPS, 2):
        print("    " + ", ".join(form.format(v) for at in values[start:start + 2] for v in at) + ",")
    print("}},")


def trajectory(make, dtype, update=lambda optimizer, x, step: True):
    x = torch.tensor([1, -0.75, 0.5], dtype=dtype, requires_grad=True)
    optimizer = make([x])
    values = []
    for step in range(STEPS):
        x.grad = gradient(x.detach(), step) if update(optimizer, x, step) else None
        optimizer.step()
        values.append(x.detach().tolist())
    return values


def scheduled(name, value):
    """The hyper-parameter changes before each step."""
    def update(optimizer, x, step):
        optimizer.param_groups[0][name] = value(step)
        return True
    return update


print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
print("// SPDX-License-Identifier: MIT")
print("//")
print(f"// Written by tests/oracles/optim.py with PyTorch {torch.__version__.split('+')[0]}.")
print("// clang-format off")
for dtype in (torch.float, torch.double):
    for name, (optimizer, options) in CASES.items():
        row(name, dtype, trajectory(lambda x: optimizer(x, **options), dtype))
    row("sgd_schedule", dtype, trajectory(lambda x: torch.optim.SGD(x, lr=0.1, dampening=0.5), dtype,
                                          scheduled("momentum", lambda step: 0 if step < 5 else 0.5 + step / 64)))
    row("adam_schedule", dtype, trajectory(torch.optim.Adam, dtype, scheduled("lr", lambda step: (step % 7) / 64)))
    row("adam_gaps", dtype, trajectory(lambda x: torch.optim.Adam(x, lr=0.1), dtype,
                                       lambda optimizer, x, step: step >= 5 and step % 3 != 0))
