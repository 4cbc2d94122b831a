#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/data/arrays with NumPy 1.24: python3 tests/oracles/arrays.py"""

import io
import pathlib
import zipfile

import numpy as np
from numpy.lib import format as npy

OUT = pathlib.Path(__file__).parents[1] / "data" / "arrays"
OUT.mkdir(exist_ok=True)


def entry(archive, name, array, version=None):
    buffer = io.BytesIO()
    npy.write_array(buffer, array, version=version)
    info = zipfile.ZipInfo(name + ".npy")  # with a fixed date
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, buffer.getvalue())


# Element (i, j, k) of every array is 12 i + 4 j + k, minus 5 if the type is signed; of bools whether that is odd.
with zipfile.ZipFile(OUT / "types.npz", "w") as archive:
    for code in ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
        for order in "<>":
            for layout in "CF":
                values = np.arange(24).reshape(2, 3, 4)
                values = values % 2 if code == "b1" else values - (0 if code[0] == "u" else 5)
                values = np.array(values.astype(order + code), order=layout)
                entry(archive, f"{code}{'le' if order == '<' else 'be'}{layout}", values)

with zipfile.ZipFile(OUT / "forms.npz", "w") as archive:
    for version in [(1, 0), (2, 0), (3, 0)]:
        entry(archive, f"version{version[0]}", np.arange(3, dtype=np.float32), version)
    entry(archive, "scalar", np.array(7, dtype=np.int64))
    entry(archive, "empty", np.zeros((0, 3), dtype=np.float32))
    entry(archive, "rank8", np.arange(2, dtype=np.int16).reshape(1, 1, 1, 2, 1, 1, 1, 1))
    entry(archive, "rank9", np.zeros((1,) * 9, dtype=np.int8))
    entry(archive, "halves", np.array([0, -0.0, 1, -2.5, 65504, 2**-24, 2**-14, np.inf, -np.inf, np.nan], np.float16))
    entry(archive, "wide", np.array([2**31, -1, 2**53 + 1], dtype=np.int64))
    entry(archive, "complex", np.zeros(2, dtype=np.complex64))
    entry(archive, "text", np.array(["ab", "c"]))
    entry(archive, "objects", np.array([None, {}], dtype=object))
    entry(archive, "records", np.zeros(2, dtype=[("a", np.int32), ("b", np.float32)]))

np.save(OUT / "table.npy", np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)))
arrays = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.array([3, 4], dtype=np.int64)}
np.savez(OUT / "stored.npz", **arrays)
np.savez_compressed(OUT / "deflated.npz", **arrays)
np.savez_compressed(OUT / "halves.npz", halves=np.array([0.5, -2.5], np.float16))
