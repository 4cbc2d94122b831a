#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""Runs the benchmarks that scripts/bench has built and writes bench/results; see there."""
import argparse
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from compile_cost import compile_cost, show_compile_cost
from report import write_report

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench/results"
LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
CPUS = sorted(os.sched_getaffinity(0))
THREADS = (1, 2)[:len(CPUS)]


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine(build):
    """What a figure depends on besides the code."""
    cpu = re.search(r"Model name: *(.*)", output("lscpu")) or re.search(r"Architecture: *(.*)", output("lscpu"))
    packages = {"libtorch": "libtorch-dev", "Eigen": "libeigen3-dev", "dlib": "libdlib-dev", "oneDNN": "libdnnl-dev",
                "OpenBLAS": "libopenblas-dev", "BLIS": "libblis-openmp-dev"}
    versions = {name: output("dpkg-query", "--show", "--showformat=${Version}", package)
                for name, package in packages.items()}
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w+=(.*)", (build / "CMakeCache.txt").read_text())[1]
    return {"machine": f"{cpu[1] if cpu else 'unknown'}, {len(CPUS)} CPUs", "system": " ".join(os.uname()[::2]),
            "compiler": output(compiler, "--version").split("\n")[0], "date": time.strftime("%Y-%m-%d"),
            "commit": output("git", "rev-parse", "--short", "HEAD"),
            "versions": {name: version for name, version in versions.items() if version}}


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive")[::2] if len(values) > 1 else values * 2


class Process:
    """A contender that is running; bench/train.hpp has its commands."""

    def __init__(self, program, environment, threads):
        self.program = program
        cpus = set(CPUS[:threads])  # so that nobody's helper threads get more than others have
        self.process = subprocess.Popen([program, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **environment},
                                        preexec_fn=lambda: os.sched_setaffinity(0, cpus))

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"{self.program} ended at `{command}`")
        return answer

    def begin(self, work):
        """Samples of an epoch, arithmetic of each, and what the check found; None if it does not do this."""
        answer = self.ask("begin " + work)
        return None if answer == "none" else [float(word) for word in answer.split()]

    def run(self):
        return [float(word) for word in self.ask("run").split()]

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def contenders(build, threads):
    """For each name the ways to run it, of which the fastest counts at each work."""
    count = str(threads)
    openmp = {"OMP_NUM_THREADS": count}
    openblas = {**openmp, "OPENBLAS_NUM_THREADS": "1"}  # with more, its threads and OpenMP's are in each other's way
    blis = {**openmp, "LD_LIBRARY_PATH": str(LIBRARIES / "blis-openmp"), "BLIS_NUM_THREADS": count}
    # The C library gives freed memory back to the system, which then clears it again at every step.
    keep = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824",
            "MALLOC_TOP_PAD_": "268435456"}
    avx2 = {"OPENBLAS_CORETYPE": "Haswell"}  # its kernels for AVX2 are faster at some shapes than those for AVX-512
    torch = [{**openblas, **keep}]
    if "avx2" in output("grep", "-m1", "flags", "/proc/cpuinfo"):
        torch.append({**openblas, **avx2, **keep})
    if (LIBRARIES / "blis-openmp").exists():
        torch.append({**blis, **keep})
    ways = {"Kiln": [("train", {"KILN_THREADS": count})],
            "libtorch": [("train_torch", environment) for environment in torch],
            "Eigen by hand": [("train_eigen", {**openmp, **keep}), ("train_eigen_onednn", {**openmp, **keep})],
            "dlib": [("train_dlib", {**openblas, **keep}), ("train_dlib", {**openblas, **avx2, **keep})]}
    found = {name: [(str(build / "bench" / f"bench_{program}"), environment) for program, environment in programs
                    if (build / "bench" / f"bench_{program}").exists()] for name, programs in ways.items()}
    return {name: programs for name, programs in found.items() if programs}


def compilers(build, threads):
    """Kiln's program as each compiler makes it, in build folders next to `build`."""
    names = {"g++ -O2": "-gcc", "g++ -O3 -march=native": "-gcc-native", "clang++ -O2": "-clang",
             "clang++ -O3 -march=native": "-clang-native"}
    return {name: [(f"{build}{suffix}/bench/bench_train", {"KILN_THREADS": str(threads)})]
            for name, suffix in names.items()}


def require_same(work, name, found, expected):
    """Ends all of it unless a contender does the same work as Kiln. Most agree to six digits; libtorch's batch norms of
    channels-last images do not."""
    for step, (x, y) in enumerate(zip(found, expected)):
        if not abs(x - y) <= 2e-3 * abs(y) + 1e-5:
            sys.exit(f"{work}: {name} must find what Kiln finds, {y:g} at step {step + 1}: it found {x:g}")
    if len(found) != len(expected):
        sys.exit(f"{work}: {name} must make {len(expected)} steps: it made {len(found)}")


def enter(work, processes):
    """The contenders that do this work, warm, each in its fastest way; samples; arithmetic of one."""
    entrants, expected, first_loss, samples, arithmetic = {}, None, None, 0, 0
    for name, ways in processes.items():
        times = {}
        for process in ways:
            begun = process.begin(work)
            if begun is None:
                continue
            samples, arithmetic, *found = begun
            if expected is None:
                expected = found
            require_same(work, name, found, expected)
            seconds, loss = process.run()
            if first_loss is None:
                first_loss = loss
            if not abs(loss - first_loss) <= 0.2 * abs(first_loss) + 1e-5:  # they shuffle differently
                sys.exit(f"{work}: {name} must reach about the loss of Kiln, {first_loss:g}: it reached {loss:g}")
            times[process] = seconds
        if times:
            entrants[name] = min(times, key=times.get)
    return entrants, samples, arithmetic


def train(ways_with, reference, quick, only):
    """Rounds of all works on one and two threads. `ways_with(threads)` are the contenders, the first of whom says what
    the others must find; `reference` is the one whose speed is 1."""
    figures, peaks = [], {}
    for threads in THREADS[-1:] if quick else THREADS:
        processes = {name: [Process(program, environment, threads) for program, environment in ways[:1 if quick else 9]]
                     for name, ways in ways_with(threads).items()}
        kiln = next(iter(processes.values()))[0]
        works = [work for work in kiln.ask("list").split(";") if work]
        kiln.begin("FMA peak")
        peaks[threads] = max(kiln.run()[1] for _ in range(10))
        say(f"FMA peak of {threads} thread{'s' * (threads > 1)}: {peaks[threads]:.0f} GFLOP/s")
        for work in works:
            if work in ("first step", "FMA peak") or not re.search(only, work):
                continue
            if threads > 1 and not quick and re.search("one image|overhead", work):
                continue
            entrants, samples, arithmetic = enter(work, processes)
            times = {name: [] for name in entrants}
            begin = time.monotonic()
            while True:
                for name, process in entrants.items():
                    seconds, loss = process.run()
                    if not math.isfinite(loss):
                        sys.exit(f"{work}: {name} has a loss of {loss}")
                    times[name].append(seconds)
                rounds, spent = len(times[name]), time.monotonic() - begin
                if quick or rounds >= 25 or (rounds >= 5 and spent + spent / rounds > 4):
                    break
            figures += [figure(work, threads, name, taken, times.get(reference), samples, arithmetic, peaks[threads])
                        for name, taken in times.items()]
            show(figures[-len(times):], reference)
        for ways in processes.values():
            for process in ways:
                process.end()
    return {"peak_gflops": peaks, "reference": reference, "figures": figures}


def figure(work, threads, name, taken, reference, samples, arithmetic, peak):
    """Times of rounds as a figure: k samples/s, or us where a single call is what counts. `ratio` is how many times as
    fast as the reference it is, the median over the rounds."""
    single = re.search("one image|overhead", work)
    values = [seconds / samples * 1e6 if single else samples / seconds / 1e3 for seconds in taken]
    result = {"case": work, "contender": name, "threads": threads, "unit": "us" if single else "k samples/s",
              "median": statistics.median(values), "best": (min if single else max)(values),
              "quartiles": quartiles(values), "rounds": len(values)}
    if arithmetic > 1000:
        result["share_of_peak"] = arithmetic * samples / statistics.median(taken) / (peak * 1e9)
    if reference:
        result["ratio"] = statistics.median(y / x for x, y in zip(taken, reference))
    return result


def show(figures, reference=""):
    def text(f):
        spread = (f["quartiles"][1] - f["quartiles"][0]) / 2 / f["median"]
        ratio = f" ({f['ratio']:.2f}x {reference})" if "ratio" in f and f["contender"] != reference else ""
        rounds = f" +-{100 * spread:.0f} %" if f["rounds"] > 1 else ""
        return f"{f['contender']} {f['median']:.3g}{rounds}{ratio}"

    first = figures[0]
    threads = f", {first['threads']} thread{'s' * (first['threads'] > 1)}" if "threads" in first else ""
    say(f"  {first['case']}{threads}, {first['unit']}: {', '.join(map(text, figures))}")


def memory(build):
    """The most memory that training on MNIST takes, each in a process of its own."""
    work, figures = "784-512-512-10, batch 64, SGD", []
    for name, ways in contenders(build, 1).items():
        process = Process(ways[0][0], {"OPENBLAS_NUM_THREADS": "1"}, min(2, len(CPUS)))
        if process.begin(work):
            process.run()
            peak = float(process.ask("peak"))
            figures.append({"case": "memory of training on MNIST", "contender": name, "unit": "MB", "median": peak,
                            "best": peak, "quartiles": [peak, peak], "rounds": 1})
        process.end()
    show(figures)
    return figures


def first_step(build, rounds):
    """From the start of the program to the end of its first training step, without reading data."""
    times = {name: [] for name in contenders(build, 1)}
    for _ in range(rounds):
        for name in list(times):
            begin = time.monotonic()
            process = Process(*contenders(build, 1)[name][0], min(2, len(CPUS)))
            done = process.begin("first step")
            if done:
                times[name].append((time.monotonic() - begin) * 1e3)
            else:
                del times[name]
            process.end()
    figures = [{"case": "start to first step", "contender": name, "unit": "ms", "median": statistics.median(taken),
                "best": min(taken), "quartiles": quartiles(taken), "rounds": rounds} for name, taken in times.items()]
    show(figures)
    return figures


def kernels(name, build, quick):
    """A benchmark that lets kernels take turns by itself, once for each number of threads."""
    figures, peaks = [], {}
    for threads in THREADS[-1:] if quick else THREADS:
        path = build / f"{name}_{threads}.json"
        command = [build / f"bench/bench_{name}", "--threads", threads, "--json", path, *["--quick"] * quick]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL if quick else sys.stderr)
        result = json.loads(path.read_text())
        peaks[threads] = result["peak_gflops"]
        figures += [{**figure, "threads": threads} for figure in result["figures"]]
    return {"peak_gflops": peaks, "figures": figures}


def write_result(part, result):
    """As JSON, a figure to a line, with four digits."""
    short = json.loads(json.dumps(result), parse_float=lambda text: float(f"{float(text):.4g}"))
    head = [f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in short.items() if key != "figures"]
    figures = ",\n".join(f"  {json.dumps(figure)}" for figure in short["figures"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{part}.json").write_text("{\n" + "".join(head) + ' "figures": [\n' + figures + "\n ]\n}\n")


def run_part(part, build, quick, only):
    if part == "compile":
        result = compile_cost(build, quick)
        show_compile_cost(result)
        return result
    if part == "compilers":
        return train(lambda threads: compilers(build, threads), "g++ -O2", quick, only)
    if part != "train":
        return kernels(part, build, quick)
    result = train(lambda threads: contenders(build, threads), "libtorch", quick, only)
    if not only:
        result["figures"] += memory(build) + first_step(build, 1 if quick else 7)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("parts", nargs="+")
    options = parser.parse_args()
    build, quick = options.build, options.quick
    about, failed = machine(build), []
    if quick:
        say("One round each, and others not in their best setting: whether it works, not how fast.")
    for part in options.parts:
        say(f"\n{part}")
        begin = time.monotonic()
        try:
            result = run_part(part, build, quick, options.only)
        except (SystemExit, Exception) as error:  # the other parts are worth having all the same
            say(f"{part} failed: {error}")
            failed.append(part)
            continue
        say(f"({time.monotonic() - begin:.0f} s)")
        if not quick and not options.only:
            write_result(part, {"name": part, **about, **result})
            write_report()
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


main()
