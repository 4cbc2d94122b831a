# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT
"""What compiling costs: seconds of the processor and the compiler's memory, without ccache or precompiled headers."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
TORCH = pathlib.Path("/usr/include/torch/csrc/api/include")
EIGEN = pathlib.Path("/usr/include/eigen3")


def spend(command):
    """Processor time in seconds and the largest process's memory in MB."""
    process = subprocess.Popen([str(word) for word in command], env={**os.environ, "CCACHE_DISABLE": "1"}, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"could not compile: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024e-6


def readme_program(folder):
    """The first program of the README."""
    blocks = re.findall(r"```cpp\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    path = folder / "readme.cpp"
    path.write_text(next(block for block in blocks if "int main(" in block))
    return path


def folder_mb(*folders):
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()) * 1e-6


def with_dependencies(*packages):
    command = ["apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests", "--no-conflicts",
               "--no-breaks", "--no-replaces", "--no-enhances", *packages]
    listed = subprocess.run(command, capture_output=True, text=True).stdout.split("\n")
    return {line for line in listed if re.match(r"\w", line)}


def package_mb(package):
    """A package with all that it depends on, but for what a compiler and Eigen, as Kiln wants them, bring along; 0 if it
    is not installed."""
    try:
        packages = with_dependencies(package) - with_dependencies("g++", "libeigen3-dev", "zlib1g-dev")
    except OSError:
        return 0
    sizes = subprocess.run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Installed-Size}\n", *packages],
                           capture_output=True, text=True).stdout.split("\n") if packages else []
    return sum(int(line.split()[1]) for line in sizes if line.startswith("installed ")) * 1024e-6


def compile_cost(build, quick):
    compiler = re.search(r"CMAKE_CXX_COMPILER:\w+=(.*)", (build / "CMakeCache.txt").read_text())[1]
    flags = [compiler, "-std=c++20", "-I", ROOT / "include", "-I", EIGEN]
    figures = []

    def add(case, contender, unit, value):
        figures.append({"case": case, "contender": contender, "unit": unit, "median": value})

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        smallest, libraries = "smallest MNIST program", ["-lz", "-pthread"]
        programs = [("README program", "Kiln", readme_program(folder), libraries),
                    (smallest, "Kiln", ROOT / "bench/smallest/kiln.cpp", libraries),
                    (smallest, "Eigen by hand", ROOT / "bench/eigen/train.cpp", libraries)]
        if TORCH.exists():
            programs.append((smallest, "libtorch", ROOT / "bench/smallest/torch.cpp",
                             ["-isystem", TORCH, "-ltorch", "-ltorch_cpu", "-lc10"]))
        if pathlib.Path("/usr/include/dlib/dnn.h").exists():
            programs.append((smallest, "dlib", ROOT / "bench/dlib/train.cpp", ["-ldlib", "-lblas", "-llapack", "-lz"]))
        for case, contender, source, options in programs[1:2] if quick else programs:
            program = folder / "program"
            seconds, memory = spend([*flags, "-O2", source, "-o", program, *options])
            subprocess.run(["strip", program], check=True)
            add(f"compile the {case}", contender, "s", seconds)
            add(f"compiler's memory, {case}", contender, "MB", memory)
            add(f"size of the {case}, stripped", contender, "kB", program.stat().st_size * 1e-3)

        subprocess.run(["cmake", "--install", build, "--prefix", folder / "installed"], check=True,
                       stdout=subprocess.DEVNULL)
        zlib = sum(os.path.getsize(f"/usr/include/{name}") for name in ("zlib.h", "zconf.h")) * 1e-6
        add("installed with dependencies", "Kiln", "MB", folder_mb(folder / "installed", EIGEN) + zlib)
        add("installed with dependencies", "Eigen by hand", "MB", folder_mb(EIGEN) + zlib)
        for contender, package in ("libtorch", "libtorch-dev"), ("dlib", "libdlib-dev"):
            if size := package_mb(package):
                add("installed with dependencies", contender, "MB", size)

        headers = sorted((ROOT / "include").rglob("*.hpp"))
        headers = [header for header in headers if header.name != "jpeg.hpp"]  # which needs a library of its own
        examples = sorted((ROOT / "examples").glob("[a-z]*.cpp"))  # without the chapters of the course
        jobs = [(f"examples/{path.name}", [*flags, "-O2", "-c", path, "-o", folder / f"{path.name}.o"])
                for path in ([] if quick else examples)]
        for path in headers[:2] if quick else headers:
            source = folder / (str(path.relative_to(ROOT)).replace("/", "_") + ".cpp")
            source.write_text(f'#include "{path}"\n')
            jobs.append((str(path.relative_to(ROOT / "include")), [*flags, "-O2", "-fsyntax-only", source]))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (what, _), (seconds, memory) in zip(jobs, pool.map(spend, [command for _, command in jobs])):
                add(f"compile {what}", "Kiln", "s", seconds)
                add(f"compiler's memory, {what}", "Kiln", "MB", memory)
    return {"figures": figures}


def show_compile_cost(result):
    """The programs, then the most expensive headers and examples."""
    for figure in result["figures"]:
        if ".hpp" not in figure["case"] and "examples/" not in figure["case"]:
            print(f"  {figure['case']}, {figure['contender']}: {figure['median']:.3g} {figure['unit']}", file=sys.stderr)
    for ending in (".hpp", ".cpp"):
        costs = [f for f in result["figures"] if f["case"].endswith(ending) and f["unit"] == "s"]
        for figure in sorted(costs, key=lambda f: -f["median"])[:10]:
            print(f"  {figure['case']}: {figure['median']:.1f} s", file=sys.stderr)
