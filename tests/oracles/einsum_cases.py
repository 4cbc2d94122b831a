# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/linalg/einsum_cases.inc: einsums, shapes, and what numpy.einsum makes of them.

Usage: python3 tests/oracles/einsum_cases.py > tests/linalg/einsum_cases.inc
Inputs come from a linear congruential generator that the test has, too; they are small integers, so sums are exact.
"""
import random
import sys

import numpy as np

CHOSEN = [
    # unary: identity, permutations, sums, diagonals, traces
    ("i->i", [(4,)]), ("i", [(4,)]), ("i->", [(5,)]), ("->", [()]), ("", [()]),
    ("ij->ij", [(2, 3)]), ("ij->ji", [(2, 3)]), ("ji", [(2, 3)]), ("ba", [(2, 3)]), ("aB", [(2, 3)]),
    ("ij->i", [(2, 3)]), ("ij->j", [(2, 3)]), ("ij->", [(2, 3)]), ("ijk->kij", [(2, 3, 4)]),
    ("ijk->ik", [(2, 3, 4)]), ("abcd->dbca", [(2, 3, 2, 3)]), ("ii->", [(3, 3)]), ("ii->i", [(3, 3)]),
    ("ii", [(4, 4)]), ("iij->ij", [(3, 3, 2)]), ("iij->j", [(3, 3, 2)]), ("iji->j", [(3, 2, 3)]),
    ("iii->i", [(3, 3, 3)]), ("iijj->ij", [(2, 2, 3, 3)]), ("iijj->", [(2, 2, 3, 3)]),
    ("...->...", [(2, 3)]), ("...i->...", [(2, 3, 4)]), ("i...->...i", [(2, 3, 4)]), ("...ij->...ji", [(2, 2, 3)]),
    ("...ii->...i", [(2, 3, 3)]), ("...ii->...", [(2, 3, 3)]), ("i...i->...", [(3, 2, 3)]), ("...", [(2, 3)]),
    ("...i->i...", [(2, 3, 4)]), ("...i->i...", [(3,)]), (" i j -> j i ", [(2, 3)]), ("i...i", [(3, 2, 3)]),
    # matrices, vectors, scalars
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("ji,jk->ik", [(3, 2), (3, 4)]), ("ij,kj->ik", [(2, 3), (4, 3)]), ("ji,kj->ik", [(3, 2), (4, 3)]),
    ("ji,kj->ki", [(3, 2), (4, 3)]), ("ij,jk->", [(2, 3), (3, 4)]), ("ij,jk->i", [(2, 3), (3, 4)]),
    ("ij,jk->k", [(2, 3), (3, 4)]), ("ij,j->i", [(2, 3), (3,)]), ("ij,i->j", [(2, 3), (2,)]),
    ("j,ij->i", [(3,), (2, 3)]), ("i,i->", [(5,), (5,)]), ("i,i", [(5,), (5,)]), ("i,i->i", [(5,), (5,)]),
    ("i,j->ij", [(2,), (3,)]), ("i,j->ji", [(2,), (3,)]), ("i,j->", [(2,), (3,)]), (",->", [(), ()]),
    (",i->i", [(), (3,)]), ("ij,->ij", [(2, 3), ()]), ("i,", [(3,), ()]), ("ij,ij->ij", [(2, 3), (2, 3)]),
    ("ij,ij->", [(2, 3), (2, 3)]), ("ij,ji->", [(2, 3), (3, 2)]), ("ij,ij->i", [(2, 3), (2, 3)]),
    ("ij,i->ij", [(2, 3), (2,)]), ("ij,kl->ijkl", [(2, 3), (3, 2)]), ("ij,kl->likj", [(2, 3), (3, 2)]),
    ("ii,ij->j", [(3, 3), (3, 2)]), ("ii,jj->ij", [(3, 3), (2, 2)]), ("ii,ii->i", [(3, 3), (3, 3)]),
    ("ij,jj->i", [(2, 3), (3, 3)]),
    # batches and tensors
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]), ("bij,bjk", [(2, 3, 4), (2, 4, 2)]),
    ("bij,bkj->bik", [(2, 3, 4), (2, 2, 4)]), ("bji,bjk->bik", [(2, 4, 3), (2, 4, 2)]),
    ("ijb,jkb->ikb", [(3, 4, 2), (4, 2, 2)]), ("bij,jk->bik", [(2, 3, 4), (4, 2)]),
    ("ij,bjk->bik", [(3, 4), (2, 4, 2)]), ("bij,bjk->kbi", [(2, 3, 4), (2, 4, 2)]),
    ("bij,bjk->ik", [(2, 3, 4), (2, 4, 2)]), ("bij,bij->b", [(2, 3, 4), (2, 3, 4)]),
    ("bi,bj->bij", [(2, 3), (2, 4)]), ("bi,bi->b", [(2, 3), (2, 3)]), ("bi,bij->bj", [(2, 3), (2, 3, 4)]),
    ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 3, 4)]), ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 3, 2, 4)]),
    ("bhqk,bkhd->bqhd", [(2, 2, 3, 3), (2, 3, 2, 4)]), ("abc,cd->abd", [(2, 2, 3), (3, 4)]),
    ("abc,cd->adb", [(2, 2, 3), (3, 4)]), ("abc,cbd->ad", [(2, 3, 2), (2, 3, 4)]),
    ("abc,bcd->ad", [(2, 3, 2), (3, 2, 4)]), ("acb,bd->dca", [(2, 3, 2), (2, 4)]),
    ("abcd,cdef->abef", [(2, 2, 3, 2), (3, 2, 2, 2)]), ("abcd,dcef->fbea", [(2, 2, 3, 2), (2, 3, 2, 2)]),
    ("nchw,oc->nohw", [(2, 3, 2, 2), (4, 3)]), ("nhwc,oc->nhwo", [(2, 2, 2, 3), (4, 3)]),
    # ellipsis
    ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 2)]), ("...ij,...jk->...ik", [(2, 2, 3, 4), (2, 4, 2)]),
    ("...ij,...jk->...ik", [(2, 1, 3, 4), (1, 2, 4, 2)]), ("...ij,...jk->...ik", [(3, 4), (4, 2)]),
    ("...ij,jk", [(2, 3, 4), (4, 2)]), ("...,...->...", [(2, 3), (3,)]), ("...,...", [(2, 1), (1, 3)]),
    ("i...,i...->...", [(2, 3), (2, 1)]), ("...i,...i->...", [(2, 3), (3,)]), ("...a,a...->...", [(2, 3), (3, 1)]),
    # three and more
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("ij,jk,kl", [(2, 3), (3, 4), (4, 2)]),
    ("ij,jk,ki->", [(2, 3), (3, 4), (4, 2)]), ("i,ij,j->", [(2,), (2, 3), (3,)]), ("i,j,k->ijk", [(2,), (3,), (2,)]),
    ("i,i,i->i", [(3,), (3,), (3,)]), ("bi,ij,bj->b", [(2, 3), (3, 4), (2, 4)]), (",,->", [(), (), ()]),
    ("ab,bc,cd,de->ae", [(2, 3), (3, 2), (2, 4), (4, 2)]), ("ab,cd,bc,ad->", [(2, 3), (2, 4), (3, 2), (2, 4)]),
    ("ijk,jl,kl->il", [(2, 3, 4), (3, 2), (4, 2)]), ("ii,ij,j->i", [(3, 3), (3, 2), (2,)]),
    ("...i,ij,...j->...", [(2, 3), (3, 4), (2, 4)]), ("a,b,c,d,e->edcba", [(2,), (1,), (2,), (2,), (1,)]),
    # sizes 0 and 1
    ("i->", [(0,)]), ("ij->i", [(2, 0)]), ("ij->j", [(2, 0)]), ("ij->ji", [(0, 3)]), ("ii->", [(0, 0)]),
    ("ii->i", [(1, 1)]), ("ij,jk->ik", [(2, 0), (0, 3)]), ("ij,jk->ik", [(0, 2), (2, 3)]), ("ij,jk->", [(0, 2), (2, 0)]),
    ("ij,jk->ik", [(1, 1), (1, 1)]), ("ij,jk->ik", [(1, 3), (3, 1)]), ("i,j->ij", [(0,), (3,)]), ("i,i->", [(0,), (0,)]),
    ("bij,bjk->bik", [(0, 2, 3), (0, 3, 2)]), ("bij,bjk->bik", [(2, 3, 0), (2, 0, 2)]), ("i,j->", [(0,), (3,)]),
    ("bij,bjk->bik", [(3, 1, 2), (3, 2, 1)]), ("...,...->...", [(0, 3), (1, 3)]), ("ij,jk,kl->il", [(2, 0), (0, 3), (3, 2)]),
    ("ij,jk,kl->il", [(1, 1), (1, 1), (1, 1)]), ("bij,jk->bik", [(1, 2, 3), (3, 2)]), ("i,ij,j->", [(0,), (0, 3), (3,)]),
]


def numbers(shape, operand):
    """Integers in [-3, 3]: the upper bits of x -> 1664525 x + 1013904223 mod 2^32."""
    x = operand + 1
    values = np.empty(int(np.prod(shape)), dtype=np.int64)
    for i in range(values.size):
        x = (1664525 * x + 1013904223) % 2**32
        values[i] = (x >> 16) % 7 - 3
    return values.reshape(shape)


def random_case(rng):
    """Any labels, sizes and number of tensors; None if it is too big or has no result."""
    pool = rng.sample("abcdxyzABCXYZ", 5)
    sizes = {label: rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4]) for label in pool}
    ellipsis_sizes = [rng.choice([1, 2, 3]) for _ in range(2)]
    terms, shapes = [], []
    with_ellipsis = rng.random() < 0.3
    for _ in range(rng.choice([1, 2, 2, 2, 3, 3, 4])):
        labels = [rng.choice(pool) for _ in range(rng.randint(0, 3))]
        shape = [sizes[label] for label in labels]
        if with_ellipsis and rng.random() < 0.8:
            at = rng.randint(0, len(labels))
            count = rng.randint(0, 2)
            shape[at:at] = [s if rng.random() < 0.7 else 1 for s in ellipsis_sizes[2 - count:]]
            labels.insert(at, "...")
        terms.append("".join(labels))
        shapes.append(tuple(shape))
    text = ",".join(terms)
    used = sorted({c for c in text if c.isalpha()})
    if rng.random() < 0.8:
        out = rng.sample(used, rng.randint(0, len(used)))
        if "..." in text:
            out.insert(rng.randint(0, len(out)), "...")
        text += "->" + "".join(out)
    return text, shapes


def shape_text(shape):
    return f"Shape<{len(shape)}>({', '.join(map(str, shape))})"


def main():
    rng = random.Random(20260101)
    cases = list(CHOSEN)
    while len(cases) < len(CHOSEN) + 80:
        text, shapes = random_case(rng)
        result = np.einsum(text, *map(np.ones, shapes))
        if result.ndim <= 5 and result.size <= 100:
            cases.append((text, shapes))
    print("// SPDX-FileCopyrightText: 2026 The Kiln authors")
    print("// SPDX-License-Identifier: MIT")
    print()
    print("// Made by tests/oracles/einsum_cases.py: text, number of operands, result's shape, result's elements, operands' shapes.")
    print("// clang-format off")
    for text, shapes in cases:
        result = np.einsum(text, *(numbers(shape, i) for i, shape in enumerate(shapes)))
        values = " ".join(map(str, np.asarray(result).ravel()))
        operands = ", ".join(map(shape_text, shapes))
        print(f'EINSUM_CASE("{text}", {len(shapes)}, {shape_text(result.shape)}, "{values}", {operands})')
    print(f"{len(cases)} cases", file=sys.stderr)


if __name__ == "__main__":
    main()
