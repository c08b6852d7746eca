"""Running a script, a module or standard input as the interpreter itself would have.

`runpy.run_path` takes argv, path and `__main__` back when the last line has run, while threads,
exit handlers and worker processes may still need them; here they stay.
"""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pkgutil import get_importer
from types import ModuleType, TracebackType
from typing import Any, NoReturn

from ..compat import explain

# Modules whose frames stand before the script's own in a traceback, and those at its end where a
# name is missing.
_LAUNCHERS = {__name__, "runpy"}
_HOOK = {"rushlight.compat._hook", "rushlight.compat.report"}


class CannotReadError(Exception):
    """The script's file cannot be read."""


def run_file(path: str, arguments: Sequence[str]) -> None:
    """Run a script, a folder or archive with a `__main__.py`, or standard input (`-`).

    Raises:
        CannotReadError: there is no such file, or it cannot be read.
    """
    words = [path, *arguments]
    if path == "-":
        _start("", words, _execute, sys.stdin.read(), "<stdin>", __file__="<stdin>")
    elif get_importer(path) is not None:
        _start(os.path.abspath(path), words, _run_module_as_main, "__main__", False)
    else:
        full = os.path.abspath(path)
        try:
            with io.open_code(full) as file:
                source = file.read()
        except OSError as error:
            reason = f"[Errno {error.errno}] {error.strerror}"
            raise CannotReadError(f"can't open file {full!r}: {reason}") from None
        folder = os.path.dirname(os.path.realpath(path))
        _start(folder, words, _execute, source, full, __file__=full, __cached__=None)


def run_module(name: str, arguments: Sequence[str]) -> None:
    """Run a module, or the `__main__` of a package, as `python -m` does."""
    _start(os.getcwd(), ["-m", *arguments], _run_module_as_main, name)


# The function that the interpreter itself calls for `python -m` and for folders.
_run_module_as_main: Callable[..., Any] = runpy._run_module_as_main  # type: ignore[attr-defined]


def _execute(source: str | bytes, filename: str) -> None:
    code = compile(source, filename, "exec", dont_inherit=True)
    exec(code, vars(sys.modules["__main__"]))


def _start(
    folder: str, words: list[str], run: Callable[..., Any], *inputs: Any, **attributes: Any
) -> None:
    """Set argv, path and a new `__main__` up, and run."""
    sys.argv[:] = words
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder
    main = ModuleType("__main__")
    if "__file__" in attributes:
        main.__loader__ = SourceFileLoader("__main__", attributes["__file__"])
    vars(main).update(__builtins__=builtins, **attributes)
    sys.modules["__main__"] = main
    try:
        run(*inputs)
    except SystemExit:
        raise
    except BaseException as error:
        _fail(error)


def _fail(error: BaseException) -> NoReturn:
    """Show an uncaught exception without our frames, and end as the script would have."""
    error.__traceback__ = _of_the_script(error.__traceback__)
    sys.excepthook(type(error), error, error.__traceback__)
    hint = explain(error)
    if hint is not None:
        print(f"rushlight: {hint}", file=sys.stderr)
    # The interpreter knows best how to end (code 1, or killed by Ctrl-C); it has been shown.
    sys.excepthook = lambda *shown: None
    raise error


def _of_the_script(trace: TracebackType | None) -> TracebackType | None:
    """Cut our frames off both ends of a traceback."""
    while trace is not None and _module_of(trace) in _LAUNCHERS:
        trace = trace.tb_next
    last = each = trace
    while each is not None:
        if _module_of(each) not in _HOOK:
            last = each
        each = each.tb_next
    if last is not None:
        last.tb_next = None
    return trace


def _module_of(trace: TracebackType) -> str:
    name: str = trace.tb_frame.f_globals.get("__name__", "")
    return name
