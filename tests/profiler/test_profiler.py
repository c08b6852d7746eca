"""Profiles: what is recorded, how it adds up, what is printed and written."""

from __future__ import annotations

import gzip
import json
import threading

import pytest

import rushlight
from rushlight.autograd import interception
from rushlight.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)


def work():
    layer = rushlight.nn.Linear(3, 2)
    with record_function("model"):
        return layer(rushlight.ones(4, 3)).relu().sum()


def test_operators_within_a_named_range():
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as prof:
        work().backward()
    events = prof.events()
    (outer,) = [event for event in events if event.name == "model"]
    inside = [event.name for event in outer.cpu_children]
    assert inside == ["aten::addmm", "aten::relu", "aten::sum"]
    assert all(event.cpu_parent is outer for event in outer.cpu_children)
    assert outer.cpu_children[0].input_shapes == [[4, 3], [2, 3], [2]]
    assert outer.self_cpu_time_total <= outer.cpu_time_total
    assert len(events) > 4  # the reverse pass, too
    total = sum(event.cpu_time_total for event in events if event.cpu_parent is None)
    assert events.self_cpu_time_total == pytest.approx(total)


def test_nothing_is_seen_before_and_after():
    before = interception.interceptors
    prof = profile()
    work()
    with prof:
        pass
    work()
    assert not prof.events()
    assert interception.interceptors == before


def test_averages():
    x = rushlight.ones(4)
    with profile(record_shapes=True) as prof:
        for _ in range(3):
            x * 2
        rushlight.ones(2, 2) * 2
    (mul,) = prof.key_averages()
    assert (mul.key, mul.count) == ("aten::mul", 4)
    assert mul.cpu_time == pytest.approx(mul.cpu_time_total / 4)
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert sorted((a.count, str(a.input_shapes)) for a in by_shape) == [
        (1, "[[2, 2], []]"),
        (3, "[[4], []]"),
    ]
    assert prof.events().total_average().count == 4


def test_recursive_ranges_count_once():
    with profile() as prof, record_function("f"), record_function("f"):
        pass
    (average,) = prof.key_averages()
    outer = prof.events()[0]
    assert average.cpu_time_total == outer.cpu_time_total
    assert average.self_cpu_time_total == pytest.approx(outer.cpu_time_total)


def test_memory_and_operations():
    with profile(profile_memory=True, with_flops=True) as prof:
        y = rushlight.ones(2, 3) @ rushlight.ones(3, 4)
        y.t()
        rushlight.nn.functional.conv2d(rushlight.ones(1, 2, 5, 5), rushlight.ones(3, 2, 3, 3))
    found = {a.key: (a.flops, a.cpu_memory_usage) for a in prof.key_averages()}
    assert found["aten::mm"] == (2 * 2 * 3 * 4, 32)
    assert found["aten::convolution"] == (2 * 3 * 9 * 18, 3 * 9 * 4)
    assert found["aten::t"] == (0, 0)  # a view takes no memory


def test_table():
    with profile(record_shapes=True, profile_memory=True, with_flops=True) as prof:
        work().backward()
    averages = prof.key_averages()
    text = averages.table(sort_by="cpu_time_total", row_limit=3)
    lines = text.splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[1].split("  ")[-2].strip() == "Total FLOPs"
    assert lines[0] == lines[2] == lines[-2]
    assert lines[3].split()[0] == "model"  # the longest
    assert len(lines) == 3 + 3 + 2
    assert lines[-1].startswith("Self CPU time total: ")
    assert len(averages.table(row_limit=-1).splitlines()) == len(averages) + 5
    assert "Input Shapes" in prof.key_averages(group_by_input_shape=True).table()
    assert averages.table(header="Title").splitlines()[1] == "Title"
    assert "us" not in averages.table(time_unit="ms", row_limit=1)
    with pytest.raises(AttributeError, match="no attribute 'speed'"):
        averages.table(sort_by="speed")


def test_the_table_has_torchs_columns(torch):
    def columns(T, P):
        with P.profile(
            activities=[P.ProfilerActivity.CPU], record_shapes=True, profile_memory=True,
            with_flops=True,
        ) as prof:  # fmt: skip
            T.ones(2, 2) @ T.ones(2, 2)
        table = prof.key_averages(group_by_input_shape=True).table()
        return [c.strip() for c in table.splitlines()[1].split("  ") if c.strip()]

    assert columns(rushlight, rushlight.profiler) == columns(torch, torch.profiler)


def test_schedules_are_torchs(torch):
    options = dict(wait=2, warmup=1, active=3, repeat=2, skip_first=4)
    ours, theirs = schedule(**options), torch.profiler.schedule(**options)
    assert [ours(i).name for i in range(30)] == [theirs(i).name for i in range(30)]
    with pytest.raises(AssertionError, match="Invalid profiler schedule arguments"):
        schedule(wait=-1, warmup=1, active=1)
    assert schedule(wait=0, warmup=1, active=1)(1) is ProfilerAction.RECORD_AND_SAVE


def test_a_loop_with_a_schedule():
    seen = []

    def ready(prof):
        steps = [e.name for e in prof.events() if e.name.startswith("ProfilerStep")]
        seen.append((prof.step_num, steps, prof.key_averages()[0].key))

    plan = schedule(wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=ready) as prof:
        for _ in range(10):
            work()
            prof.step()
    assert seen == [
        (4, ["ProfilerStep#2", "ProfilerStep#3"], "ProfilerStep*"),
        (8, ["ProfilerStep#6", "ProfilerStep#7"], "ProfilerStep*"),
    ]


@pytest.mark.parametrize("use_gzip", [False, True])
def test_trace_files(tmp_path, use_gzip):
    handler = tensorboard_trace_handler(str(tmp_path / "log"), "me", use_gzip=use_gzip)
    with profile(on_trace_ready=handler) as prof:
        prof.add_metadata_json("answer", "42")
        work()
    (file,) = (tmp_path / "log").iterdir()
    assert file.name.startswith("me.")
    assert file.name.endswith(".pt.trace.json" + (".gz" if use_gzip else ""))
    with (gzip.open if use_gzip else open)(file, "rt") as text:
        trace = json.load(text)
    assert trace["answer"] == 42
    kinds = {event["name"]: event["cat"] for event in trace["traceEvents"]}
    assert kinds["model"] == "user_annotation"
    assert kinds["aten::relu"] == "cpu_op"
    assert all(event["ph"] == "X" and event["dur"] >= 0 for event in trace["traceEvents"])


def test_stacks(tmp_path):
    with profile(with_stack=True) as prof:
        work()
    (relu,) = [event for event in prof.events() if event.name == "aten::relu"]
    assert any("test_profiler.py" in line and line.endswith(": work") for line in relu.stack)
    prof.export_stacks(str(tmp_path / "stacks"), "self_cpu_time_total")
    assert "test_profiler.py" in (tmp_path / "stacks").read_text()


def test_threads_have_their_own_ranges():
    def task():
        with record_function("task"):
            rushlight.ones(2) * 2

    with profile() as prof, record_function("main"):
        thread = threading.Thread(target=task)
        thread.start()
        thread.join()
    found = {event.name: event for event in prof.events()}
    assert found["task"].cpu_parent is None
    assert found["aten::mul"].cpu_parent is found["task"]
    assert found["task"].thread != found["main"].thread


def test_ranges_as_decorators():
    @record_function("named")
    def function(x):
        return x + 1

    with profile() as prof:
        function(rushlight.ones(1))
    assert [event.name for event in prof.events()] == ["named", "aten::add"]


def test_the_older_profile():
    with rushlight.autograd.profiler.profile(record_shapes=True) as prof:
        work()
    assert prof.function_events[0].name == "model"
    assert "aten::relu" in prof.key_averages().table(sort_by="count")
    assert prof.total_average().count == len(prof.function_events)
    with rushlight.autograd.profiler.profile(enabled=False) as off:
        work()
    assert str(off) == "<unfinished torch.autograd.profile>"
    with pytest.raises(RuntimeError, match="not reentrant"), prof:
        pass
