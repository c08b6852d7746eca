"""`rushlight run`: a PyTorch script, unchanged, with rushlight in torch's place."""

from __future__ import annotations

import argparse
import atexit
import sys
from collections.abc import Sequence

from . import _script

_DESCRIPTION = """\
Run an unchanged PyTorch script: `import torch`, `import torchvision` and their like give
rushlight, in the processes that the script starts too, whether or not PyTorch is installed.
Everything else is as `python SCRIPT ARGS` would have it."""

_EXAMPLES = """\
examples:
  rushlight run train.py --lr 0.1 --epochs 3
  rushlight run -m package.train --lr 0.1
  rushlight run --report train.py
  echo 'import torch; print(torch.__version__)' | rushlight run -"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rushlight run",
        usage="rushlight run [--report] (SCRIPT | -m MODULE | -) [ARGS ...]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "script",
        nargs="?",
        metavar="SCRIPT",
        help="a file, a folder with __main__.py, or - (stdin)",
    )
    parser.add_argument(
        "-m", dest="module", metavar="MODULE", help="run a module, as python -m does"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="at exit, list the torch names the script used and those rushlight lacks",
    )
    return parser


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the words after `run` into our own, up to the script's name, and the script's."""
    for position, word in enumerate(words):
        if word == "-m":
            end = position + 2
        elif word == "-" or not word.startswith("-"):
            end = position + 1
        else:
            continue
        return list(words[:end]), list(words[end:])
    return list(words), []


def main(words: Sequence[str]) -> int:
    """Run the script that the words name. Exits the way the script does."""
    ours, script_words = _split(words)
    parser = _parser()
    options = parser.parse_args(ours)
    if options.script is None and options.module is None:
        parser.error("give a script or -m MODULE")

    from .. import compat
    from ..compat.report import Usage

    usage = Usage() if options.report else None
    try:
        compat.install(report=usage)
    except RuntimeError as error:
        print(f"rushlight run: {error}", file=sys.stderr)
        return 1
    if usage is not None:
        atexit.register(usage.print)
    try:
        if options.module is None:
            _script.run_file(options.script, script_words)
        else:
            _script.run_module(options.module, script_words)
    except _script.CannotReadError as error:
        print(f"rushlight run: {error}", file=sys.stderr)
        return 2
    return 0
