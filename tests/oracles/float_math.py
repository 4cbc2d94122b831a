# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""The coefficients of include/kiln/kernels/float_math.hpp, lowest power first. Needs mpmath (Debian: python3-mpmath).

Each polynomial interpolates at Chebyshev's points, which comes within a few percent of the least possible error."""
from mpmath import mp, mpf, atanh, cos, erf, erfc, exp, expm1, fabs, log, lu_solve, matrix, pi, sqrt

mp.dps = 50


def fit(name, f, low, high, degree):
    points = [(low + high) / 2 + (high - low) / 2 * cos((2 * k + 1) * pi / (2 * degree + 2)) for k in range(degree + 1)]
    solution = lu_solve(matrix([[x**k for k in range(degree + 1)] for x in points]), matrix([f(x) for x in points]))
    coefficients = [solution[k] for k in range(degree + 1)]
    grid = [low + (high - low) * (mpf(i) + mpf("0.37")) / 1000 for i in range(1000)]
    worst = max(fabs(f(x) - sum(c * x**k for k, c in enumerate(coefficients))) for x in grid)
    print(f"{name}: largest error {float(worst):.2g} on [{float(low):.4g}, {float(high):.4g}]")
    print("  " + ", ".join(f"{float(c):.9g}f" for c in coefficients))


half_ln2 = log(mpf(2)) / 2 * mpf("1.0001")
fit("(e^x - 1 - x) / x^2", lambda x: (expm1(x) - x) / x**2 if fabs(x) > mpf("1e-20") else mpf("0.5"), -half_ln2, half_ln2, 4)
fit("(atanh(sqrt z) / sqrt z - 1) / z", lambda z: (atanh(sqrt(z)) / sqrt(z) - 1) / z, mpf("1e-9"), mpf(1) / 9, 4)
fit("erf(sqrt z) / sqrt z - 1", lambda z: erf(sqrt(z)) / sqrt(z) - 1, mpf("1e-12"), mpf(1), 6)
fit("-log(erfc(t))", lambda t: -log(erfc(t)), mpf("1"), mpf(4), 8)
