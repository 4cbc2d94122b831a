// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A test whose program has nothing wrong.
// verdict: must not compile, but does
// expect: anything
int value = 0;
