"""Where a step's time goes: calls seen from outside, their arithmetic, the tables made of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F
from rushlight.autograd.node import Op
from rushlight.cli._bench import anatomy, work
from rushlight.kernels import _kernel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def threads():
    before = rushlight.get_num_threads()
    yield
    rushlight.set_num_threads(before)


def watched(call):
    with anatomy.watched_kernels() as calls:
        call()
    return {(c.name, c.shapes): c for c in calls}


def test_a_step_is_made_of_its_kernels():
    settings = {"framework": "rushlight", "workload": "mlp", "threads": 1, "batch": 4}
    found = anatomy.main({**settings, "seconds": 0.0, "warmup": 1})
    count = {(c["name"], c["shapes"]): c["count"] for c in found["calls"]}
    assert count["linear", "4x784, 512x784"] == 1
    assert count["matmul", "512x4, 4x784"] == 1
    assert count["adam_", ""] == 1
    assert found["operators"] > 10
    assert found["step"] > 0
    assert all(c["seconds"] > 0 for c in found["calls"])
    (linear,) = [c for c in found["calls"] if c["shapes"] == "4x784, 512x784"]
    assert linear["family"] == "gemm"
    assert linear["flops"] == 2 * 4 * 784 * 512
    assert linear["traffic"] == 4 * (4 * 784 + 512 * 784 + 512 + 4 * 512)


def test_counts_are_of_one_letter_where_a_step_writes_many():
    settings = {"framework": "rushlight", "workload": "gpt_tokens_inference", "threads": 1}
    found = anatomy.main({**settings, "seconds": 0.0, "warmup": 1})
    assert sum(c["count"] for c in found["calls"] if c["name"] == "linear") == 17
    assert 50 < found["operators"] < 200


def test_only_rushlight_has_kernels_to_watch():
    with pytest.raises(ValueError, match="expected rushlight"):
        anatomy.main({"framework": "torch"})


def test_watching_leaves_results_and_paths_as_they_were():
    before = [dict(k.active) for k in _kernel.all_kernels()]
    x = rushlight.randn(3, 5)
    w = rushlight.randn(4, 5)
    plain = F.linear(x, w)
    with anatomy.watched_kernels() as calls:
        assert rushlight.equal(F.linear(x, w), plain)
    assert [c.name for c in calls][:1] == ["linear"]
    with pytest.raises(ZeroDivisionError), anatomy.watched_kernels():
        raise ZeroDivisionError
    assert [dict(k.active) for k in _kernel.all_kernels()] == before


def test_a_kernel_that_another_calls_belongs_to_it():
    x, w = rushlight.randn(3, 5), rushlight.randn(4, 5)
    with rushlight.kernels.reference_only():  # the reference of linear calls matmul
        found = watched(lambda: F.linear(x, w))
    assert [name for name, _ in found] == ["linear"]


class Twice(Op):
    """An operator without kernel."""

    def forward(ctx, x):
        return x + x

    def backward(ctx, g):
        return Twice.apply(g)


def test_large_operators_without_kernel_are_numpy_and_small_ones_are_not():
    small, large = rushlight.randn(4), rushlight.randn(1 << 16)
    with anatomy.watched_kernels() as calls, anatomy.watched_operators(calls) as names:
        Twice.apply(large)
        Twice.apply(small)
        F.relu(large)
        large.reshape(2, -1)
    own = [c for c in calls if c.family == anatomy.NUMPY]
    assert [(c.name, c.shapes, c.traffic) for c in own] == [("Twice", "65536, 65536", 8 << 16)]
    assert names[:2] == ["Twice", "Twice"]
    assert len(names) == 4


def test_watching_operators_changes_no_kernel():
    norm = rushlight.nn.BatchNorm2d(8)
    x = rushlight.randn(2, 8, 32, 32, requires_grad=True)

    def step():
        F.relu(norm(Twice.apply(x)) + x).sum().backward()

    step()
    with anatomy.watched_kernels() as plain:
        step()
    with anatomy.watched_kernels() as calls, anatomy.watched_operators(calls):
        step()
    kernels = [(c.name, c.shapes) for c in calls if c.family != anatomy.NUMPY]
    assert kernels == [(c.name, c.shapes) for c in plain]
    own = [c.name for c in calls if c.family == anatomy.NUMPY]
    assert own.count("Twice") == 2
    assert "ReLUGrad" not in own  # a kernel, or left to the normalisation's gradient


@pytest.mark.parametrize(
    ("call", "name", "flops"),
    [
        (lambda x, w: F.conv2d(x, w, padding=1), "conv", 2 * 2 * 6 * 64 * 3 * 9),
        (lambda x, w: F.conv2d(x, w, stride=2), "conv", 2 * 2 * 6 * 9 * 3 * 9),
    ],
)
def test_arithmetic_of_convolutions(call, name, flops):
    x = rushlight.randn(2, 3, 8, 8, requires_grad=True)
    w = rushlight.randn(6, 3, 3, 3, requires_grad=True)
    found = watched(lambda: call(x, w).sum().backward())
    by = {c.name: c.flops for c in found.values()}
    assert by[name] == by["conv_grad_input"] == by["conv_grad_weight"] == flops


def test_arithmetic_of_attention_and_recurrence():
    q = rushlight.randn(2, 3, 8, 4, requires_grad=True)
    found = watched(
        lambda: F.scaled_dot_product_attention(q, q, q, is_causal=True).sum().backward()
    )
    by = {c.name: c.flops for c in found.values()}
    pairs = 2 * 3 * 8 * 8 / 2
    assert (by["attention"], by["attention_grad"]) == (2 * 2 * 4 * pairs, 2 * 4 * 4 * pairs)
    layer = rushlight.nn.LSTM(5, 7)
    found = watched(lambda: layer(rushlight.randn(3, 2, 5))[0].sum().backward())
    by = {c.name: c.flops for c in found.values()}
    assert by["lstm"] == by["lstm_grad"] == 2 * 6 * 28 * 7


def test_traffic_is_every_array_once_and_an_optimizer_writes():
    a, b = np.zeros((4, 8), np.float32), np.zeros(16, np.float32)
    assert work.traffic((a, a, [b, (b,)]), {"out": None}, b) == 4 * (32 + 16)
    assert work.traffic(([a], [a + 1], [a + 2]), {}, None) == 4 * 32 * 5


PEAK = {"flops": 1e9, "how": "so", "copy": [[1 << 16, 1e9], [1 << 20, 1e9]]}


def entry(family, name, seconds, flops=0.0, traffic=0.0, count=1, shapes=""):
    found = {"family": family, "name": name, "shapes": shapes, "count": count}
    return {**found, "seconds": seconds, "flops": flops, "traffic": traffic}


PROFILE = {
    "step": 0.010,
    "operators": 12,
    "calls": [
        entry("conv", "conv", 0.004, flops=1e6, count=2, shapes="1x2, 3x2"),
        entry("conv", "conv", 0.001, flops=1e6, shapes="5x2, 3x2"),
        entry("activation", "relu", 0.002, traffic=1e6),
        entry("numpy", "Add", 0.001, traffic=0.5e6),
    ],
}


@pytest.fixture
def profile_step(monkeypatch):
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("an installed package")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import profile_step

    assert "_bench" in sys.modules
    return profile_step


def cells(markdown: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in markdown.splitlines()]


def test_the_summary_adds_up(profile_step):
    found = {"peak": PEAK, "profiles": {"net": PROFILE}}
    head, _, row = cells(profile_step.summary_table(found, markdown=True))
    by = dict(zip(head, row, strict=True))
    assert (by["step, ms"], by["least, ms"], by["share"]) == ("10.0", "4.50", "45%")
    assert by["conv"] == "50% (60%)"
    assert by["other kernels"] == "20% (50%)"
    assert by["NumPy"] == "10% (50%)"
    assert by["Python"] == "20%"
    assert by["products"] == ""


def test_kernels_longest_first_and_apart_by_shapes(profile_step):
    head, _, *rows = cells(profile_step.kernel_table(PEAK, PROFILE, markdown=True))
    assert [row[0] for row in rows] == [
        "conv conv",
        "activation relu",
        "numpy Add",
        "Python",
        "step",
    ]
    by = dict(zip(head, rows[0], strict=True))
    assert (by["calls"], by["ms"], by["of step"]) == ("3", "5.00", "50.0%")
    assert (by["Gflop/s"], by["share"]) == ("0.600", "60%")
    head, _, *rows = cells(profile_step.kernel_table(PEAK, PROFILE, shapes=True, markdown=True))
    assert [row[1] for row in rows[:2]] == ["1x2, 3x2", ""]
    assert {len(row) for row in rows} == {len(head)}


def test_a_workload_that_fails_is_named(profile_step):
    def run(worker, settings, **_):
        if worker == "peak":
            return PEAK
        if settings["workload"] == "gpt":
            raise profile_step.WorkerFailed("ValueError: no")
        return PROFILE

    found = profile_step.measure(["mlp", "gpt"], 1, 0.0, run=run)
    assert list(found["profiles"]) == ["mlp"]
    assert profile_step.failure_lines(found) == ["gpt: skipped, ValueError: no"]
