#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/data/tables with Python's csv module and NumPy: python3 tests/oracles/tables.py"""

import csv
import pathlib

import numpy as np

OUT = pathlib.Path(__file__).parents[1] / "data" / "tables"
OUT.mkdir(exist_ok=True)
random = np.random.default_rng(1)
kinds = ["plain", 'with "quotes"', "with, comma", "two\nlines", "Übergröße", "Z", "a"]
values = random.normal(size=(40, 4)) * 10.0 ** random.integers(-30, 30, (40, 4))
labels = [kinds[i] for i in random.integers(0, len(kinds), 40)]
for name, options in [("minimal", dict()), ("all", dict(quoting=csv.QUOTE_ALL)),
                      ("semicolon", dict(delimiter=";", lineterminator="\n"))]:
    with open(OUT / f"{name}.csv", "w", newline="", encoding="utf-8-sig" if name == "all" else "utf-8") as file:
        writer = csv.writer(file, **options)
        writer.writerow(["first", 'the "second"', "third, too", "kind", "fourth"])
        for row, label in zip(values, labels):
            writer.writerow([*map(repr, row[:3].tolist()), label, repr(row[3].item())])
order = sorted(set(labels), key=lambda text: text.encode())
np.savez_compressed(OUT / "expected.npz", x=values, labels=np.array([order.index(label) for label in labels]))
print(order)
