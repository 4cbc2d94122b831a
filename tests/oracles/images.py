#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Writes tests/data/images with Netpbm 11, Pillow 9 and libjpeg-turbo 2: python3 tests/oracles/images.py

apt install netpbm python3-pil libjpeg-turbo-progs

expected.npz holds what pngtopam and Pillow decode of each: (C, H, W), 16 bits scaled to 8 and rounded.
"""

import pathlib
import subprocess

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parents[1] / "data" / "images"
OUT.mkdir(exist_ok=True)
expected = {}


def run(command, data):
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def pnm(pixels, maxval):
    """pixels (H, W) or (H, W, 3) as PGM or PPM."""
    kind = "P5" if pixels.ndim == 2 else "P6"
    head = f"{kind} {pixels.shape[1]} {pixels.shape[0]} {maxval}\n".encode()
    return head + pixels.astype(">u2" if maxval > 255 else "u1").tobytes()


def decode(path):
    """By pngtopam, as (C, H, W)."""
    pam = run(["pngtopam", "-alphapam", str(path)], None)
    head, _, data = pam.partition(b"ENDHDR\n")
    field = dict(line.split(None, 1) for line in head.decode().splitlines() if " " in line)
    width, height, depth, maxval = (int(field[k]) for k in ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"])
    pixels = np.frombuffer(data, ">u2" if maxval > 255 else "u1").reshape(height, width, depth).astype(np.int64)
    pixels = (2 * 255 * pixels + maxval) // (2 * maxval)
    content = path.read_bytes()
    colour, transparent = content[25], b"tRNS" in content
    if colour in (2, 3, 6) and depth == 2:
        pixels = np.concatenate([pixels[:, :, :1]] * 3 + [pixels[:, :, 1:]], axis=2)
    if not transparent and colour < 4:
        pixels = pixels[:, :, :-1]
    return pixels.transpose(2, 0, 1).astype(np.uint8)


def png(name, pixels, maxval, *options, alpha=None):
    if alpha is not None:
        (OUT / "alpha.tmp").write_bytes(pnm(alpha, maxval))
        options += (f"-alpha={OUT / 'alpha.tmp'}",)
    path = OUT / f"{name}.png"
    path.write_bytes(run(["pnmtopng", *options], pnm(pixels, maxval)))
    (OUT / "alpha.tmp").unlink(missing_ok=True)
    expected[name] = decode(path)
    if name.endswith("_key"):  # pngtopam overlooks the transparent colour of RGB: by the specification instead
        values = pixels.reshape(*pixels.shape[:2], -1)
        seen = (values != values[4, 6]).any(axis=2, keepdims=True)
        values = (2 * 255 * values + maxval) // (2 * maxval)
        expected[name] = np.concatenate([values, 255 * seen], axis=2).transpose(2, 0, 1).astype(np.uint8)
    content = path.read_bytes()
    print(f"{name:20} {len(content):5} bytes, depth {content[24]} colour type {content[25]} interlace {content[28]}"
          f"{' tRNS' if b'tRNS' in content else ''} {expected[name].shape}")
    if content[24] == 8:  # a second opinion
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(expected[name])]
        again = np.asarray(Image.open(path).convert(mode)).reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
        assert (again == expected[name]).all(), name


random = np.random.default_rng(1)


def smooth(height, width, channels, maxval):
    """Something that a filter helps with, and some noise."""
    y, x, c = np.mgrid[:height, :width, :channels]
    values = (x * (3 + c) + y * (5 - c)) / (width * 5 + height * 5) * maxval
    values = np.clip(values + random.normal(0, maxval / 40, values.shape), 0, maxval).astype(int)
    return values[:, :, 0] if channels == 1 else values


for depth in [1, 2, 4, 8, 16]:
    most = 2**depth - 1
    pixels = smooth(9, 13, 1, most)
    pixels[0, :2] = 0, most
    png(f"grey{depth}", pixels, most, "-force")
    png(f"grey{depth}_interlaced", pixels, most, "-force", "-interlace")
    if depth in (4, 16):
        level = format(pixels[4, 6] / most, ".9f")
        png(f"grey{depth}_key", pixels, most, "-force", f"-transparent=rgbi:{level}/{level}/{level}")
for depth in [8, 16]:
    most = 2**depth - 1
    pixels = smooth(9, 13, 3, most)
    alpha = smooth(9, 13, 1, most)
    png(f"rgb{depth}", pixels, most, "-force")
    png(f"rgb{depth}_interlaced", pixels, most, "-force", "-interlace")
    png(f"rgba{depth}", pixels, most, "-force", alpha=alpha)
    png(f"rgba{depth}_interlaced", pixels, most, "-force", "-interlace", alpha=alpha)
    png(f"grey_alpha{depth}", pixels[:, :, 0], most, "-force", alpha=alpha)
    colour = "/".join(format(v / most, ".9f") for v in pixels[4, 6])
    png(f"rgb{depth}_key", pixels, most, "-force", f"-transparent=rgbi:{colour}")
for depth in [1, 2, 4, 8]:
    colours = random.integers(0, 256, (2**depth if depth < 8 else 40, 3))
    pixels = colours[random.integers(0, len(colours), (7, 11))]
    pixels.reshape(-1, 3)[: len(colours)] = colours
    png(f"palette{depth}", pixels, 255)
    png(f"palette{depth}_interlaced", pixels, 255, "-interlace")
    if depth in (2, 8):
        png(f"palette{depth}_alpha", pixels, 255, alpha=np.where(pixels[:, :, 0] > 100, pixels[:, :, 0], 255)
            if depth == 2 else np.where(pixels.sum(2) > 300, 255, 40))
for filter in range(5):
    png(f"filter{filter}", smooth(6, 10, 3, 255), 255, "-force", f"-filter={filter}")
for height, width in [(1, 1), (1, 5), (5, 1), (2, 3), (8, 8), (17, 9)]:  # with passes that have no pixels
    png(f"interlaced_{height}x{width}", smooth(height, width, 1, 255), 255, "-force", "-interlace")

# Netpbm's own formats, each with the same pixels as binary and as text.
for name, channels, most in [("pgm", 1, 255), ("pgm100", 1, 100), ("pgm1000", 1, 1000), ("ppm", 3, 255),
                             ("ppm65535", 3, 65535)]:
    pixels = smooth(4, 7, channels, most)
    raw = pnm(pixels, most)
    (OUT / f"{name}.{name[:3]}").write_bytes(raw)
    (OUT / f"{name}_text.{name[:3]}").write_bytes(run(["pnmtoplainpnm"], raw))
    scaled = (2 * 255 * pixels + most) // (2 * most)
    expected[name] = expected[f"{name}_text"] = scaled.reshape(4, 7, -1).transpose(2, 0, 1).astype(np.uint8)
bits = random.integers(0, 2, (5, 11))
Image.fromarray((bits * 255).astype(np.uint8)).convert("1").save(OUT / "pbm.pbm")
(OUT / "pbm_text.pbm").write_bytes(run(["pnmtoplainpnm"], (OUT / "pbm.pbm").read_bytes()))
expected["pbm"] = expected["pbm_text"] = (bits * 255).astype(np.uint8)[None]

# JPEG: as libjpeg-turbo decodes it in Pillow, and a progressive one. CMYK is refused, and 190 scans, one for each
# frequency of each colour.
pixels = smooth(19, 26, 3, 255).astype(np.uint8)
for name, image, options in [("jpeg_rgb", Image.fromarray(pixels), dict(quality=90)),
                             ("jpeg_progressive", Image.fromarray(pixels), dict(quality=90, progressive=True)),
                             ("jpeg_grey", Image.fromarray(pixels[:, :, 0]), dict(quality=90)),
                             ("jpeg_cmyk", Image.fromarray(pixels).convert("CMYK"), dict(quality=50))]:
    path = OUT / f"{name}.jpg"
    image.save(path, **options)
    if name != "jpeg_cmyk":
        expected[name] = np.asarray(Image.open(path)).reshape(19, 26, -1).transpose(2, 0, 1)



def scans(bands):
    """A progressive file with a scan of all constant parts, then one for each (colour, frequency): at most 100."""
    script = OUT / "scans.tmp"
    script.write_text("0,1,2: 0-0, 0, 0;\n" + "".join(f"{c}: {k}-{k}, 0, 0;\n" for c, k in bands))
    result = run(["cjpeg", "-progressive", "-scans", str(script)], pnm(pixels[:8, :8], 255))
    script.unlink()
    return result


bands = [(c, k) for c in range(3) for k in range(1, 64)]
first, second = scans(bands[:99]), scans(bands[99:])
further = second.index(b"\xff\xc4", second.index(b"\xff\xda"))  # the tables of its second scan
(OUT / "jpeg_scans.jpg").write_bytes(first[:-2] + second[further:])

np.savez_compressed(OUT / "expected.npz", **expected)

# What Pillow makes of an image in other sizes, and in grey.
pixels = random.integers(0, 256, (11, 14, 3)).astype(np.uint8)
resized = {"source": pixels.transpose(2, 0, 1)}
for height, width in [(11, 14), (5, 7), (3, 4), (1, 1), (22, 28), (13, 9), (9, 40), (30, 2)]:
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    resized[f"{height}x{width}"] = np.asarray(image).transpose(2, 0, 1)
resized["grey"] = np.asarray(Image.fromarray(pixels).convert("L"))[None]
np.savez_compressed(OUT / "resized.npz", **resized)
