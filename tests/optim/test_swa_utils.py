"""Averaged models and the schedule of their learning rate."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.optim import SGD, swa_utils

AVERAGES = {
    "default": lambda S: {},
    "swa": lambda S: {"avg_fn": S.get_swa_avg_fn()},
    "swa, lists": lambda S: {"multi_avg_fn": S.get_swa_multi_avg_fn()},
    "ema": lambda S: {"avg_fn": S.get_ema_avg_fn(0.9)},
    "ema, lists": lambda S: {"multi_avg_fn": S.get_ema_multi_avg_fn(0.7)},
    "own": lambda S: {"avg_fn": lambda average, current, n: (average + n * current) / (n + 1)},
    "buffers": lambda S: {"use_buffers": True},
    "buffers, lists": lambda S: {"multi_avg_fn": S.get_ema_multi_avg_fn(), "use_buffers": True},
}


def averaged(T, make):
    """Average a model with buffers over five random states; return the average's state_dict."""
    rng = np.random.default_rng(0)
    model = T.nn.Sequential(T.nn.Linear(3, 2), T.nn.BatchNorm1d(2))
    average = T.optim.swa_utils.AveragedModel(model, **make(T.optim.swa_utils))
    for step in range(5):
        state = {
            k: T.tensor(rng.standard_normal(tuple(v.shape)).astype("float32"))
            if v.is_floating_point()
            else T.tensor(10 * step)
            for k, v in model.state_dict().items()
        }
        model.load_state_dict(state)
        average.update_parameters(model)
    return {k: v.numpy() for k, v in average.state_dict().items()}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_torchs(torch, name):
    ours, theirs = (averaged(T, AVERAGES[name]) for T in (rushlight, torch))
    assert list(ours) == list(theirs)
    for key, expected in theirs.items():
        assert ours[key].dtype == expected.dtype
        np.testing.assert_allclose(ours[key], expected, rtol=1e-5, atol=1e-6, err_msg=key)


def test_average_is_the_mean_and_leaves_the_model_alone():
    model = nn.Linear(1, 1, bias=False)
    average = swa_utils.AveragedModel(model)
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    assert model.weight.item() == 6
    assert average.module.weight.item() == 3
    assert average(rushlight.ones(1, 1)).item() == 3
    assert average.n_averaged.item() == 3
    assert not average.n_averaged.is_floating_point()


def test_average_resumes_from_its_state():
    model = nn.Linear(1, 1, bias=False)
    average = swa_utils.AveragedModel(model)
    for value in (1.0, 2.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    state = copy.deepcopy(average.state_dict())
    average = swa_utils.AveragedModel(model)
    average.load_state_dict(state)
    nn.init.constant_(model.weight, 6.0)
    average.update_parameters(model)
    assert average.module.weight.item() == 3


@pytest.mark.parametrize("pairs", [False, True])
def test_update_bn(pairs):
    rng = np.random.default_rng(0)
    data = [rushlight.tensor(rng.normal(5, 3, (8, 2)).astype("float32")) for _ in range(4)]
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=0.3)).eval()
    swa_utils.update_bn([(x, 0) for x in data] if pairs else data, model)
    means = np.mean([x.numpy().mean(0) for x in data], axis=0)
    variances = np.mean([x.numpy().var(0, ddof=1) for x in data], axis=0)
    np.testing.assert_allclose(model[0].running_mean.numpy(), means, rtol=1e-5)
    np.testing.assert_allclose(model[0].running_var.numpy(), variances, rtol=1e-5)
    assert model[0].momentum == 0.3
    assert not model.training


def test_update_bn_without_batch_norm_reads_no_data():
    def loader():
        raise AssertionError("read")
        yield

    swa_utils.update_bn(loader(), nn.Linear(1, 1))


def rates(T, resume_at=None, **options):
    """Return both groups' learning rates of 12 steps."""
    a, b = (T.zeros(1, requires_grad=True) for _ in range(2))
    optimizer = T.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    schedule = T.optim.swa_utils.SWALR(optimizer, **options)
    found = []
    for step in range(12):
        if step == resume_at:
            state, groups = schedule.state_dict(), copy.deepcopy(optimizer.state_dict())
            schedule = T.optim.swa_utils.SWALR(optimizer, **options)
            schedule.load_state_dict(state)
            optimizer.load_state_dict(groups)
        optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr())
    return np.array(found)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 7, 30])
@pytest.mark.parametrize("swa_lr", [0.05, [0.05, 0.2]])
def test_swalr_is_torchs(torch, strategy, epochs, swa_lr):
    options = {"swa_lr": swa_lr, "anneal_epochs": epochs, "anneal_strategy": strategy}
    ours, theirs = (rates(T, **options) for T in (rushlight, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_swalr_resumes():
    options = {"swa_lr": 0.05, "anneal_epochs": 8}
    np.testing.assert_allclose(rates(rushlight, 5, **options), rates(rushlight, **options))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"anneal_strategy": "exp"}, "anneal_strategy must be one of 'cos' or 'linear'"),
        ({"anneal_epochs": -1}, "anneal_epochs must be equal or greater than 0"),
        ({"swa_lr": [0.1, 0.2]}, "swa_lr"),
    ],
)
def test_swalr_errors(options, match):
    optimizer = SGD([rushlight.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match=match):
        swa_utils.SWALR(optimizer, **{"swa_lr": 0.05, **options})


def test_average_errors():
    average = swa_utils.get_swa_avg_fn()
    lists = swa_utils.get_swa_multi_avg_fn()
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=average, multi_avg_fn=lists)
    for make in (swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match=r"Invalid decay value 1\.5"):
            make(1.5)
