"""What workers measure, in this process and in one of their own."""

from __future__ import annotations

import itertools
import sys

import pytest

import rushlight
from rushlight.cli._bench import kernels, machine, memory, peak, processes, steps
from rushlight.cli._bench.cases import CASES
from rushlight.cli._bench.workloads import WORKLOADS

SMALL = {"framework": "rushlight", "threads": 1, "seconds": 0.0, "least": 2, "warmup": 1}


@pytest.fixture(autouse=True)
def threads():
    before = rushlight.get_num_threads()
    yield
    rushlight.set_num_threads(before)


LARGE = {"ds_cnn", "resnet18", "vgg11", "mobilenet", "vit"}


@pytest.mark.parametrize("name", sorted(set(WORKLOADS) - LARGE))
def test_a_workload_takes_steps(name):
    found = steps.main({**SMALL, "workload": name, "batch": 2})
    parts = ["step"] if name.endswith("inference") else list(steps.PARTS)
    assert list(found["times"]) == parts
    assert all(len(times) == 2 and min(times) > 0 for times in found["times"].values())


@pytest.mark.parametrize("name", sorted(LARGE))
@pytest.mark.parametrize("framework", ["rushlight", "torch"])
def test_a_large_workload_runs_on_either_framework(name, framework, request):
    T = rushlight if framework == "rushlight" else request.getfixturevalue("torch")
    task = steps.make_task(T, {"workload": name, "batch": 1})
    task.model.eval()
    with T.no_grad():
        assert task.infer().shape == (1, 10)
    assert task.labels.shape == (1,)


def test_the_fused_network_is_the_plain_one_with_fewer_operators():
    plain, fused = (
        steps.make_task(rushlight, {"workload": name, "batch": 2}) for name in ("cnn2", "fused2")
    )
    assert [type(m).__name__ for m in fused.model][:2] == ["ConvReLU2d"] * 2
    assert len(fused.model) == len(plain.model) - 2
    for p, q in zip(fused.model.parameters(), plain.model.parameters(), strict=True):
        p.detach().copy_(q.detach())
    assert rushlight.allclose(fused.model(plain.inputs), plain.infer(), atol=1e-6)


def test_a_framework_without_the_fused_operator_runs_the_plain_network(torch):
    task = steps.make_task(torch, {"workload": "fused2", "batch": 2})
    assert [type(m).__name__ for m in task.model][:4] == ["Conv2d", "ReLU"] * 2


@pytest.mark.parametrize("framework", ["rushlight", "torch"])
def test_text_written_with_a_cache_is_text_written_without(framework, request):
    T = rushlight if framework == "rushlight" else request.getfixturevalue("torch")
    T.manual_seed(0)
    task = steps.make_task(T, {"workload": "gpt_tokens_inference", "batch": 2})
    for p in task.model.parameters():  # sharp scores: no two letters nearly as likely
        p.detach().mul_(3)
    task.model.eval()
    with T.no_grad():
        letters = T.cat(task.infer(), 1)
        assert letters.shape == (2, 32)
        text = T.cat([task.inputs, letters[:, :-1]], 1)
        scores, cache = task.model(text)[:, 31:], {}
        assert T.equal(scores.argmax(-1), letters)
        step_by_step = [task.model(text[:, :32], cache)[:, -1]]
        step_by_step += [task.model(text[:, n : n + 1], cache)[:, 0] for n in range(32, 63)]
    assert T.allclose(T.stack(step_by_step, 1), scores, rtol=1e-3, atol=1e-3)


def test_the_time_of_a_letter_is_a_part_of_the_text(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(clock))
    task = steps.make_task(rushlight, {"workload": "gpt_tokens_inference"})
    assert steps.inference_step(rushlight, task)() == {"step": 1 / 32}


def test_training_trains():
    rushlight.manual_seed(0)
    task = steps.make_task(rushlight, {"workload": "mlp", "batch": 4})
    before = [p.detach().clone() for p in task.model.parameters()]
    step = steps.training_step(rushlight, task)
    step()
    assert all((p != q).any() for p, q in zip(task.model.parameters(), before, strict=True))


def test_channels_last_reaches_model_and_images():
    task = steps.make_task(rushlight, {"workload": "lenet", "batch": 2, "channels_last": True})
    weight = task.model[4].weight
    assert weight.is_contiguous(memory_format=rushlight.channels_last)
    assert not weight.is_contiguous()


@pytest.mark.parametrize("framework", ["rushlight", "torch"])
def test_every_case_can_be_called_on_either_framework(framework, request):
    T = rushlight if framework == "rushlight" else request.getfixturevalue("torch")
    before = T.get_num_threads()
    T.set_num_threads(1)
    large = ("96x96", "11 M", "x10000", "4x8x512", "1024x1024x1024", "512->512", "256->")
    for case in CASES:
        if not any(size in case.key for size in large):
            call, traffic = case.prepare(T)
            call()
            assert traffic > 0, case.key
    T.set_num_threads(before)


def test_traffic_is_every_tensor_once():
    by_key = {case.key: case for case in CASES}
    _, traffic = by_key["softmax 1024x1024, forward"].prepare(rushlight)
    assert traffic == 2 * 4 * 1024**2
    _, traffic = by_key["matmul 64x120x256, forward"].prepare(rushlight)
    assert traffic == 4 * (64 * 256 + 256 * 120 + 64 * 120)
    _, traffic = by_key["avg pool 2x2 32x64x32x32, backward"].prepare(rushlight)
    assert traffic == 4 * 1.25 * 32 * 64 * 32 * 32


def test_operators_in_a_process_that_loads_one_framework_only():
    settings = {**SMALL, "only": ["linear 768x128x512"]}
    found = processes.run_worker("kernels", settings, quiet=True)
    assert list(found) == ["linear 768x128x512, forward", "linear 768x128x512, backward"]
    for measured in found.values():
        assert 0 < measured["least"] <= measured["median"]
    assert found["linear 768x128x512, backward"]["flops"] == 4 * 768 * 128 * 512


def test_a_worker_that_fails_says_why():
    with pytest.raises(processes.WorkerFailed) as failure:
        processes.run_worker("steps", {**SMALL, "framework": "no_such_framework"}, quiet=True)
    assert "no_such_framework" in failure.value.reason
    assert failure.value.reason.startswith("ModuleNotFoundError")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Traceback\n  raise x\nValueError: no\n", "ValueError: no"),
        ("a.b.CError: no g++\n\nSet VERBOSE=1 for more\n", "a.b.CError: no g++"),
        ("Killed\n", "Killed"),
        ("", "no message"),
    ],
)
def test_the_reason_is_the_line_that_names_the_error(text, reason):
    assert processes.WorkerFailed(text).reason == reason


def test_a_sample_of_a_fast_call_is_the_mean_of_many(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(kernels.time, "perf_counter", lambda: 1e-6 * next(clock))
    calls = []
    samples = kernels.seconds_per_call(lambda: calls.append(1), 0.0)
    assert len(calls) == 3 + 5 * 20
    assert samples == pytest.approx([1e-6 / 20] * 5)


@pytest.mark.parametrize("has_compiler", [True, False])
def test_peaks(has_compiler, monkeypatch):
    if not has_compiler:
        monkeypatch.setattr(peak.shutil, "which", lambda name: None)
    monkeypatch.setattr(peak, "SIZES", (1 << 12, 1 << 16))
    found = peak.main({**SMALL, "threads": 2})
    assert found["flops"] > 1e8
    assert [n for n, _ in found["copy"]] == [1 << 12, 1 << 16]
    assert all(speed > 1e6 for _, speed in found["copy"])
    if not has_compiler:
        assert found["how"] == "the best matrix product"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_sees_a_large_array():
    memory.forget_peak()
    before = memory.resident()
    held = bytearray(b"x") * (64 << 20)
    assert len(held) == 64 << 20
    del held
    assert memory.peak() - before > 60 << 20


def test_disturbance_counts_what_others_did(monkeypatch):
    busy, own, clock = iter([100.0, 112.0]), iter([5.0, 9.0]), iter([0.0, 4.0])
    monkeypatch.setattr(machine, "_busy", lambda: next(busy))
    monkeypatch.setattr(machine, "_own", lambda: next(own))
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 4)
    # Four cores had 16 seconds; 12 were worked, 4 of them by us.
    assert machine.Disturbance().share() == pytest.approx(0.5)


def test_disturbance_of_an_unknown_system(monkeypatch):
    monkeypatch.setattr(machine, "_busy", lambda: None)
    assert machine.Disturbance().share() is None


def test_the_machine_in_a_line():
    line = machine.describe()
    assert machine.processor_name() in line
    assert "Python 3." in line
