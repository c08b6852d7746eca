"""The aims for each workload beside what was measured, read from the tables of the page."""

from __future__ import annotations

from collections.abc import Mapping

from _bench.tables import table

# PyTorch's time divided by ours: as installed, and the best PyTorch tried.
TARGETS = {
    "lenet": (3.2, 3.2),
    "cnn2": (10, 5),
    "cnn10": (25, 7),
    "ds_cnn": (9, 2.3),
    "resnet18": (1.5, 1.15),
    "gpt": (2.0, 2.0),
    "lstm": (1.3, 1.3),
    "lstm_lm_10k": (1.7, 1.7),
    "lstm_lm_65": (1.3, 1.3),
    "mlp": (2.3, 2.3),
    "lenet_inference": (2.0, 2.0),
    "resnet18_inference": (1.2, 1.2),
    "gpt_tokens_inference": (1.5, 1.5),
}
PRODUCT = 1.9
FUSED = 1.0  # the fused operator against PyTorch's layers, forward and backward apart

Row = Mapping[str, str]


def section(page: str, name: str) -> str:
    """Return what stands between a section's markers.

    Raises:
        ValueError: the page lacks one of them.
    """
    start, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    if start not in page or end not in page:
        raise ValueError(f"the page has no section {name}: expected {start} and {end}")
    return page.split(start, 1)[1].split(end, 1)[0]


def rows(page: str, name: str) -> list[Row]:
    """Return the lines of a section's first table, each a cell by the column's head."""
    lines = section(page, name).strip().splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("|")), len(lines))
    cells = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    return [dict(zip(cells[0], each, strict=True)) for each in cells[2:]]


def targets_table(page: str) -> str:
    """Return a line for each target: wanted, reached with 2 threads and with 1; reached in bold.

    Beside them what would be reached with 1 thread if every kernel ran at the machine's peak and
    Python took no time.
    """
    two, one, needs = (_by_workload(page, name) for name in ("train-2", "train-1", "profile"))
    lines = []
    for workload, targets in TARGETS.items():
        cells = [workload]
        for theirs, target in zip(("torch", "best"), targets, strict=True):
            reached = [found.get(workload, {}).get(f"{theirs} / ours", "") for found in (two, one)]
            time = one.get(workload, {}).get(theirs, "")
            cells += [f"{target:.3g}", *(_shown(cell, target) for cell in reached)]
            cells.append(_at_peak(time, needs.get(workload, {}).get("least, ms", "")))
        lines.append(cells)
    product = [f"{PRODUCT}", _shown(_product(page), PRODUCT), "", ""]
    lines.append(["1024 x 1024 product", *product, *product])
    lines += [
        [name, f"> {FUSED:.0f}", _shown(value, FUSED), *[""] * 6] for name, value in _fused(page)
    ]
    head = ["torch: target", "2 threads", "1 thread", "at the peak"]
    return table(["workload", *head, f"best {head[0]}", *head[1:]], lines, markdown=True)


def _by_workload(page: str, name: str) -> dict[str, Row]:
    return {row["workload"]: row for row in rows(page, name)}


def _at_peak(theirs: str, least: str) -> str:
    return f"{float(theirs.split()[0]) / float(least):.1f}" if theirs and least else ""


def _shown(cell: str, target: float) -> str:
    """Return the ratio of the minima, in bold where it reaches the target."""
    if not cell:
        return ""
    value = cell.split()[0]
    return f"**{value}**" if float(value) >= target else value


def _product(page: str) -> str:
    by = {row["library"]: row for row in rows(page, "matmul")}
    if not {"rushlight", "torch"} <= set(by):
        return ""
    return f"{float(by['torch']['best, ms']) / float(by['rushlight']['best, ms']):.2f}"


def _fused(page: str) -> list[tuple[str, str]]:
    """Return forward and backward of the fused operator against PyTorch's two layers."""
    by = {(r["convolutions"], r["network"], r["framework"]): r for r in rows(page, "fused")}
    found = []
    for count, network, framework in by:
        theirs = by.get((count, "CNNBaseline", "torch"))
        if network != "CNNFused" or framework != "rushlight" or theirs is None:
            continue
        ours = by[count, network, framework]
        for part in ("forward", "backward"):
            ratio = f"{float(theirs[part]) / float(ours[part]):.2f}"
            found.append((f"CNNFused, {count} convolutions, {part}", ratio))
    return found
