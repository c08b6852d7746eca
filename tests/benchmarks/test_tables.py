"""From measurements to tables: contenders in turn, failures, ratios, shares of the peak."""

from __future__ import annotations

from pathlib import Path

import pytest

from rushlight.cli._bench import contenders, operators, results, tables
from rushlight.cli._bench.cases import CASES, chosen
from rushlight.cli._bench.processes import WorkerFailed
from rushlight.cli._bench.steps import PARTS
from rushlight.cli._bench.workloads import IMAGES, WORKLOADS, summary


def cells(markdown: str) -> list[list[str]]:
    return [[c.strip() for c in line.strip("|").split("|")] for line in markdown.splitlines()]


class Machine:
    """Stands for the processes: seconds of each framework's step, and who fails."""

    def __init__(self, failing: str = "", milliseconds: float = 1.0) -> None:
        self.failing = failing
        self.scale = milliseconds / 1000
        self.parts = ("step",) if milliseconds == 1.0 else PARTS
        self.asked: list[tuple[str, str, bool]] = []
        self.folders: set[str | None] = set()

    def __call__(self, worker, settings, *, title, environment, quiet):
        if settings["compiled"]:
            self.folders.add(environment.get("TORCHINDUCTOR_CACHE_DIR"))
        kind = "compiled" if settings["compiled"] else settings["framework"]
        self.asked.append((settings["workload"], kind, settings["channels_last"]))
        if kind == self.failing:
            raise WorkerFailed("Traceback\n  lines\nRuntimeError: no compiler\n")
        seconds = self.scale * {"rushlight": 2, "torch": 5, "compiled": 4}[kind]
        if environment:
            seconds *= 0.9
        memory = (3 if kind == "rushlight" else 7) * 2**20
        times = {part: [seconds, seconds * 2, seconds * 3] for part in self.parts}
        return {"times": times, "memory": memory}


SETTINGS = {"threads": 2, "seconds": 0.0}


def test_contenders_take_turns_and_channels_last_needs_images():
    machine = Machine()
    results.compare(["mlp", "lenet"], contenders.USUAL, SETTINGS, 2, run=machine)
    mlp = [("rushlight", False), ("torch", False), ("torch", False), ("compiled", False)]
    lenet = [*mlp[:3], ("torch", True), mlp[3]]
    assert [entry[1:] for entry in machine.asked] == [*mlp, *mlp, *lenet, *lenet]


def test_one_that_fails_is_asked_once_and_named_with_its_reason():
    machine = Machine(failing="compiled")
    found = results.compare(["mlp"], contenders.USUAL, SETTINGS, 3, run=machine)
    assert [kind for _, kind, _ in machine.asked].count("compiled") == 1
    assert results.failures(found) == ["mlp, torch-compile: skipped, RuntimeError: no compiler"]
    assert results.best_torch(found["mlp"]) == "torch-malloc"


def test_compiling_takes_part_in_the_first_rounds_and_keeps_what_it_made():
    machine = Machine()
    results.compare(["mlp", "gpt"], contenders.USUAL, SETTINGS, 4, compiled_count=1, run=machine)
    kinds = [kind for _, kind, _ in machine.asked]
    assert kinds.count("rushlight") == 8
    assert kinds.count("compiled") == 2
    (folder,) = machine.folders
    assert folder
    assert not Path(folder).exists()


def test_a_failure_is_a_dash_and_the_default_may_fail_too():
    found = results.compare(["mlp"], contenders.USUAL, SETTINGS, 1, run=Machine("compiled"))
    head, _, row = cells(results.ratio_table(found, markdown=True))
    assert dict(zip(head, row, strict=True))["compiled"] == "-"
    last = cells(results.parts_table(found, markdown=True))[-1]
    assert last == ["mlp", "torch-compile", "", "", "", "-", ""]
    without = results.compare(["mlp"], contenders.USUAL, SETTINGS, 1, run=Machine("torch"))
    head, _, row = cells(results.ratio_table(without, markdown=True))
    by = dict(zip(head, row, strict=True))
    assert (by["torch"], by["torch / ours"], by["best torch"]) == ("-", "", "torch-compile")


def test_text_fits_a_hundred_columns():
    names = sorted(WORKLOADS, key=len)[-3:]
    found = results.compare(names, contenders.USUAL, SETTINGS, 1, run=Machine(milliseconds=1234.5))
    for made in (results.ratio_table(found), results.parts_table(found)):
        assert max(map(len, made.splitlines())) <= 100
        assert not {"nan", "None"} & set(made.split())


def test_ratios_are_of_minimum_and_median_against_default_and_best():
    found = results.compare(["mlp"], contenders.USUAL, SETTINGS, 1, run=Machine())
    head, _, row = cells(results.ratio_table(found, markdown=True))
    by = dict(zip(head, row, strict=True))
    assert by["workload"] == "mlp"
    assert by["best torch"] == "torch-compile"
    assert by["ours"] == "2.00 (4.00)"
    assert by["torch / ours"] == "2.50 (2.50)"
    assert by["compiled"] == "3.60 (7.20)"
    assert by["best"] == "3.60 (7.20)"
    assert by["best / ours"] == "1.80 (1.80)"
    assert (by["MB ours"], by["MB torch"]) == ("3.00", "7.00")


def test_rushlight_alone_has_no_ratios():
    found = results.compare(["mlp"], ["rushlight"], SETTINGS, 1, run=Machine())
    row = cells(results.ratio_table(found, markdown=True))[2]
    assert row == ["mlp", "2.00 (4.00)", "", "", "", "", "", "", "3.00", ""]
    assert results.ratio_table(found).splitlines()[1].split() == ["mlp", "2.00", "(4.00)", "3.00"]
    (line,) = cells(results.parts_table(found, markdown=True))[2:]
    assert line == ["mlp", "rushlight", "", "", "", "2.00 (4.00)", ""]


def test_a_framework_that_is_left_out_or_missing_is_no_contender(monkeypatch):
    assert contenders.installed(contenders.USUAL, ["torch"]) == ["rushlight"]
    monkeypatch.setattr(contenders.importlib.util, "find_spec", lambda name: None)
    assert contenders.installed(contenders.USUAL) == ["rushlight"]


def test_text_columns_line_up():
    lines = tables.table(["name", "ms"], [["a", "1.00"], ["longer", "10.0"]]).splitlines()
    assert lines == ["name      ms", "a       1.00", "longer  10.0"]


PEAK = {"flops": 100e9, "how": "so", "copy": [[1 << 16, 80e9], [1 << 20, 40e9], [1 << 28, 10e9]]}


@pytest.mark.parametrize(
    ("size", "speed"), [(100, 80e9), (1 << 16, 80e9), (1 << 18, 60e9), (1 << 20, 40e9), (2e9, 10e9)]
)
def test_bandwidth_lies_between_the_sizes_measured(size, speed):
    assert operators.bandwidth(PEAK, size) == pytest.approx(speed)


def test_the_floor_is_the_longer_of_arithmetic_and_traffic():
    assert operators.floor(PEAK, 1e9, 100) == pytest.approx(0.01)
    assert operators.floor(PEAK, 0, 1 << 20) == pytest.approx((1 << 20) / 40e9)


def test_operators_keep_the_fastest_round():
    speeds = iter([4e-3, 2e-3, 5e-3, 6e-3])

    def run(worker, settings, **_):
        if worker == "peak":
            return PEAK
        least = next(speeds)
        return {"product": {"least": least, "median": 2 * least, "flops": 1e8, "traffic": 1e5}}

    found = operators.compare(["rushlight", "torch"], SETTINGS, 2, run=run)
    head, _, row = cells(operators.kernel_table(found, markdown=True))
    by = dict(zip(head, row, strict=True))
    assert by["us"] == "4000 (8000)"
    assert by["torch, us"] == "2000"
    assert by["/ ours"] == "0.50"
    assert by["Gflop/s"] == "25.0"
    assert by["share"] == "25%"
    assert "100 Gflop/s (so)" in operators.peak_line(found)


def test_every_workload_and_case_is_described_once():
    assert all(summary(name).endswith(".") for name in WORKLOADS)
    assert set(WORKLOADS) > IMAGES
    keys = [case.key for case in CASES]
    assert len(set(keys)) == len(keys)
    assert [c.key for c in chosen(["SOFTMAX 1024"])] == [
        "softmax 1024x1024, forward",
        "softmax 1024x1024, backward",
        "log_softmax 1024x1024, forward",
        "log_softmax 1024x1024, backward",
    ]
