"""utils.benchmark: what is measured and how it is shown; nothing depends on how long it takes."""

from __future__ import annotations

import importlib
import itertools
import pickle

import pytest

import rushlight
from rushlight.utils.benchmark import (
    Compare,
    Language,
    Measurement,
    TaskSpec,
    Timer,
    select_unit,
    trim_sigfig,
)


class Clock:
    """A clock that only the statement moves on, by a second."""

    now = 0.0

    def __call__(self):
        return self.now

    def timer(self):
        return Timer("clock.now += 1", timer=self, globals={"clock": self})


def test_a_statement_runs_as_often_as_asked():
    runs = []
    timer = Timer("x = 2\nruns.append(x)", "runs.clear()", globals={"runs": runs})
    measurement = timer.timeit(7)
    assert runs == [2] * 7
    assert (measurement.number_per_run, len(measurement.times)) == (7, 1)


def test_statements_find_torch_and_may_be_indented():
    Timer("""
        y = torch.ones(2)
        assert y.sum() == 2
    """).timeit(1)


def test_blocks_until_the_time_is_over():
    seen = []
    timer = Clock().timer()
    measurement = timer.blocked_autorange(lambda n, t: seen.append((n, t)), min_run_time=3)
    assert measurement.raw_times == [t for _, t in seen]
    assert sum(measurement.raw_times) >= 3


def test_adaptive_timing_stops_once_times_agree():
    measurement = Clock().timer().adaptive_autorange(min_run_time=2, max_run_time=99)
    assert len(measurement.raw_times) == 4
    assert measurement.meets_confidence()


def test_threads_are_set_and_put_back():
    before = rushlight.get_num_threads()
    seen = []
    Timer("seen.append(torch.get_num_threads())", globals={"seen": seen}, num_threads=1).timeit(1)
    assert set(seen) == {1}
    assert rushlight.get_num_threads() == before


def spec(**options):
    return TaskSpec("x * 2", **options)


@pytest.mark.parametrize(
    "times", [[1e-3], [1e-3, 1.01e-3, 1.02e-3, 0.99e-3], [1e-6, 2e-6, 3e-6, 9e-6]]
)
def test_printed_and_derived_numbers_are_torchs(torch, times):
    names = {"setup": "x = 1", "label": "double", "sub_label": "small", "description": "now"}
    common = importlib.import_module("torch.utils.benchmark")
    ours = Measurement(10, times, spec(**names))
    theirs = common.Measurement(10, times, common.TaskSpec("x * 2", **names))
    assert repr(ours).splitlines()[1:] == repr(theirs).splitlines()[1:]
    for name in ("median", "mean", "iqr"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))
    for name in ("significant_figures", "has_warnings", "title", "as_row_name", "env"):
        assert getattr(ours, name) == getattr(theirs, name)


def measurements(library):
    made = []
    for size, column, threads in itertools.product((10, 1000), ("mul", "add"), (2, 1)):
        time = size * (1e-7 if column == "mul" else 2.34e-7) / threads
        task = library.TaskSpec(
            column,
            "pass",
            label="ops",
            sub_label=f"n={size}",
            description=column,
            num_threads=threads,
        )
        made.append(library.Measurement(1, [time, time * 1.01], task))
    return made


@pytest.mark.parametrize("change", ["nothing", "trim_significant_figures", "colorize"])
def test_tables_are_torchs(torch, change):
    texts = []
    for library in (rushlight.utils.benchmark, importlib.import_module("torch.utils.benchmark")):
        table = library.Compare(measurements(library))
        if change != "nothing":
            getattr(table, change)()
        texts.append(str(table))
    if change == "colorize":  # the same text, whatever the shades
        texts = ["".join(part.split("m")[-1] for part in t.split("\033[")) for t in texts]
    assert texts[0] == texts[1]


def test_missing_cells_and_merged_measurements():
    results = measurements(rushlight.utils.benchmark)[:3]
    text = str(Compare(results + results[:1]))
    assert text.count("n=10") == 2
    assert len(Measurement.merge(results + results[:1])) == 3
    with pytest.raises(ValueError, match="Expected an instance of `Measurement`"):
        Compare([1])


def test_units_and_figures():
    assert [select_unit(t)[0] for t in (2e-9, 2e-6, 2e-3, 2.0, 2e4)] == ["ns", "us", "ms", "s", "s"]
    assert [trim_sigfig(v, 3) for v in (0.0, 123456.0, 0.012345)] == [0.0, 123000.0, 0.0123]


def test_measurements_travel():
    copy = pickle.loads(pickle.dumps(Measurement(1, [1.0], spec(label="l"))))
    assert (copy.title, copy.times) == ("l", [1.0])


def test_other_languages():
    with pytest.raises(NotImplementedError, match="C\\+\\+"):
        Timer("x", language=Language.CPP)
    with pytest.raises(ValueError, match="Invalid language"):
        Timer("x", language="fortran")


def test_flop_counter(torch, capsys):
    def program(T, counter):
        n = T.nn
        net = n.Sequential(n.Conv2d(3, 8, 3), n.ReLU(), n.Flatten(), n.Linear(8 * 36, 10))
        with counter(display=False) as counted:
            net(T.ones(2, 3, 8, 8)).sum().backward()
        return counted

    ours = program(rushlight, rushlight.utils.flop_counter.FlopCounterMode)
    theirs = program(torch, importlib.import_module("torch.utils.flop_counter").FlopCounterMode)
    assert ours.get_total_flops() == theirs.get_total_flops()
    inside = {k: sum(v.values()) for k, v in ours.get_flop_counts().items()}
    assert inside["Sequential.3"] == 2 * 2 * 10 * 8 * 36
    assert "Sequential.0" in ours.get_table()
    assert not capsys.readouterr().out
