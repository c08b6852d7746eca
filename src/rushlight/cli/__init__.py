"""The command `rushlight`: one module per sub-command, imported when that command is given."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

# The sub-commands: a module here with `main(arguments) -> exit code`, and its line in the help.
COMMANDS = {
    "train": "train LeNet-5 on handwritten digits",
    "run": "run an unchanged PyTorch script on rushlight",
    "bench": "measure rushlight, beside PyTorch and others",
    "info": "show versions, processor, threads, kernels and GPUs",
}

_USAGE = "usage: rushlight COMMAND [ARGUMENTS]"

_EXAMPLES = """\
examples:
  rushlight train lenet5                 train on the digits that come with rushlight
  rushlight run train.py --epochs 3      what `python train.py --epochs 3` would run on PyTorch
  rushlight run -m package.train         the same for `python -m package.train`
  rushlight run --report train.py        and list the torch names used, and those missing
  rushlight bench conv-relu              a fused operator against separate layers
  rushlight info                         what this machine has, and what rushlight uses of it

`rushlight COMMAND --help` explains a command. `python -m rushlight` works like `rushlight`."""


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join([_USAGE, "", "commands:", *lines])


def _version() -> str:
    from ..version import TORCH_RELEASES, __version__

    return f"rushlight {__version__} (follows torch {TORCH_RELEASES['torch'].partition('+')[0]})"


def _unknown(name: str) -> int:
    print(f"rushlight: no command {name!r}", file=sys.stderr)
    nearest = difflib.get_close_matches(name, COMMANDS, n=1)
    if nearest:
        print(f"Did you mean `rushlight {nearest[0]}`?", file=sys.stderr)
    elif name.endswith(".py"):
        print(f"To run a script: rushlight run {name}", file=sys.stderr)
    else:
        print(f"There are: {', '.join(COMMANDS)}", file=sys.stderr)
    return 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: the words after `rushlight` (default: those of this process).
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        print(f"{_version()}\n{_overview()}\n\n`rushlight --help` shows examples.")
        return 0
    name, *rest = words
    if name in ("-h", "--help", "help"):
        print(f"{_overview()}\n\n{_EXAMPLES}")
        return 0
    if name in ("-V", "--version"):
        print(_version())
        return 0
    if name not in COMMANDS:
        return _unknown(name)
    command = importlib.import_module(f".{name}", __name__)
    exit_code: int = command.main(rest)
    return exit_code
