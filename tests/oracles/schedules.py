# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/optim/schedules.inc: schedules of progress, from the formulas that fastai publishes
(https://docs.fast.ai/callback.schedule.html), and schedules by epoch, as PyTorch's schedulers step through them.

Usage: python3 tests/oracles/schedules.py > tests/optim/schedules.inc
"""
import math
import warnings

import torch
from torch.optim import lr_scheduler

warnings.filterwarnings("ignore")
GRID = 40


def linear(a, b):
    return lambda p: a + (b - a) * p


def cosine(a, b):
    return lambda p: a + (b - a) * (1 - math.cos(math.pi * p)) / 2


def exponential(a, b):
    return lambda p: a * math.exp(p * math.log(b / a))


def polynomial(a, b, power):
    return lambda p: a + (b - a) * p ** power


def phases(fractions, schedules):
    """Looks for the phase from the front, in exact 840ths (the joints below are multiples of them)."""
    lengths = [round(840 * f) for f in fractions]
    assert sum(lengths) == 840

    def value(p):
        at = p * 840
        if abs(at - round(at)) < 1e-9:
            at = round(at)
        last = max(i for i, n in enumerate(lengths) if n)
        for i, n in enumerate(lengths):
            if n and (at < n or i == last):
                return schedules[i](at / n)
            at -= n
    return value


def cosines(fraction, a, b, c):
    return phases([fraction, 1 - fraction], [cosine(a, b), cosine(b, c)])


def restarts(lr, lengths):
    return phases([n / sum(lengths) for n in lengths], [cosine(lr, 0)] * len(lengths))


PROGRESS = {
    "linear": linear(0.1, 0.7),
    "cosine": cosine(2, -0.5),
    "exponential": exponential(1e-7, 10),
    "polynomial": polynomial(0.5, 0.25, 2),
    "polynomial_root": polynomial(0.1, 0.9, 0.5),
    "course": phases([0.3, 0.7], [cosine(0.3, 0.6), cosine(0.6, 0.2)]),
    "three": phases([0.1, 0.2, 0.7], [linear(0, 1), cosine(1, 0.5), polynomial(0.5, 0, 3)]),
    "four": phases([0.25, 0.35, 0.15, 0.25], [cosine(0.1, 1), linear(1, 1), exponential(1, 0.01), linear(3, 4)]),
    "seven": phases([0.1, 0.15, 0.05, 0.2, 0.1, 0.1, 0.3], [linear(i, i + 0.5) for i in range(7)]),
    "with_empty": phases([0, 0.5, 0, 0.5, 0], [linear(9, 9), linear(0, 1), linear(9, 9), linear(2, 3), linear(9, 9)]),
    "one_cycle": cosines(0.25, 0.01 / 25, 0.01, 0.01 / 1e5),
    "one_cycle_options": cosines(0.4, 0.3 / 5, 0.3, 0.3 / 100),
    "one_cycle_momentum": cosines(0.25, 0.95, 0.85, 0.95),
    "flat_cosine": cosines(0.75, 0.02, 0.02, 0.02 / 1e5),
    "restarts": restarts(0.1, [1, 2, 4]),
    "restarts_equal": restarts(0.1, [2, 2, 2, 2]),
}

EPOCHS = {
    "step": lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
    "step_default": lambda o: lr_scheduler.StepLR(o, step_size=7),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, milestones=[4, 9, 9, 20]),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=10),
    "cosine_min": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
}

METRICS = [1, 0.9, 0.89995, 0.8999, 0.95, 0.9, 0.7, 0.72, 0.7, 0.71, 0.69999, 0.8, 0.8, math.nan, 0.8, 0.8, 0.8, 0.5,
           math.inf, 0.5, 0.5, 0.5, 0.5, 0.49, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
PLATEAUS = {
    "defaults": dict(),
    "patience": dict(patience=2, factor=0.5),
    "impatient": dict(patience=0),
    "cooldown": dict(patience=1, cooldown=3, factor=0.5),
    "threshold": dict(patience=1, threshold=0.2, factor=0.5),
    "absolute": dict(patience=1, threshold=0.05, threshold_mode="abs", factor=0.5),
    "max": dict(mode="max", patience=2, factor=0.5),
    "max_absolute": dict(mode="max", patience=1, threshold=0.1, threshold_mode="abs", factor=0.5, cooldown=1),
    "min_lr": dict(patience=0, min_lr=0.003),
    "eps": dict(patience=0, eps=1e-3),
}


def optimizer(lr):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def trace(make, lr=0.1, epochs=31):
    o = optimizer(lr)
    s = make(o)
    rates = []
    for _ in range(epochs):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    return rates


def plateau(options, lr=0.1):
    o = optimizer(lr)
    s = lr_scheduler.ReduceLROnPlateau(o, **options)
    rates, bad, left = [], [], []
    for metric in METRICS:
        s.step(metric)
        rates.append(o.param_groups[0]["lr"])
        bad.append(s.num_bad_epochs)
        left.append(s.cooldown_counter)
    return rates, bad, left


def number(x):
    return "NAN" if math.isnan(x) else "HUGE_VAL" if x == math.inf else f"{x:.17g}"


def row(values):
    values = [number(v) for v in values]
    lines = [", ".join(values[i:i + 5]) for i in range(0, len(values), 5)]
    return "{\n    " + ",\n    ".join(lines) + "}"


print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
print("// SPDX-License-Identifier: MIT")
print("//")
print(f"// Written by tests/oracles/schedules.py with PyTorch {torch.__version__.split('+')[0]}.")
print("// clang-format off")
print(f"\n// At the progress i / {GRID}.\nconst Rows progress_values{{")
for name, schedule in PROGRESS.items():
    print(f'{{"{name}", {row([schedule(i / GRID) for i in range(GRID + 1)])}}},')
print("};\n\n// In each epoch, from 0.1 on.\nconst Rows epoch_values{")
for name, make in EPOCHS.items():
    print(f'{{"{name}", {row(trace(make))}}},')
print(f"}};\n\nconst std::vector<double> plateau_metrics{row(METRICS)};")
print("\n// After each metric, from 0.1 on: the rates, the bad epochs, what is left of the cooldown.")
print("const std::map<std::string, PlateauRows> plateau_values{")
for name, options in PLATEAUS.items():
    print(f'{{"{name}", {{{", ".join(row(v) for v in plateau(options))}}}}},')
print("};")
