"""Every example in a docstring of rushlight, run in the package that is installed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import rushlight

_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Run in processes of their own, or need a GPU.
_LEFT_OUT = ("rushlight.__main__", "rushlight.compat.child", "rushlight.kernels._native._core")


def _modules() -> list[str]:
    found = pkgutil.walk_packages(rushlight.__path__, "rushlight.")
    names = [m.name for m in found if not m.name.startswith(_LEFT_OUT)]
    return ["rushlight", *(n for n in names if not n.endswith(".cuda") or n == "rushlight.cuda")]


@pytest.mark.parametrize("name", _modules())
def test_examples(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.skip(str(error))
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=_FLAGS, verbose=False)
    report: list[str] = []
    for case in finder.find(module, name, globs={"rushlight": rushlight, "np": np}):
        if case.examples:
            rushlight.manual_seed(0)
            runner.run(case, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)
