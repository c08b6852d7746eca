"""Every example in a docstring of rushlight, run in the package that is installed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import rushlight
from rushlight.kernels import _native

_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Run in processes of their own, or need a GPU.
_LEFT_OUT = ("rushlight.__main__", "rushlight.compat.child", "rushlight.kernels._native._core")


# Loading one of these registers its fast paths, which must be able to run.
_FAST_PATHS = (".cuda",) if _native.core is not None else (".cuda", ".cpu")


def _modules() -> list[str]:
    found = pkgutil.walk_packages(rushlight.__path__, "rushlight.")
    names = ["rushlight", *(m.name for m in found if not m.name.startswith(_LEFT_OUT))]
    return [n for n in names if not (".kernels." in n and n.endswith(_FAST_PATHS))]


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
