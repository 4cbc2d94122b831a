"""The values of tests/train/reduce_lr_on_plateau_test.cpp and ema_test.cpp, by PyTorch 1.13.
MixUp draws from the Beta distribution whose quantiles are in mixup_test.cpp.
Run: python3 tests/oracles/callbacks.py
"""
import torch
from torch.optim.swa_utils import AveragedModel


def plateau():
    losses = [1, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": [weights[0]], "lr": 0.8}, {"params": [weights[1]], "lr": 1.6}], lr=1)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, cooldown=1, min_lr=0.15)
    rates = ([], [])
    for loss in losses:
        scheduler.step(loss)
        for group in range(2):
            rates[group].append(optimizer.param_groups[group]["lr"])
    print("plateau", *rates, sep="\n  ")


def ema(decay):
    """One weight w, loss (w - 3)^2 / 2 of every batch, SGD with lr 0.5 from w = 1: five steps."""
    model = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.constant_(model.weight, 1)
    mean = AveragedModel(model, avg_fn=lambda a, w, n: decay * a + (1 - decay) * w)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    weights, means = [], []
    for _ in range(5):
        optimizer.zero_grad()
        ((model.weight - 3) ** 2 / 2).sum().backward()
        optimizer.step()
        mean.update_parameters(model)
        weights.append(model.weight.item())
        means.append(mean.module.weight.item())
    print("ema", decay, weights, means, sep="\n  ")


plateau()
ema(0.75)


def beta_quantiles(alpha):
    """Of Beta(alpha, alpha), by integrating its density over u with x = sin(u)^2 and interpolating."""
    import numpy as np

    u = (np.arange(4_000_000) + 0.5) * (np.pi / 2 / 4_000_000)
    # dx = 2 sin u cos u du, so the density in u is proportional to (sin u cos u)^(2 alpha - 1)
    mass = np.cumsum((np.sin(u) * np.cos(u)) ** (2 * alpha - 1))
    print("beta quantiles", alpha, [float(np.sin(np.interp(q, mass / mass[-1], u)) ** 2) for q in (0.1, 0.25, 0.4)])


for alpha in (0.4, 1, 3):
    beta_quantiles(alpha)
