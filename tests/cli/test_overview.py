"""`rushlight` without a script: overview, help, mistakes, `info`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rushlight
from rushlight import cli
from rushlight.cli import info


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_overview_names_every_command(words, capsys):
    assert cli.main(words) == 0
    text = capsys.readouterr().out
    for name, summary in cli.COMMANDS.items():
        assert name in text
        assert summary in text


def test_help_shows_examples(capsys):
    cli.main(["--help"])
    assert "rushlight run train.py --epochs 3" in capsys.readouterr().out


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"rushlight {rushlight.version.__version__} ")


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("rum", "Did you mean `rushlight run`?"),
        ("ifno", "Did you mean `rushlight info`?"),
        ("train_mnist.py", "To run a script: rushlight run train_mnist.py"),
        ("zzz", f"There are: {', '.join(cli.COMMANDS)}"),
    ],
)
def test_unknown_command_says_what_was_meant(wrong, advice, capsys):
    assert cli.main([wrong]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"no command {wrong!r}" in captured.err
    assert advice in captured.err


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main([name, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert f"rushlight {name}" in text
    assert "example" in text


def test_help_imports_no_numpy():
    # The package's own __init__ is left out: this is about what the command line imports.
    code = f"""
import sys, types
package = types.ModuleType("rushlight")
package.__path__ = [{str(Path(rushlight.__file__).parent)!r}]
sys.modules["rushlight"] = package
from rushlight.cli import main
for words in ([], ["--help"], ["--version"], ["nonsense"]):
    main(words)
for command in ("run", "info"):
    try:
        main([command, "--help"])
    except SystemExit:
        pass
heavy = {{"numpy", "rushlight._tensor"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_info_shows_versions_processor_engine_and_gpu(capsys):
    assert cli.main(["info"]) == 0
    text = capsys.readouterr().out
    for title in ("versions", "extras", "processor", "engine", "GPU"):
        assert f"\n{title}\n" in f"\n{text}"
    for name in ("rushlight", "NumPy", "ml_dtypes", "threads", "memory pool"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 120


def test_info_columns_are_aligned():
    table = info._table({"one": [("a", "1"), ("longer", "2")], "two": [("b", "3")]})
    assert table.splitlines() == ["one", "  a       1", "  longer  2", "two", "  b       3"]


def test_info_without_the_native_extension(monkeypatch, capsys):
    found = {
        "extension": False,
        "reason": "it was not built",
        "level": "none",
        "threads": 1,
        "pool": {},
        "kernels": {"activation.relu": ["reference"], "conv.conv2d": ["numpy", "reference"]},
    }
    monkeypatch.setattr("rushlight.kernels.describe", lambda: found)
    assert cli.main(["info"]) == 0
    text = capsys.readouterr().out
    assert "missing: it was not built" in text
    assert "2, of which 1 have a fast path in use" in text
    assert "NumPy's own allocator" in text
