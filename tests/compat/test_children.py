"""Child processes get the hook; processes that are not ours do not."""

from __future__ import annotations

import subprocess
import sys

import pytest

WORKER_SCRIPT = """
import multiprocessing, sys
import torch

class Job:
    def __init__(self, device):
        self.device = device

def work(job, results):
    import rushlight
    assert sys.modules["torch"] is torch is rushlight
    results.put((job.device, torch.device("cuda:1"), torch.__version__))

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    results = context.SimpleQueue()
    process = context.Process(target=work, args=(Job(torch.device("cpu")), results))
    process.start()
    assert results.get() == (torch.device("cpu"), torch.device("cuda:1"), torch.__version__)
    process.join()
    assert process.exitcode == 0
    print("worked")
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers(method, tmp_path, check):
    (tmp_path / "train.py").write_text(WORKER_SCRIPT.replace("{method}", method))
    source = """
        import subprocess, sys
        subprocess.run([sys.executable, "-m", "rushlight", "run", "train.py"], check=True)
    """
    assert check(source) == "worked\n"


def test_workers_of_a_program_that_installs_the_hook_itself(tmp_path, check):
    body = WORKER_SCRIPT.replace("{method}", "spawn")
    install = "import rushlight.compat; rushlight.compat.install()"
    guarded = f"if __name__ == '__main__':\n    {install}\n{body}"
    assert check(guarded) == "worked\n"


def test_subprocesses_and_theirs(check):
    check("""
        import os, subprocess, sys
        import rushlight.compat
        rushlight.compat.install()
        ask = "import torch, rushlight, sys; assert torch is rushlight; print(torch.__version__)"
        again = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}])"
        for code in (ask, again):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert done.stdout == "2.13.0+rushlight\\n", done.stderr
    """)


def test_a_child_that_asks_for_no_torch_pays_nothing(check):
    check("""
        import subprocess, sys
        import rushlight.compat
        rushlight.compat.install()
        code = "import sys; print('numpy' in sys.modules, 'rushlight' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == "False False\\n", done
    """)


def test_processes_that_are_not_ours_are_left_alone(tmp_path, check):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "torch.py").write_text("__version__ = 'the other one'")
    ask = "import torch; print(torch.__version__)"
    check(
        f"""
        import os, subprocess, sys
        clean = dict(os.environ)
        import rushlight.compat
        rushlight.compat.install()
        def version(**environment):
            command = [sys.executable, "-c", {ask!r}]
            return subprocess.run(command, env=environment, capture_output=True, text=True).stdout
        other = "the other one\\n"
        assert version(**clean) == other                      # an environment of its own
        assert version(**os.environ) == "2.13.0+rushlight\\n"
        elsewhere = {{**os.environ, "RUSHLIGHT_COMPAT": "/another/python"}}
        assert version(**elsewhere) == other                  # another Python environment
        rushlight.compat.uninstall()
        assert version(**os.environ) == other                 # after the hook has gone
        rushlight.compat.install(children=False)
        assert version(**os.environ) == other
        environment = dict(clean)
        rushlight.compat.child_environment(environment)
        assert version(**environment) == "2.13.0+rushlight\\n"
        """,
        tmp_path / "other",
    )


def test_the_sitecustomize_behind_ours_still_runs(tmp_path, check):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import builtins; builtins.ran = True")
    check(
        """
        import os, subprocess, sys
        import rushlight.compat
        from rushlight.compat._hook import CHILD_DIRECTORY
        rushlight.compat.install()
        code = (
            "import sys, sitecustomize; print(ran, sitecustomize.__file__);"
            f"print({CHILD_DIRECTORY!r} in sys.path)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        first, second = done.stdout.splitlines()
        assert first == f"True {os.path.join(os.getcwd(), 'site', 'sitecustomize.py')}", done
        assert second == "False"
        """,
        tmp_path / "site",
    )


def test_a_child_finds_rushlight_where_its_parent_did(tmp_path):
    """Started in the source folder, nothing but the working directory leads to rushlight."""
    import rushlight

    source = rushlight.__path__[0].rsplit("rushlight", 1)[0]
    script = tmp_path / "parent.py"
    script.write_text(
        "import subprocess, sys, torch\n"
        "code = 'import torch; print(torch.__version__)'\n"
        "subprocess.run([sys.executable, '-c', code], check=True, cwd='/')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "rushlight", "run", str(script)],
        cwd=source,
        env={"RUSHLIGHT_QUIET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "2.13.0+rushlight\n", done.stderr
