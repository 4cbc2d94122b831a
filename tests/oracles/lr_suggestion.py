# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/train/lr_suggestion.inc: curves of learning-rate searches and what fastai's four suggestions, written
here from their definitions (https://docs.fast.ai/callback.schedule.html), read off them. And smoothed losses.

Usage: python3 tests/oracles/lr_suggestion.py > tests/train/lr_suggestion.inc
"""
import numpy as np


def valley(rates, losses):
    """The plain quadratic definition: longest falling subsequence up to each point; the first longest."""
    n = len(losses)
    longest = np.ones(n, dtype=int)
    for i in range(n):
        before = longest[:i][losses[:i] > losses[i]]
        longest[i] = 1 + (before.max() if before.size else 0)
    end = int(longest.argmax())
    length = int(longest[end])
    at = max(0, end - length + int(length / 3) + int(length / 6))  # at -1 fastai wraps around to the last point
    return rates[at], rates[at], losses[at]


def slide(rates, losses, interval=15, threshold=0.005, adjust=1.0):
    slope = np.gradient(losses)
    right = len(losses) - 1
    found = right - interval
    for shift in range(len(losses) - interval):
        if abs(slope[right - shift] - slope[right - shift - interval]) <= threshold:
            break
        found = right - shift - interval
    rate = rates[found] * adjust
    return rate, rate, np.interp(np.log10(rate), np.log10(rates), losses)


def minimum(rates, losses):
    at = losses.argmin()
    return rates[at] / 10, rates[at], losses[at]


def steep(rates, losses):
    at = (np.diff(losses) / np.diff(np.log(rates))).argmin()
    return rates[at], rates[at], losses[at]


def curve(n, depth, turn, noise, seed, rise=3.0):
    """Level, then a fall by `depth` up to about `turn` of the way, then up."""
    x = np.linspace(0, 1, n)
    losses = 2.3 - depth / (1 + np.exp(-(x - 0.7 * turn) * 20)) + rise * np.clip(x - turn, 0, None) ** 2 * 8
    return losses + noise * np.random.RandomState(seed).randn(n)


CURVES = {
    "smooth": curve(85, 1.5, 0.75, 0, 0),
    "noisy": curve(85, 1.5, 0.75, 0.05, 1),
    "very noisy": curve(85, 0.5, 0.6, 0.3, 2),
    "never rises": curve(85, 1.8, 1.0, 0.02, 3),
    "early": curve(60, 1.0, 0.3, 0.01, 4),
    "sixteen points": curve(16, 1.0, 0.6, 0.02, 5),
    "steps": np.round(curve(85, 1.5, 0.75, 0.05, 6), 1),
    "one fall": np.array([2.0, 1.0] + [3.0 + i / 4 for i in range(20)]),
}


def numbers(values):
    values = [f"{v:.17g}" for v in values]
    return "{\n    " + ",\n    ".join(", ".join(values[i:i + 5]) for i in range(0, len(values), 5)) + "}"


print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
print("// SPDX-License-Identifier: MIT")
print("//")
print(f"// Written by tests/oracles/lr_suggestion.py with NumPy {np.__version__}.")
print("// clang-format off\n")
print("// name, rates, losses; rate, rate and loss of the point for valley, slide, minimum, steep,")
print("// slide with an interval of 10, a threshold of 0.02 and half the rate")
print("const std::vector<Curve> curves{")
for name, losses in CURVES.items():
    rates = 1e-6 * 1e7 ** np.linspace(0, 1, len(losses))
    print(f'{{"{name}", {numbers(rates)}, {numbers(losses)},')
    for found in (valley(rates, losses), slide(rates, losses), minimum(rates, losses), steep(rates, losses),
                  slide(rates, losses, 10, 0.02, 0.5)):
        print("    {" + ", ".join(f"{v:.17g}" for v in found) + "},")
    print("},")
print("};\n")

raw = [2.3, 2.5, 1.75, 0.5, 4, 1, 1, 1.25]
smoothed = []
for beta in (0.98, 0.5, 0):
    for n in range(1, len(raw) + 1):
        weights = beta ** np.arange(n - 1, -1, -1)
        smoothed.append(np.average(raw[:n], weights=weights))
print(f"const std::vector<double> raw_losses{numbers(raw)};")
print("// For beta .98, .5 and 0.")
print(f"const std::vector<double> smoothed_losses{numbers(smoothed)};")
