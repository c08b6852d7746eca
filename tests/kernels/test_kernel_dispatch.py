"""The kernel decorator: dispatch, declining, switching fast paths off."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from rushlight.kernels import all_kernels, describe, kernel, reference_only
from rushlight.kernels._kernel import _registry


@pytest.fixture
def double():
    @kernel
    def double(x, times=1):
        """Reference."""
        return ("reference", x, times)

    yield double
    _registry.remove(double)


def test_without_a_fast_path_the_reference_runs(double):
    assert double(3) == ("reference", 3, 1)
    assert double.__name__ == "double"
    assert double.__doc__ == "Reference."


def test_dispatch_is_by_the_exact_type_of_the_first_argument(double):
    @double.fast(list)
    def path(x, times=1):
        return ("fast", x, times)

    class MyList(list):
        pass

    with reference_only(False):
        assert double([1], times=2) == ("fast", [1], 2)
        assert double((1,)) == ("reference", (1,), 1)
        assert double(MyList()) == ("reference", [], 1)
    assert double.paths == {list: path}


def test_a_declined_call_reaches_the_reference_with_all_arguments(double):
    double.fast(list)(lambda x, times=1: NotImplemented)
    with reference_only(False):
        assert double([1], 5) == ("reference", [1], 5)
        assert double([1], times=5) == ("reference", [1], 5)


def test_reference_only_nests_and_restores(double):
    double.fast(list)(lambda x, times=1: "fast")
    before = double([])
    with reference_only():
        assert double([])[0] == "reference"
        with reference_only(False):
            assert double([]) == "fast"
        assert double([])[0] == "reference"
    assert double([]) == before


def test_a_path_registered_inside_reference_only_waits(double):
    with reference_only():
        double.fast(list)(lambda x, times=1: "fast")
        assert double([])[0] == "reference"
    with reference_only(False):
        assert double([]) == "fast"


def test_every_kernel_documents_its_contract():
    assert len(all_kernels()) > 30
    assert [k for k in all_kernels() if not k.__doc__] == []


def test_describe_lists_every_kernel():
    info = describe()
    assert len(info["kernels"]) == len(all_kernels())
    assert info["threads"] >= 1
    for paths in info["kernels"].values():
        assert paths[-1] == "reference"


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RUSHLIGHT_KERNELS": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_environment_switches_fast_paths_off():
    code = (
        "from rushlight.kernels import activation, describe\n"
        "assert not activation.relu.active\n"
        "assert describe()['kernels']['activation.relu'] == ['reference']"
    )
    _run(code, RUSHLIGHT_KERNELS="reference")


WITHOUT_EXTENSION = (
    "import sys, numpy as np\n"
    "sys.modules['rushlight.kernels._native._core'] = None\n"
    "from rushlight.kernels import activation, describe\n"
    "x = np.array([-1, 2], np.float32)\n"
    "for _ in range(3):\n"
    "    assert activation.relu(x).tolist() == [0, 2]\n"
    "info = describe()\n"
    "assert not info['extension'] and info['level'] == 'none'\n"
    "assert info['reason'] == 'it was not built when rushlight was installed'"
)


def test_a_missing_extension_is_noted_once_and_nothing_breaks():
    done = _run(WITHOUT_EXTENSION, RUSHLIGHT_QUIET="")
    assert done.stderr.count("native extension is missing") == 1
    assert done.stderr.count("\n") == 1


def test_the_note_can_be_silenced():
    assert _run(WITHOUT_EXTENSION, RUSHLIGHT_QUIET="1").stderr == ""


def test_no_note_before_first_use():
    assert _run(WITHOUT_EXTENSION.split("for _")[0], RUSHLIGHT_QUIET="").stderr == ""


def test_arrays_of_other_modules_fall_to_the_reference():
    from rushlight.kernels import activation

    class Foreign(np.ndarray):
        pass

    x = np.array([-1.0, 1.0], np.float32).view(Foreign)
    assert isinstance(activation.relu(x), Foreign)
