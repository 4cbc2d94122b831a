// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A test whose program does not compile for a reason of its own.
// verdict: must compile with KILN_CONTROL, but does not
// expect: not_declared
int value = not_declared;
