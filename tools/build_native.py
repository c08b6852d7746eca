"""Build the native extension into the source tree, for development.

Usage: python tools/build_native.py [--levels v3] [--debug] [--clean]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def program(name: str) -> str:
    """Prefer the tool that lies beside the running interpreter."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", help="capability levels, lowest first, e.g. 'v3' or 'plain;v3'")
    parser.add_argument("--debug", action="store_true", help="sanitizers and no optimisation")
    parser.add_argument("--clean", action="store_true", help="start from an empty build folder")
    args = parser.parse_args()

    build = ROOT / "build" / ("debug" if args.debug else "native")
    if args.clean:
        shutil.rmtree(build, ignore_errors=True)
    configure = [
        *(program("cmake"), "-S", str(ROOT), "-B", str(build)),
        f"-DPython_EXECUTABLE={sys.executable}",
        "-DRUSHLIGHT_INPLACE=ON",
        "-DRUSHLIGHT_WERROR=ON",
    ]
    if shutil.which(program("ninja")):
        configure += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={shutil.which(program('ninja'))}"]
    if args.levels:
        configure.append(f"-DRUSHLIGHT_LEVELS={args.levels}")
    if args.debug:
        flags = "-O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer"
        configure += ["-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_CXX_FLAGS={flags}"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    jobs = str(min(4, os.cpu_count() or 1))
    subprocess.run([program("cmake"), "--build", str(build), "--parallel", jobs], check=True)


if __name__ == "__main__":
    main()
