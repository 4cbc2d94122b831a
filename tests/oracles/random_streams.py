# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

"""Prints the literals of tests/core/random_test.cpp and normal_quantile_test.cpp.

An implementation of its own, in whole numbers and IEEE doubles: Philox4x32-10 after Salmon et al. (checked against the
known answers of Random123), and normal quantiles twice: AS 241 with Python's own coefficients and operations in double,
which give the bits that Kiln must give, and to the last bit by mpmath. Run: python3 tests/oracles/random_streams.py
"""

import inspect
import math
import statistics
import struct

import mpmath

mpmath.mp.prec = 200


def philox(counter, key):
    c = list(counter)
    for r in range(10):
        k0 = (key[0] + r * 0x9E3779B9) % 2**32
        k1 = (key[1] + r * 0xBB67AE85) % 2**32
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b % 2**32, (a >> 32) ^ c[3] ^ k1, a % 2**32]
    return c


KNOWN = """
00000000 00000000 00000000 00000000 00000000 00000000   6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   d16cfe09 94fdcceb 5001e420 24126ea1
"""
for line in KNOWN.split("\n"):
    if w := [int(x, 16) for x in line.split()]:
        assert philox(w[:4], w[4:6]) == w[6:]


class Stream:
    """The counter as one number of 128 bits: block + purpose 2^40 + sample 2^48 + epoch 2^96."""

    def __init__(self, seed, purpose=0, epoch=0, sample=0, position=0):
        self.key = [seed % 2**32, seed >> 32]
        self.high = (purpose << 40) + (sample << 48) + (epoch << 96)
        self.position = position

    def word(self):
        n = self.high + self.position // 4
        w = philox([(n >> s) % 2**32 for s in (0, 32, 64, 96)], self.key)[self.position % 4]
        self.position += 1
        return w

    def double_word(self):
        low = self.word()
        return low + (self.word() << 32)


def to_float(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def series_log(x):
    m, e = math.frexp(x)
    m, e = (2 * m, e - 1) if m <= math.sqrt(0.5) else (m, e)
    s = (m - 1) / (m + 1)
    total = 0.0
    for k in range(21, 0, -2):
        total = total * (s * s) + 1 / k
    return e * math.log(2) + 2 * s * total


def as241():
    """The standard library's AS 241 in Python, with the logarithm above for that of the C library."""
    source = inspect.getsource(statistics)
    source = source[source.index("def _normal_dist_inv_cdf") :]
    scope = dict(fabs=abs, sqrt=math.sqrt, log=series_log)
    exec(source[: source.index("\n\n\n")], scope)
    return lambda p: scope["_normal_dist_inv_cdf"](p, 0.0, 1.0)


as241 = as241()


def exact_quantile(p):
    """The nearest double to the exact quantile of the double p."""
    f = lambda z: mpmath.ncdf(z) - mpmath.mpf(p)
    return float(mpmath.findroot(f, mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(p) - 1)))


def main():
    key = dict(seed=0x0123456789ABCDEF, purpose=4, epoch=7, sample=0xABCDEF012345)
    s = Stream(**key, position=4 * (2**40 - 1) - 2)
    print("words", ", ".join(f"0x{s.word():08X}" for _ in range(6)))
    s = Stream(42)
    print("words of seed 42", ", ".join(f"0x{s.word():08X}" for _ in range(5)))
    s = Stream(42)
    print("uniform()", ", ".join(float.hex((s.double_word() >> 11) * 2.0**-53) for _ in range(4)))
    s = Stream(42)
    print("below(10)", ", ".join(str(s.double_word() % 10) for _ in range(12)))
    s = Stream(42)
    print("float in [-0.1, 0.3)", end=" ")
    low, high = to_float(-0.1), to_float(0.3)
    print(", ".join(float.hex(to_float(low + (s.word() >> 8) * 2.0**-24 * (high - low))) for _ in range(5)))
    s = Stream(42)
    print("normal()", ", ".join(float.hex(as241(((s.double_word() >> 12) + 0.5) * 2.0**-52)) for _ in range(6)))
    s = Stream(42)
    print("float normals", ", ".join(float.hex(to_float(as241((s.word() + 0.5) * 2.0**-32))) for _ in range(6)))
    s = Stream(42)
    print("float normals of mean -1, std 0.02", end=" ")
    std = to_float(0.02)
    print(", ".join(float.hex(to_float(-1 + as241((s.word() + 0.5) * 2.0**-32) * std)) for _ in range(4)))
    items, s = list(range(10)), Stream(42)
    for left in range(10, 1, -1):
        chosen = s.double_word() % left
        items[chosen], items[left - 1] = items[left - 1], items[chosen]
    print("shuffle", items)
    print("quantiles")
    for p in (2.0**-53, 1e-12, 1e-6, 0.001, 0.0749, 0.0751, 0.25, 0.4999, 0.5, 0.6, 0.9, 0.925001, 0.99, 1 - 2.0**-33):
        print(f"    {{{float.hex(p)}, {float.hex(as241(p))}, {float.hex(exact_quantile(p))}}},")


main()
