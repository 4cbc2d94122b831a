#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Draws what a program printed as a terminal window: scripts/mnist | docs/images/terminal_svg.py 'scripts/mnist' > x.svg"""
import sys
from xml.sax.saxutils import escape

lines = ["$ " + sys.argv[1]] + sys.stdin.read().rstrip("\n").split("\n")
advance, height, margin = 8.4, 17, 18
width = round(max(len(line) for line in lines) * advance + 2 * margin)
total = len(lines) * height + 2 * margin + 16
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" viewBox="0 0 {width} {total}" role="img">')
print(f"<title>{escape(sys.argv[1])}</title>")
print(f'<rect width="{width}" height="{total}" rx="8" fill="#1b1f27"/>')
for i, colour in enumerate(("#e0655f", "#e0b15f", "#6fbf73")):
    print(f'<circle cx="{margin + 4 + 18 * i}" cy="16" r="5" fill="{colour}"/>')
print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d7dce5" xml:space="preserve">')
for number, line in enumerate(lines):
    y = margin + 16 + (number + 0.8) * height
    if not line.strip():
        continue
    # One <text> per run of equal kind; textLength keeps columns straight in any font.
    start = len(line) - len(line.lstrip(" "))
    shown = line[start:].rstrip(" ")
    x = margin + start * advance
    colour = ' fill="#8fd0ff"' if number == 0 else ' fill="#f3d38a"' if line.startswith("test accuracy") else ""
    print(f'<text x="{x:.1f}" y="{y:.1f}" textLength="{len(shown) * advance:.1f}"{colour}>{escape(shown)}</text>')
print("</g></svg>")
