# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""The README's table and picture, made of bench/results."""
import json
import pathlib
import re
import textwrap
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- bench: written by scripts/bench -->\n", "<!-- /bench -->\n"
OTHERS = ("Eigen by hand", "dlib")


def number(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


class Results:
    def __init__(self, folder):
        self.files = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("train", "compile")
                      if (folder / f"{name}.json").exists()}
        self.figures = [f for result in self.files.values() for f in result["figures"]]

    def find(self, case, contender, threads=None):
        for f in self.figures:
            if f["case"] == case and f["contender"] == contender and threads in (None, f.get("threads")):
                return f
        return None

    def threads(self):
        return sorted({f["threads"] for f in self.files["train"]["figures"] if "threads" in f})

    def trainings(self):
        cases = [f["case"] for f in self.files["train"]["figures"] if f["unit"] == "k samples/s"]
        return list(dict.fromkeys(cases))

    def has_torch(self):
        return any(f["contender"] == "libtorch" for f in self.figures)


def table(header, rows):
    lines = ["| " + " | ".join(row) + " |\n" for row in [header, *rows]]
    lines.insert(1, "|---" + "|---:" * (len(header) - 1) + "|\n")
    return "".join(lines)


def speed_table(results):
    threads = results.threads()
    rows = []

    def each(case, contender, show):
        found = [results.find(case, contender, count) for count in threads]
        return " / ".join(show(f) for f in found if f)

    def best_other(case):
        shown = []
        for count in threads:
            found = [f for name in OTHERS if (f := results.find(case, name, count))]
            if found:
                shown.append(max(found, key=lambda f: f["median"]))
        names = " / ".join(dict.fromkeys(f["contender"] for f in shown))
        return f"{' / '.join(number(f['median']) for f in shown)} ({names})" if shown else ""

    for case in results.trainings():
        row = [case, each(case, "Kiln", lambda f: f"**{number(f['median'])}**")]
        if results.has_torch():
            row += [each(case, "libtorch", lambda f: number(f["median"])),
                    each(case, "Kiln", lambda f: f"{f['ratio']:.2f}x" if "ratio" in f else "")]
        rows.append(row + [best_other(case), each(case, "Kiln", lambda f: f"{100 * f['share_of_peak']:.0f} %")])
    counts = " / ".join(map(str, threads))
    header = [f"k samples/s, {counts} thread{'s' * (threads != [1])}", "Kiln"]
    header += ["libtorch", "Kiln : libtorch"] if results.has_torch() else []
    return table(header + ["best of the others", "Kiln's share of the FMA peak"], rows)


def cost_table(results):
    names = [name for name in ("Kiln", "libtorch", *OTHERS) if any(f["contender"] == name for f in results.figures)]
    cases = {"784-50-10, one image": "one image through 784-50-10",
             "784-512-512-10, one image": "one image through 784-512-512-10",
             "overhead of a step": "a step of `fit` with one parameter, batch 1",
             "start to first step": "start of the program to the end of its first step",
             "memory of training on MNIST": "peak memory of training on MNIST",
             "compile the README program": "compile the README's program, `-O2`",
             "compile the smallest MNIST program": "compile the smallest MNIST program, `-O2`",
             "compiler's memory, smallest MNIST program": "the compiler's memory for it",
             "size of the smallest MNIST program, stripped": "its size, stripped",
             "installed with dependencies": "installed with dependencies"}
    rows = []
    for case, shown in cases.items():
        found = [results.find(case, name) for name in names]
        if found[0]:
            cells = [number(f["median"]) if f else "" for f in found]
            rows.append([f"{shown}, {found[0]['unit']}", f"**{cells[0]}**", *cells[1:]])
    return table(["less is better", *names], rows)


def caption(results):
    about = results.files["train"]
    versions = ", ".join(f"{name} {re.split('[+-]', version)[0]}" for name, version in about["versions"].items())
    compiler = re.sub(r"^(\S+) .*?([\d.]+)$", r"\1 \2", about["compiler"])
    peaks = " / ".join(f"{about['peak_gflops'][str(count)]:.0f}" for count in results.threads())
    compiled = "its compile figures, and dlib's, are those of their part in the benchmark. "
    text = (f"Medians of interleaved rounds on {about['machine']}, {about['date']}: whole epochs of `Learner::fit` from a "
            f"plain `-O2` ({compiler}), against {versions}, each in the fastest of several settings, with as many CPUs as "
            f"threads. A time counts only after the losses of the first steps agree. FMA peak: {peaks} GFLOP/s. \"Eigen by "
            f"hand\" is an MLP written for the machine at hand, `-O3 -march=native`, products by Eigen or oneDNN"
            f"{'; ' + compiled if 'compile' in results.files else '. '}"
            f"`bench/results` has every figure, with its spread.")
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


STYLE = """text{fill:#24292f;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;\
font-size:12px}.title{font-size:15px;font-weight:600}.small{fill:#57606a;font-size:11px}.strong{font-weight:600}\
.end{text-anchor:end}.page{fill:#fff}.grid{stroke:#e4e8ec}.one{stroke:#57606a;stroke-dasharray:4 3}.kiln{fill:#0072b2}\
.torch{fill:#8c959f}.eigen{fill:#d3c199}.dlib{fill:#dfe3e8}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9da7b1}\
.page{fill:#0f1318}.grid{stroke:#262d35}.one{stroke:#9da7b1}.kiln{fill:#56b4e9}.torch{fill:#8b949e}.eigen{fill:#6f6344}.dlib{fill:#363d46}}"""


def picture(results):
    """Bars of training speeds, libtorch being 1; or, without it, shares of the FMA peak."""
    cases, threads, torch = results.trainings(), results.threads(), results.has_torch()
    names = [name for name in ("Kiln", "libtorch", *OTHERS) if any(results.find(case, name) for case in cases)]
    classes = {"Kiln": "kiln", "libtorch": "torch", "Eigen by hand": "eigen", "dlib": "dlib"}
    value = (lambda f: f.get("ratio")) if torch else (lambda f: f["share_of_peak"])
    values = [value(f) for f in results.figures if f["case"] in cases and value(f)]
    most = max(values) * 1.08
    label, panel, bar, gap, top = 196, 268 if len(threads) > 1 else 470, 10, 14, 74
    width = label + len(threads) * panel + 20
    heights = [sum(results.find(case, name, threads[0]) is not None for name in names) * (bar + 2) + gap for case in cases]
    bottom = top + sum(heights)
    what = "Training speed, libtorch = 1" if torch else "Training speed, share of the FMA peak"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 30}" '
           f'viewBox="0 0 {width} {bottom + 30}" role="img" aria-label="{what}">',
           f"<style>{STYLE}</style>", f'<rect class="page" width="{width}" height="{bottom + 30}"/>',
           f'<text class="title" x="16" y="26">{what}</text>']
    x = width - 16
    for name in reversed(names):
        x -= 7 * len(name) + 24
        out += [f'<rect class="{classes[name]}" x="{x}" y="16" width="11" height="11" rx="2"/>',
                f'<text x="{x + 16}" y="26">{name}</text>']
    for i, count in enumerate(threads):
        left = label + i * panel
        scale = (panel - 50) / most
        out.append(f'<text class="strong" x="{left}" y="{top - 14}">{count} thread{"s" * (count > 1)}</text>')
        step = 0.5 if torch else 0.2
        tick = 0
        while tick * step <= most:
            at = left + tick * step * scale
            is_one = torch and tick * step == 1
            out += [f'<line class="{"one" if is_one else "grid"}" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 6}" y2="{bottom}"/>',
                    f'<text class="small" style="text-anchor:middle" x="{at:.1f}" y="{bottom + 15}">{tick * step:g}</text>']
            tick += 1
        y = top
        for case, height in zip(cases, heights):
            bars = [(name, f) for name in names if (f := results.find(case, name, count)) and value(f)]
            if i == 0:
                middle = y + (height - gap) / 2
                model, rest = case.split(", ", 1)
                out += [f'<text class="end strong" x="{label - 12}" y="{middle - 1:.1f}">{escape(model)}</text>',
                        f'<text class="end small" x="{label - 12}" y="{middle + 12:.1f}">{escape(rest)}</text>']
            for row, (name, f) in enumerate(bars):
                at, long = y + row * (bar + 2), value(f) * scale
                out.append(f'<rect class="{classes[name]}" x="{left}" y="{at}" width="{long:.1f}" '
                           f'height="{bar}" rx="2"><title>{escape(name)}: {number(f["median"])} {f["unit"]}</title></rect>')
                if name == "Kiln":
                    shown = f"{value(f):.2f}" if torch else f"{100 * value(f):.0f} %"
                    out.append(f'<text class="small strong" x="{left + long + 5:.1f}" y="{at + 9.5}">{shown}</text>')
            y += height
    return "\n".join(out) + "\n</svg>\n"


def write_report():
    """Puts the tables between the README's two comments, and draws docs/images/bench.svg."""
    results = Results(ROOT / "bench/results")
    if "train" not in results.files:
        return
    readme = ROOT / "README.md"
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    shown = f"{speed_table(results)}\n{cost_table(results)}\n{caption(results)}"
    readme.write_text(before + BEGIN + "\n![training speed against libtorch](docs/images/bench.svg)\n\n" + shown + "\n" + END
                      + after)
    (ROOT / "docs/images/bench.svg").write_text(picture(results))
