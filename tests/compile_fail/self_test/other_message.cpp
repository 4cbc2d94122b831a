// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A test that expects another message, although the source excerpt that compilers print would hold it.
// verdict: output must match .the expected sentence., but is
// expect: the expected sentence
#ifndef KILN_CONTROL
int value = not_declared;  // the expected sentence
#endif
