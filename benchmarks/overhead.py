"""What one small operator costs, beside PyTorch: microseconds for one element.

python -m benchmarks.overhead [--rounds 3] [--markdown]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median

from _bench.contenders import DEFAULT_TORCH, OURS, Round, installed, rounds
from _bench.tables import digits, table


def measure(count: int, seconds: float = 0.3) -> list[Round]:
    """Return rounds of both frameworks in turn, on one thread."""
    settings = {"threads": 1, "seconds": seconds}
    names = installed((OURS, DEFAULT_TORCH))
    return rounds("overhead", settings, names, count, title="operators of one element")


def overhead_table(done: Sequence[Round], *, markdown: bool = False) -> str:
    """Return a line for each operator: ours, minimum (median); PyTorch's minimum; their ratio."""
    found = {
        name: [r.found for r in done if r.contender == name and r.found is not None]
        for name in (OURS, DEFAULT_TORCH)
    }
    rows = []
    for name in found[OURS][0]:
        ours = [1e6 * each[name] for each in found[OURS]]
        theirs = min((1e6 * each[name] for each in found[DEFAULT_TORCH]), default=None)
        beside = ["", ""] if theirs is None else [digits(theirs), f"{theirs / min(ours):.2f}"]
        rows.append([name, f"{digits(min(ours))} ({digits(median(ours))})", *beside])
    return table(["one element, us", "rushlight", "torch", "/ ours"], rows, markdown=markdown)


def main() -> None:
    """Measure both frameworks in turn and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    options = parser.parse_args()
    print(overhead_table(measure(options.rounds), markdown=options.markdown))


if __name__ == "__main__":
    main()
