# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/train/metrics.inc: predictions, targets and the metrics of the whole set, from the definitions in
https://scikit-learn.org/stable/modules/model_evaluation.html (precision, recall, F1, R2, top-k) and from PyTorch's
cross entropy (perplexity).

Usage: python3 tests/oracles/metrics.py > tests/train/metrics.inc
"""
import numpy as np
import torch

random = np.random.RandomState(4)
N, C = 23, 5
truth = random.choice(3, N, p=[0.5, 0.3, 0.2])  # 3 is never the truth, 4 neither truth nor prediction
scores = random.randint(-16, 17, (N, C)) / 8
scores[np.arange(N), truth] += 1
scores[:, 2] = -5  # 2 is never the prediction
scores[:, 4] = -9

binary_truth = (random.rand(N) < 0.3).astype(int)
binary_scores = random.randint(-16, 17, (N, 2)) / 8
binary_scores[np.arange(N), binary_truth] += 0.75


def table(scores, truth):
    n = scores.shape[1]
    counts = np.zeros((n, n), dtype=int)
    for row, t in zip(scores, truth):
        counts[t, row.argmax()] += 1
    return counts


def quotients(counts, which, undefined):
    hits, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    over = {"precision": hits, "recall": hits, "f1": 2 * hits}[which]
    under = {"precision": predicted, "recall": true, "f1": true + predicted}[which]
    return np.array([o / u if u else undefined for o, u in zip(over, under)]), over, under


def score(scores, truth, which, average, undefined=0.0, positive=1):
    counts = table(scores, truth)
    each, over, under = quotients(counts, which, undefined)
    if average == "binary":
        return each[positive]
    if average == "micro":
        return over.sum() / under.sum()
    labels = np.union1d(truth, scores.argmax(axis=1))
    weights = counts.sum(axis=1)[labels].astype(float) if average == "weighted" else np.ones(len(labels))
    each = each[labels]
    kept = ~np.isnan(each)
    return np.average(each[kept], weights=weights[kept])


def top_k(scores, truth, k):
    return np.mean([t in np.argsort(-row, kind="stable")[:k] for row, t in zip(scores, truth)])


def r2(pred, y):
    each = 1 - ((y - pred) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return each.mean()


def matrix(name, values, kind="float"):
    rows = ["{" + ", ".join(f"{v:.9g}" for v in row) + "}" for row in values]
    lines = [", ".join(rows[i:i + 3]) for i in range(0, len(rows), 3)]
    print(f"const Tensor<2, {kind}> {name}{{\n    " + ",\n    ".join(lines) + "};")


def vector(name, values, kind):
    print(f"const Tensor<1, {kind}> {name}{{" + ", ".join(f"{v:.9g}" for v in values) + "};")


print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
print("// SPDX-License-Identifier: MIT")
print("//")
print(f"// Written by tests/oracles/metrics.py with NumPy {np.__version__} and PyTorch "
      f"{torch.__version__.split('+')[0]}.")
print("// clang-format off\n")
matrix("scores", scores)
vector("truth", truth, "int")
matrix("binary_scores", binary_scores)
vector("binary_truth", binary_truth, "int")
matrix("expected_counts", table(scores, truth), "Index")
assert len({score(scores, truth, which, "macro") for which in ("precision", "recall", "f1")}) == 3
values = {}
for which in ("precision", "recall", "f1"):
    for average in ("macro", "micro", "weighted"):
        values[f"{average}_{which}"] = score(scores, truth, which, average)
    values[f"macro_{which} one"] = score(scores, truth, which, "macro", 1.0)
    values[f"macro_{which} nan"] = score(scores, truth, which, "macro", np.nan)
    values[f"weighted_{which} one"] = score(scores, truth, which, "weighted", 1.0)
    values[f"weighted_{which} nan"] = score(scores, truth, which, "weighted", np.nan)
    values[which] = score(binary_scores, binary_truth, which, "binary")
    values[f"{which} of 0"] = score(binary_scores, binary_truth, which, "binary", positive=0)
for k in range(1, C + 1):
    values[f"top_{k}_accuracy"] = top_k(scores, truth, k)
losses = torch.nn.functional.cross_entropy(torch.tensor(scores), torch.tensor(truth), reduction="none")
values["perplexity"] = losses.mean().exp().item()
values["perplexity without 2"] = losses[torch.tensor(truth != 2)].mean().exp().item()

pred = random.randint(-40, 41, (N, 2)) / 8
y = pred + random.randint(-8, 9, (N, 2)) / 8 + 0.25
matrix("predicted", pred)
matrix("measured", y)
values["mean_squared_error"] = ((pred - y) ** 2).mean()
values["mean_absolute_error"] = np.abs(pred - y).mean()
values["r2_score"] = r2(pred, y)
values["r2_score of column 0"] = r2(pred[:, :1], y[:, :1])
print("const std::map<std::string, double> expected{")
for name, value in values.items():
    print(f'    {{"{name}", {value:.17g}}},')
print("};")
