"""Modules and optimizers: whole, and as state dicts, through files and between the libraries."""

from __future__ import annotations

import io

import numpy as np
import pytest

import rushlight as rl
from rushlight import nn
from rushlight.serialization import load, safe_globals, save


def through(write, read, obj, **options):
    file = io.BytesIO()
    write(obj, file)
    file.seek(0)
    return read(file, **options)


def network(library):
    n = library.nn
    return n.Sequential(
        n.Conv2d(1, 4, 3, padding=1), n.BatchNorm2d(4), n.ReLU(), n.MaxPool2d(2), n.Dropout(0.5),
        n.Flatten(), n.Linear(4 * 4 * 4, 10), n.LayerNorm(10), n.GELU(), n.Linear(10, 3),
    )  # fmt: skip


def run(model, library, x):
    out = model.eval()(library.tensor(x))
    return out.detach().numpy()


@pytest.fixture
def x():
    return np.random.RandomState(0).randn(2, 1, 8, 8).astype(np.float32)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)
        self.b.weight = self.a.weight
        self.register_buffer("steps", rl.zeros(1))
        self.activation = rl.nn.functional.relu


def test_state_dict_round_trip(x, tmp_path):
    first, second = network(rl), network(rl)
    save(first.state_dict(), tmp_path / "model.pt")
    state = load(tmp_path / "model.pt")
    assert state._metadata == first.state_dict()._metadata
    second.load_state_dict(state)
    assert np.array_equal(run(first, rl, x), run(second, rl, x))


def test_whole_modules_need_trust(x):
    model = network(rl)
    with pytest.raises(Exception, match="Weights only load failed"):
        through(save, load, model)
    loaded = through(save, load, model, weights_only=False)
    assert np.array_equal(run(model, rl, x), run(loaded, rl, x))


def test_whole_modules_of_allowed_classes_load_safely():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with safe_globals([nn.Sequential, nn.Linear, nn.ReLU]):
        loaded = through(save, load, model)
    assert repr(loaded) == repr(model)
    assert loaded[0].weight.tolist() == model[0].weight.tolist()
    assert all(isinstance(p, nn.Parameter) for p in loaded.parameters())


def test_tied_weights_stay_tied_and_functions_are_found():
    loaded = through(save, load, Tied(), weights_only=False)
    assert loaded.a.weight is loaded.b.weight
    assert loaded.activation is rl.nn.functional.relu
    state = through(save, load, Tied().state_dict())
    assert np.shares_memory(state["a.weight"].array, state["b.weight"].array)


OPTIMIZERS = [
    ("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {"amsgrad": True}), ("AdamW", {}),
    ("NAdam", {}), ("RMSprop", {"momentum": 0.5}), ("Adagrad", {}),
]  # fmt: skip


def train(library, model, optimizer, steps, x):
    for _ in range(steps):
        optimizer.zero_grad()
        model(library.tensor(x)).pow(2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_resuming_an_optimizer_gives_the_same_steps(name, options):
    x = np.ones((4, 3), np.float32)
    model = nn.Linear(3, 2)
    optimizer = getattr(rl.optim, name)(model.parameters(), lr=0.01, **options)
    train(rl, model, optimizer, 3, x)
    checkpoint = through(
        save, load, {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    )
    twin = nn.Linear(3, 2)
    twin.load_state_dict(checkpoint["model"])
    resumed = getattr(rl.optim, name)(twin.parameters(), lr=1.0, **options)
    resumed.load_state_dict(checkpoint["optimizer"])
    for each, its in ((model, optimizer), (twin, resumed)):
        train(rl, each, its, 3, x)
    assert model.weight.tolist() == twin.weight.tolist()


# --- with PyTorch ---


def test_state_dicts_cross(x):
    torch = pytest.importorskip("torch")
    ours, theirs = network(rl), network(torch)
    ours.load_state_dict(through(torch.save, load, theirs.state_dict()))
    np.testing.assert_allclose(run(ours, rl, x), run(theirs, torch, x), atol=1e-5)
    ours, theirs = network(rl), network(torch)
    theirs.load_state_dict(through(save, torch.load, ours.state_dict()))
    np.testing.assert_allclose(run(ours, rl, x), run(theirs, torch, x), atol=1e-5)


def test_whole_modules_cross(x):
    torch = pytest.importorskip("torch")
    theirs = network(torch)
    ours = through(torch.save, load, theirs, weights_only=False)
    assert type(ours) is nn.Sequential
    np.testing.assert_allclose(run(ours, rl, x), run(theirs, torch, x), atol=1e-5)
    back = through(save, torch.load, ours, weights_only=False)
    assert type(back) is torch.nn.Sequential
    np.testing.assert_allclose(run(back, torch, x), run(theirs, torch, x), atol=1e-5)
    assert repr(back) == repr(theirs)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_optimizers_cross(name, options):
    torch = pytest.importorskip("torch")
    x = np.ones((4, 3), np.float32)
    ours, theirs = nn.Linear(3, 2), torch.nn.Linear(3, 2)
    ours.load_state_dict(through(torch.save, load, theirs.state_dict()))
    mine = getattr(rl.optim, name)(ours.parameters(), lr=0.01, **options)
    its = getattr(torch.optim, name)(theirs.parameters(), lr=0.01, **options)
    train(torch, theirs, its, 3, x)
    train(rl, ours, mine, 1, x)
    mine.load_state_dict(through(torch.save, load, its.state_dict()))
    ours.load_state_dict(through(torch.save, load, theirs.state_dict()))
    train(torch, theirs, its, 2, x)
    train(rl, ours, mine, 2, x)
    np.testing.assert_allclose(
        ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-4
    )
    its.load_state_dict(through(save, torch.load, mine.state_dict()))
    train(torch, theirs, its, 2, x)
    train(rl, ours, mine, 2, x)
    np.testing.assert_allclose(
        ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-4
    )


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_whole_optimizers_cross(name, options):
    torch = pytest.importorskip("torch")
    ours = getattr(rl.optim, name)(nn.Linear(3, 2).parameters(), **options)
    theirs = through(save, torch.load, ours, weights_only=False)
    assert type(theirs) is getattr(torch.optim, name)
    theirs.zero_grad()
    theirs.step()
    assert type(through(torch.save, load, theirs, weights_only=False)) is type(ours)


SCHEDULERS = [
    ("StepLR", {"step_size": 2}), ("OneCycleLR", {"max_lr": 0.1, "total_steps": 10}),
    ("CosineAnnealingLR", {"T_max": 5}), ("ReduceLROnPlateau", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), SCHEDULERS)
def test_a_training_checkpoint_loads_safely(name, options):
    model = nn.Linear(2, 2)
    optimizer = rl.optim.AdamW(model.parameters())
    scheduler = getattr(rl.optim.lr_scheduler, name)(optimizer, **options)
    train(rl, model, optimizer, 1, np.ones((1, 2), np.float32))
    scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    checkpoint = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(), "epoch": 3, "rng": rl.get_rng_state(),
    }  # fmt: skip
    loaded = through(save, load, checkpoint)
    scheduler.load_state_dict(loaded["scheduler"])
    rl.set_rng_state(loaded["rng"])
    assert loaded["epoch"] == 3
    assert scheduler.state_dict().keys() == checkpoint["scheduler"].keys()
