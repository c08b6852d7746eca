"""`rushlight run` is `python`, with rushlight in torch's place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SHOW_START = """
import json, os, sys
main = sys.modules["__main__"]
print(json.dumps({
    "argv": sys.argv,
    "path0": sys.path[0],
    "name": __name__,
    "file": globals().get("__file__"),
    "package": __package__,
    "spec": getattr(__spec__, "name", None),
    "is_main": vars(main) is globals(),
    "builtins": type(__builtins__).__name__,
    "loader": type(__loader__).__name__,
}))
"""


def as_python_has_it(folder: Path, *words: str, stdin: str = "") -> dict:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


class TestStart:
    """argv, sys.path and __main__ are those that `python` gives the same words."""

    def test_script(self, tmp_path, command):
        (tmp_path / "script.py").write_text(SHOW_START)
        words = ["script.py", "--lr", "0.1", "-m", "--report", "--", "--help"]
        ours = json.loads(command("run", *words).stdout)
        assert ours == as_python_has_it(tmp_path, *words)
        assert ours["argv"] == words

    def test_script_elsewhere_and_behind_a_link(self, tmp_path, command):
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "script.py").write_text(SHOW_START)
        (tmp_path / "link.py").symlink_to("real/script.py")
        for words in (["real/script.py", "x"], ["link.py"]):
            ours = json.loads(command("run", *words).stdout)
            assert ours == as_python_has_it(tmp_path, *words)

    def test_module_and_package(self, tmp_path, command):
        (tmp_path / "package" / "inner").mkdir(parents=True)
        (tmp_path / "package" / "__init__.py").write_text("")
        (tmp_path / "package" / "train.py").write_text(SHOW_START)
        (tmp_path / "package" / "inner" / "__main__.py").write_text(SHOW_START)
        for words in (["-m", "package.train", "-m", "x"], ["-m", "package.inner", "--report"]):
            ours = json.loads(command("run", *words).stdout)
            assert ours == as_python_has_it(tmp_path, *words)

    def test_folder_and_archive(self, tmp_path, command):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "__main__.py").write_text(SHOW_START)
        with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
            archive.writestr("__main__.py", SHOW_START)
        for words in (["folder", "a"], ["archive.zip", "a"]):
            ours = json.loads(command("run", *words).stdout)
            assert ours == as_python_has_it(tmp_path, *words)

    def test_standard_input(self, tmp_path, command):
        ours = json.loads(command("run", "-", "a", "--b", stdin=SHOW_START).stdout)
        python = as_python_has_it(tmp_path, "-", "a", "--b", stdin=SHOW_START)
        assert {**ours, "loader": ""} == {**python, "loader": ""}


class TestEnd:
    """Exit codes and output are the script's."""

    @pytest.mark.parametrize(
        ("last_line", "code"),
        [
            ("pass", 0),
            ("raise SystemExit", 0),
            ("raise SystemExit(7)", 7),
            ("import sys; sys.exit('bad data')", 1),
            ("1 / 0", 1),
            ("import os; os._exit(3)", 3),
        ],
    )
    def test_exit_code(self, last_line, code, launch):
        done = launch(f"import torch\n{last_line}\n")
        assert done.returncode == code
        if "bad data" in last_line:
            assert done.stderr == "bad data\n"

    def test_exit_handlers_and_threads_still_see_the_script(self, launch):
        done = launch("""
            import atexit, sys, threading, time
            value = 40
            def later():
                time.sleep(0.1)
                print(value + 2, sys.modules["__main__"].value, sys.argv[0])
            atexit.register(later)
            threading.Thread(target=later).start()
        """)
        assert done.stdout == "42 40 script.py\n" * 2

    @pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
    def test_interrupt_kills_it_as_it_would_a_script(self, launch):
        done = launch("raise KeyboardInterrupt")
        assert done.returncode == -signal.SIGINT
        assert done.stderr.splitlines().count("KeyboardInterrupt") == 1

    def test_missing_script(self, command):
        done = command("run", "nowhere.py")
        assert done.returncode == 2
        assert "can't open file" in done.stderr
        assert "No such file or directory" in done.stderr
        assert "Traceback" not in done.stderr

    def test_missing_module(self, command):
        done = command("run", "-m", "nowhere.at.all")
        assert done.returncode == 1
        assert "No module named" in done.stderr or "nowhere" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("words", [["run"], ["run", "--report"], ["run", "--nonsense", "x.py"]])
    def test_wrong_words_show_the_usage(self, words, command):
        done = command(*words)
        assert done.returncode == 2
        assert "usage: rushlight run" in done.stderr


class TestTraceback:
    """A traceback starts in the user's script."""

    def test_error_in_a_function(self, launch, tmp_path):
        done = launch("""
            def step():
                raise ValueError("no good")
            step()
        """)
        lines = done.stderr.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1] == f'  File "{tmp_path / "script.py"}", line 4, in <module>'
        assert lines[-1] == "ValueError: no good"
        assert "rushlight" not in done.stderr

    def test_error_in_a_module_run_by_name(self, command, tmp_path):
        (tmp_path / "tool.py").write_text("1 / 0\n")
        done = command("run", "-m", "tool")
        assert (
            done.stderr.splitlines()[1] == f'  File "{tmp_path / "tool.py"}", line 1, in <module>'
        )

    def test_syntax_error(self, launch, tmp_path):
        done = launch("x = = 1\n")
        assert done.stderr.startswith(f'  File "{tmp_path / "script.py"}", line 1\n')
        assert done.stderr.rstrip().endswith("SyntaxError: invalid syntax")

    def test_the_script_s_own_excepthook_is_called(self, launch):
        done = launch("""
            import sys, traceback
            def hook(kind, error, trace):
                print(kind.__name__, traceback.extract_tb(trace)[0].name)
            sys.excepthook = hook
            raise LookupError
        """)
        assert done.stdout == "LookupError <module>\n"
        assert done.stderr == ""
        assert done.returncode == 1


class TestNames:
    """torch is rushlight, and what rushlight lacks is said to be missing."""

    def test_torch_is_rushlight_though_another_torch_is_installed(self, tmp_path, launch):
        for name in ("torch", "torchvision"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text("raise SystemExit('the other one')")
        done = launch("""
            import torch
            from torch import autograd
            import rushlight
            assert torch is rushlight and autograd is rushlight.autograd
            print(torch.__version__)
        """)
        assert done.stdout == "2.13.0+rushlight\n", done.stderr

    def test_missing_attribute(self, launch):
        done = launch("import torch\ntorch.relux\n")
        last = done.stderr.splitlines()[-1]
        assert last.startswith(
            "AttributeError: module 'torch' has no attribute 'relux' "
            "(not in rushlight; see docs/compatibility.md)"
        )
        assert "_hook.py" not in done.stderr

    def test_a_module_of_torch_can_be_run(self, command, tmp_path):
        done = command("run", "-m", "torch.mps")
        assert (done.returncode, done.stderr) == (0, "")

    def test_missing_module(self, launch):
        done = launch("import torch.nowhere\n")
        assert done.stderr.splitlines()[-1] == (
            "ModuleNotFoundError: No module named 'torch.nowhere' "
            "(not in rushlight; see docs/compatibility.md)"
        )
        assert "_hook.py" not in done.stderr

    def test_missing_name_in_from_import_points_to_the_page(self, launch):
        done = launch("from torch.cuda import nowhere\n")
        assert "ImportError: cannot import name 'nowhere'" in done.stderr
        assert "torch.cuda is not in rushlight; see docs/compatibility.md" in done.stderr

    def test_missing_method_points_to_the_page(self, launch):
        done = launch("import torch\ntorch.zeros(2).nowhere()\n")
        assert "'nowhere' of Tensor is not in rushlight; see docs/compatibility.md" in done.stderr

    def test_other_errors_get_no_advice(self, launch):
        done = launch("import json\njson.nowhere\n")
        assert "rushlight" not in done.stderr

    def test_report_leaves_tracebacks_and_messages_as_they_are(self, launch, command):
        plain = launch("import torch\ntorch.nowhere\n").stderr
        reported = command("run", "--report", "script.py").stderr
        assert "report.py" not in reported
        assert reported.startswith(plain)

    def test_report(self, tmp_path, launch, command):
        source = """
            import torch
            import torch.backends.cudnn as cudnn
            from torch.cuda import is_available
            torch.zeros(2); torch.zeros(3)
            torch.backends.cudnn.benchmark
            hasattr(torch, "nowhere")
            try:
                import torch.nowhere.at_all
            except ImportError:
                pass
            1 / 0
        """
        launch(source)
        done = command("run", "--report", "script.py")
        report = done.stderr.partition("ZeroDivisionError")[2]
        used, _, missing = report.partition("asked for, but not in rushlight: 2")
        rows = {line.split()[0]: line.split()[1:] for line in used.splitlines() if line[:2] == "  "}
        assert rows == {
            "torch": ["zeros"],
            "torch.backends.cudnn": ["benchmark"],
            "torch.cuda": ["is_available"],
        }
        assert "report.py" not in done.stderr
        assert missing.split() == ["torch", "nowhere", "nowhere", "(module)"]
        assert done.returncode == 1
