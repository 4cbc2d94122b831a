#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/tensor/*.inc with NumPy: `python3 -P tests/oracles/tensor.py`."""
import itertools
import pathlib
import re

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tensor"
HEADER = (
    "// SPDX-FileCopyrightText: 2026 The Kiln authors\n// SPDX-License-Identifier: MIT\n"
    "// Written by tests/oracles/tensor.py.\n\n"
)


def sample(shape):
    """What sample<R>(shape) in the tests gives: eighths, without ties."""
    i = np.arange(np.prod(shape, dtype=int))
    return ((i * 37 % 101) / 8 - 5).reshape(shape)


def braces(x):
    if x.ndim == 0:
        return str(int(x)) if x.dtype.kind in "iub" else format(float(x) + 0.0, ".15g")
    return "{" + ", ".join(braces(row) for row in x) + "}"


def literal(x, kind="double"):
    x = np.asarray(x)
    if x.size == 0:
        return f"zeros<{kind}>(Shape<{x.ndim}>{{{', '.join(map(str, x.shape))}}})"
    return f"Tensor<{x.ndim}, {kind}>({braces(x)})" if x.ndim == 0 else f"Tensor<{x.ndim}, {kind}>{braces(x)}"


def reductions():
    lines = []
    functions = {
        "sum": np.sum,
        "mean": np.mean,
        "max": np.max,
        "min": np.min,
        "population_var": np.var,
        "var": lambda x, **k: np.var(x, ddof=1, **k),
        "stddev": lambda x, **k: np.std(x, ddof=1, **k),
        "logsumexp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
    }
    x = sample((2, 3, 4))
    for name, f in functions.items():
        lines.append(f"check({name}(x), {literal(f(x))});\n")
        for count in (1, 2, 3):
            for axes in itertools.combinations(range(3), count):
                text = str(axes[0]) if count == 1 else "{" + ", ".join(map(str, axes)) + "}"
                if name == "stddev" and count > 1:
                    continue
                lines.append(f"check({name}(x, {text}), {literal(f(x, axis=axes))});\n")
                lines.append(f"check({name}(x, {text}, keep_axes), {literal(f(x, axis=axes, keepdims=True))});\n")
    for name, f in (("argmax", np.argmax), ("argmin", np.argmin)):
        for axis in (0, 1, 2):
            lines.append(f"check({name}(x, {axis}), {literal(f(x, axis=axis), 'Index')});\n")
    (OUT / "reduce.inc").write_text(HEADER + "".join(lines))


def broadcasts():
    lines = []
    shapes = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (4, 1, 3), (4, 2, 1), (1, 1, 1), (0, 3), (0, 1)]
    for a, b in itertools.product(shapes, shapes):
        try:
            expected = sample(a) * 2 - sample(b)
        except ValueError:
            continue
        left, right = (f"sample<{len(s)}>({{{', '.join(map(str, s))}}})" for s in (a, b))
        lines.append(f"check({left} * 2 - {right}, {literal(expected)});\n")
    (OUT / "broadcast.inc").write_text(HEADER + "".join(lines))


def prints():
    """str() of NumPy arrays, with the C++ expression that makes the same tensor."""
    inf, nan = np.inf, np.nan
    lines = []

    def case(expression, x):
        lines.append(f'CHECK(to_string({expression}) == R"({str(x)})");\n')

    def listed(values, kind="double"):
        x = np.array(values, dtype={"double": np.float64, "float": np.float32, "int": np.int64, "bool": bool}[kind])
        words = str(values).replace("[", "{").replace("]", "}").replace("inf", "INFINITY").replace("nan", "NAN")
        words = words.replace("True", "true").replace("False", "false")
        if kind == "float":
            words = re.sub(r"\d+(\.\d+)?e[-+]?\d+|\d+\.\d+", r"\g<0>f", words)
        case(f"Tensor<{x.ndim}, {kind}>{words}", x)

    for kind in ("double", "float"):
        listed([1, 2, 3], kind)
        listed([[0.5, -1.25], [100, 3]], kind)
        listed([0.1, 0.25, 1 / 3], kind)
        listed([0, -0.0, 1], kind)
        listed([1e-5, 1, 2], kind)
        listed([1e8, 1], kind)
        listed([99999992, 1e5], kind)
        listed([1, 1000.5], kind)
        listed([1, 999.5], kind)
        listed([0.0001, 0.09], kind)
        listed([1e-30, 1.5e20, -2], kind)
        listed([nan, 1, inf], kind)
        listed([nan, -inf], kind)
        listed([-inf, 0.5, 123.25], kind)
        listed([nan, 1e10, -inf], kind)
        listed([[[1.5], [2]], [[3], [4.25]]], kind)
        listed([123456.789, 0.5], kind)
        listed([0.123456789012, 12.5], kind)
        listed([3.14159274, 2.71828175], kind)
    listed([1e100, 1e-100], "double")
    listed([1e-300, 1e-5], "double")
    listed([0.1 + 0.2, 1e-3], "double")
    listed([0.1], "float")
    listed([16777216, 0.3], "float")
    listed([1, -20, 300], "int")
    listed([[1], [-20]], "int")
    listed([True, True], "bool")
    listed([[True, False]], "bool")
    for count in (20, 25, 40, 1000, 1001):
        case(f"arange<double>({count})", np.arange(float(count)))
        case(f"arange<int>({count})", np.arange(count))
    for shape in ((2, 30), (10, 101), (2, 600), (600, 2), (2, 3, 4), (11, 10, 10), (7, 7, 7, 7)):
        text = ", ".join(map(str, shape))
        count = int(np.prod(shape))
        case(f"arange<double>({count}).reshape({{{text}}})", np.arange(float(count)).reshape(shape))
        case(f"(arange<double>({count}) / 7).reshape({{{text}}})", (np.arange(float(count)) / 7).reshape(shape))
    case("zeros({0})", np.zeros(0))
    case("zeros({2, 0, 3})", np.zeros((2, 0, 3)))
    for value in (1.0, -0.0, 1e-5, 1.5e-5, 0.0001, 1e15, 1e16, 1.25e16, 1 / 3, inf, nan):
        words = str(value).replace("inf", "INFINITY").replace("nan", "NAN")
        case(f"Tensor<0, double>({words})", np.array(value))
    for value in (0.1, 1 / 3, 16777216.0, 1e16):
        case(f"Tensor<0, float>({value}f)", np.array(value, np.float32))
    case("Tensor<0, int>(-5)", np.array(-5))
    case("Tensor<0, bool>(true)", np.array(True))
    (OUT / "print.inc").write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    prints()
    OUT.mkdir(exist_ok=True)
    reductions()
    broadcasts()
