# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Values and gradients of PyTorch's losses. Usage: python3 tests/oracles/nn_loss.py > tests/nn/loss.inc"""
import torch
import torch.nn.functional as F

from nn_numbers import header, numbers, write


def case(name, loss, x, target, target_gradient=False):
    """The loss, and the gradient of three times the loss; of a loss that is not reduced, of its product with numbers."""
    x = x.clone().requires_grad_()
    if target_gradient:
        target = target.clone().requires_grad_()
    y = loss(x, target)
    (y * (3 if y.dim() == 0 else numbers(y.shape, 99))).sum().backward()
    write(name, y)
    write(name + ".dx", x.grad)
    if target_gradient:
        write(name + ".dt", target.grad)


def classes():
    x = numbers((6, 4), 1)
    y = torch.tensor([0, 3, 1, 2, 1, 3])
    w = torch.tensor([0.5, 2, 1, 3], dtype=torch.float64)
    x3, y3 = numbers((2, 4, 3), 2), torch.tensor([[0, 3, 1], [2, 2, 1]])
    for name, f, at, at3 in (("cross_entropy", F.cross_entropy, x, x3),
                             ("nll", F.nll_loss, F.log_softmax(x, 1), F.log_softmax(x3, 1))):
        def run(option, x=at, y=y, **kwargs):
            case(f"{name}.{option}", lambda a, b: f(a, b, **kwargs), x, y)

        run("mean")
        run("sum", reduction="sum")
        run("each", reduction="none")
        run("weight", weight=w)
        run("weight_sum", weight=w, reduction="sum")
        run("ignore", ignore_index=1)
        run("ignore_weight", ignore_index=1, weight=w)
        run("ignore_weight_each", ignore_index=1, weight=w, reduction="none")
        run("rank3", at3, y3)
        run("rank3_ignore_weight", at3, y3, ignore_index=1, weight=w)
        run("rank3_each", at3, y3, reduction="none")
        run("rank1", at[0], y[1])
        run("all_ignored", at[:2], torch.tensor([1, 1]), ignore_index=1)
        if name == "nll":
            continue
        run("large", x * 5000)
        run("smooth", label_smoothing=0.1)
        run("smooth_sum", label_smoothing=0.1, reduction="sum")
        run("smooth_one", label_smoothing=1.0)
        run("smooth_weight", label_smoothing=0.2, weight=w)
        run("smooth_weight_sum", label_smoothing=0.2, weight=w, reduction="sum")
        run("smooth_weight_ignore", label_smoothing=0.2, weight=w, ignore_index=1)
        run("smooth_weight_ignore_each", label_smoothing=0.2, weight=w, ignore_index=1, reduction="none")
        # What MixUp and CutMix train on: the mixture of two losses is the loss of the mixed, soft target.
        other = torch.tensor([1, 1, 0, 2, 3, 0])
        soft = 0.3 * F.one_hot(y, 4).double() + 0.7 * F.one_hot(other, 4).double()
        case("cross_entropy.mixed", F.cross_entropy, x, soft)
        case("cross_entropy.mixed_smooth", lambda a, b: F.cross_entropy(a, b, label_smoothing=0.1), x, soft)
        run("rank3_smooth_weight_ignore", at3, y3, label_smoothing=0.2, weight=w, ignore_index=1)


def elements():
    x, t = numbers((3, 4), 3), numbers((3, 4), 4)
    t[0, 0] = x[0, 0]  # where the absolute difference has its corner
    p = t / 4 + 0.5
    weights = torch.tensor([0.5, 2, 1, 3], dtype=torch.float64)
    for option, reduction in (("mean", "mean"), ("sum", "sum"), ("each", "none")):
        case(f"mse.{option}", lambda a, b: F.mse_loss(a, b, reduction=reduction), x, t, True)
        case(f"l1.{option}", lambda a, b: F.l1_loss(a, b, reduction=reduction), x, t, True)
        case(f"huber.{option}", lambda a, b: F.huber_loss(a, b, reduction=reduction), x, t, True)
        case(f"huber.delta_{option}", lambda a, b: F.huber_loss(a, b, delta=0.25, reduction=reduction), x, t, True)
        for name, pos_weight in (("bce", None), ("bce.pos", weights), ("bce.one_pos", weights[1:2])):
            case(f"{name}.{option}", lambda a, b: F.binary_cross_entropy_with_logits(
                a, b, pos_weight=pos_weight, reduction=reduction), x, p, True)
    case("bce.large", F.binary_cross_entropy_with_logits, x * 5000, p, True)


header("nn_loss.py")
classes()
elements()
