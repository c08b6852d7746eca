"""`hub`: files by their address, and models of a folder."""

from __future__ import annotations

import hashlib

import pytest

import rushlight as rl
from rushlight import hub, nn


@pytest.fixture(autouse=True)
def own_folder(tmp_path):
    hub.set_dir(tmp_path / "hub")
    yield
    hub._chosen.clear()


@pytest.fixture
def weights(tmp_path):
    model = nn.Linear(2, 2)
    rl.save(model.state_dict(), tmp_path / "plain.pth")
    digest = hashlib.sha256((tmp_path / "plain.pth").read_bytes()).hexdigest()[:8]
    return model, (tmp_path / "plain.pth").rename(tmp_path / f"linear-{digest}.pth")


def test_weights_are_fetched_once(weights, tmp_path, capsys):
    model, path = weights
    state = hub.load_state_dict_from_url(path.as_uri(), check_hash=True)
    assert rl.equal(state["weight"], model.weight)
    assert capsys.readouterr().err.startswith('Downloading: "file:')
    kept = tmp_path / "hub" / "checkpoints" / path.name
    assert kept.read_bytes() == path.read_bytes()
    path.unlink()
    again = hub.load_url(path.as_uri(), map_location="cpu")
    assert rl.equal(again["bias"], model.bias)
    assert capsys.readouterr().err == ""


def test_a_wrong_sum_leaves_no_file(weights, tmp_path):
    _, path = weights
    with pytest.raises(RuntimeError, match='invalid hash value \\(expected "0000", got'):
        hub.download_url_to_file(path.as_uri(), tmp_path / "copy", hash_prefix="0000")
    assert not list(tmp_path.glob("copy*"))


def test_the_folder(monkeypatch):
    hub._chosen.clear()
    monkeypatch.setenv("TORCH_HOME", "/somewhere")
    assert hub.get_dir() == "/somewhere/hub"


def test_models_of_a_folder(tmp_path):
    (tmp_path / "hubconf.py").write_text(
        "import rushlight.nn as _nn\n"
        "def two(outputs=1):\n    'Two inputs.'\n    return _nn.Linear(2, outputs)\n"
    )
    model = hub.load(str(tmp_path), "two", source="local", trust_repo=True, outputs=3)
    assert model.out_features == 3
    assert hub.list(tmp_path, source="local") == ["two"]
    assert hub.help(tmp_path, "two", source="local") == "Two inputs."
    with pytest.raises(RuntimeError, match="Cannot find callable three in hubconf"):
        hub.load(tmp_path, "three", source="local")
    with pytest.raises(ValueError, match="source='local'"):
        hub.load("owner/name", "two")
