"""A user's `setup.py`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rushlight.utils.cpp_extension import BuildExtension, CppExtension, include_paths

from .conftest import ANSWER, child_environment

pytest.importorskip("setuptools")

SETUP = """
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension

setup(
    name="tiny",
    version="0.1",
    packages=["tiny"],
    ext_modules=[
        CppExtension(
            "tiny._C",
            ["csrc/tiny.cpp", "csrc/value.cpp", "csrc/plain.c"],
            extra_compile_args={"cxx": ["-O0", "-DVALUE=value()"], "nvcc": ["-O3"]},
            libraries=["c10"],
        )
    ],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
)
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "setup.py").write_text(SETUP)
    (tmp_path / "csrc").mkdir()
    (tmp_path / "csrc" / "tiny.cpp").write_text("int value();\n" + ANSWER)
    source = 'extern "C" int plain(void);\nint value() { return plain(); }\n'
    (tmp_path / "csrc" / "value.cpp").write_text(source)
    (tmp_path / "csrc" / "plain.c").write_text("int plain(void) { int new = 42; return new; }\n")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "__init__.py").write_text("from tiny._C import answer\n")
    return tmp_path


def run(project, *words):
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project,
        env=child_environment(),
        capture_output=True,
        text=True,
    )


def test_build_ext_inplace(compiler, project):
    done = run(project, "rushlight", "run", "setup.py", "build_ext", "--inplace")
    assert done.returncode == 0, done.stdout + done.stderr
    code = "import tiny; assert tiny.answer() == 42"
    done = subprocess.run([sys.executable, "-c", code], cwd=project, env=child_environment())
    assert done.returncode == 0


def test_names_and_paths(monkeypatch):
    from setuptools import Distribution

    from rushlight.utils.cpp_extension import BuildExtension, CppExtension, CUDAExtension

    extension = CppExtension("a.b", ["b.cpp"], include_dirs=["mine"], libraries=["torch", "m"])
    assert extension.include_dirs == ["mine", *include_paths()]
    assert extension.libraries == ["m"]
    assert CUDAExtension("a", ["a.cu"], extra_compile_args={"nvcc": ["-O3"]}).language == "c++"

    command = BuildExtension.with_options(no_python_abi_suffix=True, use_ninja=True)
    assert issubclass(command, BuildExtension)
    assert command(Distribution()).get_ext_filename("a.b") in ("a/b.so", "a\\b.pyd")


def test_no_compiler(project, monkeypatch):
    from setuptools import Distribution

    from rushlight.utils.cpp_extension import BuildExtension, CppExtension

    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    extensions = [CppExtension("tiny", ["csrc/tiny.cpp"])]
    command = BuildExtension(Distribution({"name": "tiny", "ext_modules": extensions}))
    command.ensure_finalized()
    with pytest.raises(RuntimeError, match=r"needs a C\+\+ compiler"):
        command.run()


def test_headers_that_nobody_includes(tmp_path):
    from setuptools import Distribution

    source = tmp_path / "ops.cpp"
    source.write_text("#include <torch/types.h>\nvoid f() { std::cout << 1; }\n")
    extension = CppExtension("ops", [str(source), "plain.c"])
    command = BuildExtension(Distribution())
    command.include_dirs = []
    assert command._implied(extension) == ["-includeiostream"]
