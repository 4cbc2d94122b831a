#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/autograd/*.inc: values and gradients of every operation, computed by PyTorch in double.

Each line is a call check(name, f, value, with(x, dx)...): f in C++, its value, and for each input its elements and the
gradient of the value's sum weighted by gradcheck's projection. Written with PyTorch 1.13, by
`python3 -P tests/oracles/autograd.py`.
"""
import math
import pathlib

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "autograd"
FLOATS = "double"
state = 1


def numbers(*shape, low=-16, high=16):
    """Multiples of 1/8 without zero, from a generator of our own."""
    global state
    values = []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        value = low + (state >> 16) % (high - low + 1)
        values.append((value or 1) / 8)
    return torch.tensor(values, dtype=torch.double).reshape(shape)


def positive(*shape):
    return numbers(*shape, low=1, high=24)


def distinct(*shape):
    """No two elements are equal."""
    order = sorted(range(math.prod(shape)), key=lambda i: (i * 2654435761) % 2**32)
    return (torch.tensor(order, dtype=torch.double).reshape(shape) - 5) / 4


def tensor(*values):
    return torch.tensor(values, dtype=torch.double)


def number(value):
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return format(value + 0.0, ".13g")


def literal(x, kind=FLOATS):
    shape = list(x.shape)
    if x.numel() == 0:
        return f"zeros<{kind}>({{{', '.join(map(str, shape))}}})"
    if not shape:
        return f"Tensor<0, {kind}>({number(x.item())})"

    def braces(part):
        if part.dim() == 0:
            return number(part.item())
        return "{" + ", ".join(braces(row) for row in part) + "}"

    return f"Tensor<{len(shape)}, {kind}>{braces(x)}"


def integers(x):
    text = literal(x.double(), "int")
    return text


def projection(y):
    """gradcheck's: weight i is +-(1 - fraction(i * golden ratio) / 2), negative where i % 3 == 1."""
    weights = []
    for i in range(y.numel()):
        turn = i * 0.6180339887498949
        weights.append((-1 if i % 3 == 1 else 1) * (1 - (turn - math.floor(turn)) / 2))
    return (y * torch.tensor(weights, dtype=torch.double).reshape(y.shape)).sum()


lines = []


def case(name, cpp, f, *inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = f(*inputs)
    gradients = torch.autograd.grad(projection(y), inputs, allow_unused=True)
    gradients = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, gradients)]
    arguments = ", ".join(f"auto {letter}" for letter in "xyzw"[: len(inputs)])
    parts = [f'"{name}"', f"[]({arguments}) {{ return {cpp}; }}", literal(y)]
    parts += [f"with({literal(x)},\n       {literal(g)})" for x, g in zip(inputs, gradients)]
    lines.append("check(" + ",\n      ".join(parts) + ");\n")


def write(file, function="check"):
    """Values at limits are compared by check_values, which does without finite differences."""
    global lines
    header = (
        "// SPDX-FileCopyrightText: 2026 The Kiln authors\n// SPDX-License-Identifier: MIT\n"
        "// Written by tests/oracles/autograd.py.\n\n"
    )
    (OUT / file).write_text(header + "".join(lines).replace("check(", f"{function}("))
    lines = []


def binary():
    operations = {
        "+": lambda x, y: x + y,
        "-": lambda x, y: x - y,
        "*": lambda x, y: x * y,
        "/": lambda x, y: x / y,
    }
    shapes = [
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((2, 3), ()),
        ((), (2, 3)),
        ((1, 1), (3,)),
        ((2, 1, 3), (4, 1)),
        ((1,), (1,)),
        ((0, 3), (3,)),
    ]
    for op, f in operations.items():
        for a, b in shapes:
            case(f"{op} {a} {b}", f"x {op} y", f, numbers(*a), numbers(*b))
        case(f"{op} number", f"x {op} 2.5", lambda x: f(x, 2.5), numbers(2, 3))
        case(f"number {op}", f"2.5 {op} x", lambda x: f(2.5, x), numbers(2, 3))


def unary():
    operations = {
        "-x": (lambda x: -x, numbers),
        "exp(x)": (torch.exp, numbers),
        "log(x)": (torch.log, positive),
        "sqrt(x)": (torch.sqrt, positive),
        "square(x)": (torch.square, numbers),
        "pow(x, 3)": (lambda x: x**3, numbers),
        "pow(x, 0)": (lambda x: x**0, numbers),
        "pow(x, -1)": (lambda x: x**-1, numbers),
        "pow(x, 0.5)": (lambda x: x**0.5, positive),
        "abs(x)": (torch.abs, numbers),
        "sin(x)": (torch.sin, numbers),
        "cos(x)": (torch.cos, numbers),
        "tanh(x)": (torch.tanh, numbers),
        "sigmoid(x)": (torch.sigmoid, numbers),
        "relu(x)": (torch.relu, numbers),
        "softplus(x)": (F.softplus, numbers),
        "gelu(x)": (F.gelu, numbers),
        "silu(x)": (F.silu, numbers),
    }
    for cpp, (f, inputs) in operations.items():
        for shape in [(2, 3), (), (1,), (2, 0)]:
            case(f"{cpp} {shape}", cpp, f, inputs(*shape))


def where():
    mask = torch.tensor([[True, False, True], [False, False, True]])
    text = "Tensor<2, bool>{{true, false, true}, {false, false, true}}"
    case("where", f"where({text}, x, y)", lambda x, y: torch.where(mask, x, y), numbers(2, 3), numbers(2, 3))
    case("where broadcast", f"where({text}, x, y)", lambda x, y: torch.where(mask, x, y), numbers(3), numbers(2, 1))
    case("where enlarged", f"where({text}, x, y)", lambda x, y: torch.where(mask, x, y), numbers(2, 2, 3), numbers())
    case("where number", f"where({text}, x, 0.5)", lambda x: torch.where(mask, x, tensor(0.5)), numbers(2, 3))
    case("where number first", f"where({text}, -1, x)", lambda x: torch.where(mask, tensor(-1.0), x), numbers(3))


def limits():
    inf, nan = math.inf, math.nan
    case("sigmoid", "sigmoid(x)", torch.sigmoid, tensor(-800, -40, 0, 40, 800, inf, -inf, nan))
    case("tanh", "tanh(x)", torch.tanh, tensor(-800, -20, 0, 20, 800, inf, -inf, nan))
    case("relu", "relu(x)", torch.relu, tensor(-800, -0.0, 0, 800, inf, -inf))
    case("softplus", "softplus(x)", F.softplus, tensor(-800, -40, 0, 40, 800))
    case("gelu", "gelu(x)", F.gelu, tensor(-800, -10, 0, 10, 800))
    case("silu", "silu(x)", F.silu, tensor(-800, -40, 0, 40, 700))
    case("exp", "exp(x)", torch.exp, tensor(-inf, -800, 0, 800, inf, nan))
    case("log", "log(x)", torch.log, tensor(0, -1, inf, nan))
    case("sqrt", "sqrt(x)", torch.sqrt, tensor(0, -1, inf, nan))
    case("abs", "abs(x)", torch.abs, tensor(0, -0.0, -inf, inf))
    case("pow(x, 0)", "pow(x, 0)", lambda x: x**0, tensor(0, -1, inf, nan))
    case("pow(x, 1)", "pow(x, 1)", lambda x: x**1, tensor(0, -1, 2))
    case("pow(x, 2)", "pow(x, 2)", lambda x: x**2, tensor(0, -1.5, inf, nan))
    case("pow(x, -1)", "pow(x, -1)", lambda x: x**-1, tensor(0, -2, inf))
    case("pow(x, 0.5)", "pow(x, 0.5)", lambda x: x**0.5, tensor(0, -2, 4))
    case("pow(x, 1.5)", "pow(x, 1.5)", lambda x: x**1.5, tensor(0, -2, 4))
    case("x / y", "x / y", lambda x, y: x / y, tensor(0, 1, -1, 0), tensor(0, 0, 0, inf))


AXES = {"": None, "0": 0, "1": 1, "-1": -1, "{0, 2}": (0, 2), "{1, 2}": (1, 2), "{-3, 1}": (0, 1), "{0, 1, 2}": (0, 1, 2)}


def along(f, axes, keep):
    return (lambda x: f(x, dim=(0, 1, 2))) if axes is None else (lambda x: f(x, dim=axes, keepdim=keep))


def reductions():
    functions = {
        "sum": (torch.sum, numbers),
        "mean": (torch.mean, numbers),
        "max": (torch.amax, distinct),
        "min": (torch.amin, distinct),
        "logsumexp": (torch.logsumexp, numbers),
        "var": (lambda x, **k: torch.var(x, unbiased=True, **k), numbers),
        "population_var": (lambda x, **k: torch.var(x, unbiased=False, **k), numbers),
    }
    for name, (f, inputs) in functions.items():
        for text, axes in AXES.items():
            comma = ", " if text else ""
            case(f"{name} {text}", f"{name}(x{comma}{text})", along(f, axes, False), inputs(2, 3, 4))
            if text in ("1", "{0, 2}"):
                case(f"{name} {text} kept", f"{name}(x, {text}, keep_axes)", along(f, axes, True), inputs(2, 3, 4))
        if "var" not in name:
            case(f"{name} of a scalar", f"{name}(x)", lambda x: f(x, dim=()) if name != "logsumexp" else f(x, dim=0), numbers())
            case(f"{name} of one", f"{name}(x, 0)", lambda x: f(x, dim=0), numbers(1))
        case(f"{name} to nothing", f"{name}(x, 1)", lambda x: f(x, dim=1), numbers(0, 3))
    for name in ("softmax", "log_softmax"):
        f = getattr(F, name)
        case(name, f"{name}(x)", lambda x: f(x, dim=-1), numbers(2, 4))
        case(f"{name} axis 0", f"{name}(x, 0)", lambda x: f(x, dim=0), numbers(3, 2))
        case(f"{name} axis 1", f"{name}(x, 1)", lambda x: f(x, dim=1), numbers(2, 3, 2))
        case(f"{name} of one", f"{name}(x)", lambda x: f(x, dim=-1), numbers(1))
        case(f"{name} of none", f"{name}(x)", lambda x: f(x, dim=-1), numbers(0, 3))


def reduction_limits():
    inf, nan = math.inf, math.nan
    ties = tensor([1, 3, 3], [2, 2, 2])
    case("max ties", "max(x, 1)", lambda x: torch.amax(x, 1), ties)
    case("max ties over all", "max(x)", lambda x: torch.amax(x, (0, 1)), ties)
    case("min ties", "min(x, 0)", lambda x: torch.amin(x, 0), tensor([1, 3, 3], [1, 2, 3]))
    case("sum of none", "sum(x, 1)", lambda x: torch.sum(x, 1), numbers(2, 0))
    case("mean of none", "mean(x, 1)", lambda x: torch.mean(x, 1), numbers(2, 0))
    case("mean of all of none", "mean(x)", lambda x: torch.mean(x), numbers(2, 0))
    case("logsumexp of large", "logsumexp(x, 1)", lambda x: torch.logsumexp(x, 1), tensor([1e4, 1e4 - 1], [-1e4, 1e4]))
    case("logsumexp with -inf", "logsumexp(x, 1)", lambda x: torch.logsumexp(x, 1), tensor([-inf, 1], [2, -inf]))
    case("log_softmax of large", "log_softmax(x)", lambda x: F.log_softmax(x, -1), tensor([1e4, 1e4 - 1], [-1e4, 1e4]))
    case("softmax of large", "softmax(x)", lambda x: F.softmax(x, -1), tensor([1e4, 1e4 - 1], [-1e4, 1e4]))
    case("softmax with -inf", "softmax(x)", lambda x: F.softmax(x, -1), tensor([-inf, 1, 2], [-inf, -inf, 3]))
    case("softmax of -inf", "softmax(x)", lambda x: F.softmax(x, -1), tensor(-inf, -inf))
    case("log_softmax of -inf", "log_softmax(x)", lambda x: F.log_softmax(x, -1), tensor(-inf, -inf))
    case("log_softmax masked", "where(Tensor<1, bool>{true, false, true}, log_softmax(x), 0)",
         lambda x: torch.where(torch.tensor([True, False, True]), F.log_softmax(x, -1), tensor(0.0)), tensor(1, -inf, 2))
    case("max with NaN", "max(x, 1)", lambda x: torch.amax(x, 1), tensor([1, nan], [2, 1]))


def shapings():
    case("reshape", "reshape(x, {3, 2})", lambda x: x.reshape(3, 2), numbers(2, 3))
    case("reshape -1", "reshape(x, {2, -1, 2})", lambda x: x.reshape(2, -1, 2), numbers(4, 3))
    case("reshape to a scalar", "reshape(x, Shape<0>{})", lambda x: x.reshape(()), numbers(1, 1))
    case("reshape of none", "reshape(x, {3, 0})", lambda x: x.reshape(3, 0), numbers(0, 2))
    case("flatten", "flatten(x)", lambda x: x.flatten(1), numbers(2, 3, 2))
    case("flatten none", "flatten(x)", lambda x: x.flatten(1), numbers(0, 3, 2))
    case("permute", "permute(x, {2, 0, 1})", lambda x: x.permute(2, 0, 1), numbers(2, 3, 4))
    case("permute from the end", "permute(x, {-1, -3, -2})", lambda x: x.permute(2, 0, 1), numbers(1, 2, 3))
    case("transpose", "transpose(x)", lambda x: x.t(), numbers(2, 3))
    case("transpose 3", "transpose(x)", lambda x: x.permute(2, 1, 0), numbers(2, 3, 2))
    case("transpose none", "transpose(x)", lambda x: x.t(), numbers(0, 3))
    case("slice 0", "slice(x, 0, 1, 3)", lambda x: x[1:3], numbers(4, 3))
    case("slice 1", "slice(x, 1, 0, 2)", lambda x: x[:, 0:2], numbers(2, 3, 2))
    case("slice -1", "slice(x, -1, 2, 3)", lambda x: x[..., 2:3], numbers(2, 3))
    case("slice none", "slice(x, 0, 1, 1)", lambda x: x[1:1], numbers(2, 3))
    case("concat 0", "concat_axis(0, x, y)", lambda x, y: torch.cat((x, y), 0), numbers(2, 3), numbers(1, 3))
    case("concat -1", "concat_axis(-1, x, y, z)", lambda x, y, z: torch.cat((x, y, z), -1), numbers(2, 1), numbers(2, 2), numbers(2, 0))
    case("concat 1", "concat_axis(1, x, y)", lambda x, y: torch.cat((x, y), 1), numbers(2, 1, 2), numbers(2, 2, 2))
    case("concat of one", "concat_axis(0, x)", lambda x: torch.cat((x,), 0), numbers(3))
    case("concat with itself", "concat_axis(0, x, x)", lambda x: torch.cat((x, x), 0), numbers(2, 2))
    for axis, rows in [(1, [[0, 2], [1, 1], [2, 2]]), (0, [[0, 2, 1, 0]]), (-1, [[3, 3, 3, 0, 1]] * 3)]:
        index = torch.tensor(rows)
        if axis == 0:
            index = index.expand(2, 4).contiguous()
        case(f"gather {axis}", f"gather(x, {axis}, {integers(index)})", lambda x: x.gather(axis, index), numbers(3, 4))
    case("gather none", "gather(x, 1, zeros<int>({3, 0}))", lambda x: x.gather(1, torch.zeros(3, 0).long()), numbers(3, 4))


def products():
    for a, b in [((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 2, 3), (2, 3, 2)),
                 ((1, 2, 3), (3, 3, 2)), ((3, 2, 3), (1, 3, 2)), ((0, 2, 3), (0, 3, 2))]:
        case(f"matmul {a} {b}", "matmul(x, y)", torch.matmul, numbers(*a), numbers(*b))
    case("matmul with itself", "matmul(x, x)", lambda x: x @ x, numbers(3, 3))
    for x, o in [((2, 3), 4), ((3,), 2), ((2, 2, 3), 2), ((1, 1), 1), ((0, 3), 2), ((2, 0), 3), ((2, 3), 0)]:
        weight = (o, x[-1])
        case(f"linear {x} {weight}", "linear(x, y)", F.linear, numbers(*x), numbers(*weight))
        case(f"linear {x} {weight} bias", "linear(x, y, z)", F.linear, numbers(*x), numbers(*weight), numbers(o))


def einsums():
    cases = [
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("ij,jk", (2, 3), (3, 2)),
        ("ii->i", (3, 3)),
        ("ii", (3, 3)),
        ("ij->ji", (2, 3)),
        ("ij->", (2, 3)),
        ("ij->i", (2, 3)),
        ("i,j->ij", (2,), (3,)),
        ("i,i", (3,), (3,)),
        ("ij,ij->ij", (2, 3), (2, 3)),
        ("bhqd,bhkd->bhqk", (2, 1, 2, 3), (2, 1, 2, 3)),
        ("...ij,...jk->...ik", (2, 2, 3), (1, 3, 2)),
        ("...i,i->...", (2, 2, 3), (3,)),
        ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
        ("i,ij,j->", (2,), (2, 3), (3,)),
        ("ij,k->i", (2, 2), (3,)),
        ("ij,jk->ik", (2, 0), (0, 3)),
        ("ij,jk->ik", (0, 2), (2, 3)),
        (",ij->ij", (), (2, 2)),
    ]
    for text, *shapes in cases:
        letters = ", ".join("xyz"[: len(shapes)])
        rank = torch.einsum(text, *[torch.ones(s) for s in shapes]).dim()
        f = lambda *x: torch.einsum(text, *x)
        inputs = [numbers(*s) for s in shapes]
        case(f"{text} {shapes}".replace('"', ""), f'einsum<"{text}">({letters})', f, *inputs)
        case(f"{text} at run time", f'einsum<{rank}>("{text}", {letters})', f, *inputs)
    case("an operand twice", 'einsum<"ij,ik->jk">(x, x)', lambda x: torch.einsum("ij,ik->jk", x, x), numbers(2, 3))


if __name__ == "__main__":
    binary(), unary(), where(), write("arithmetic.inc")
    limits(), write("arithmetic_limits.inc", "check_values")
    reductions(), write("reduction.inc")
    reduction_limits(), write("reduction_limits.inc", "check_values")
    shapings(), write("shaping.inc")
    products(), write("linear_algebra.inc")
    einsums(), write("einsum.inc")
