// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A test that forgot to say what it expects.
// verdict: has no line .// expect: <regex>.
#ifndef KILN_CONTROL
int value = not_declared;
#endif
