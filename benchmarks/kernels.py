"""Single operators beside PyTorch, and what share of the machine's measured peak they reach.

    python -m benchmarks.kernels                             # all, 2 threads
    python -m benchmarks.kernels --only conv matmul --threads 1 --rounds 5
    python -m benchmarks.kernels --contenders rushlight --markdown --json out.json

The peaks are measured first: multiply-adds in registers, and copies of several sizes (without a C++
compiler the best matrix product, and NumPy's copies).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from _bench import operators
from _bench.contenders import CONTENDERS, installed
from _bench.machine import describe


def main() -> None:
    """Run the measurements the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [name for name, c in CONTENDERS.items() if not (c.compiled or c.channels_last)]
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT",
                        help="operators whose name contains one of these")  # fmt: skip
    parser.add_argument("--contenders", nargs="+", choices=names, default=names)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1, help="for each, in each round")
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    parser.add_argument("--json", type=Path, help="also write what was measured here")
    options = parser.parse_args()
    settings = {
        "threads": options.threads,
        "seconds": options.seconds,
        "only": options.only,
    }
    found = operators.compare(installed(options.contenders), settings, options.rounds)
    print(f"{describe()}\n{options.threads} threads, {options.rounds} rounds\n")
    print(operators.kernel_table(found, markdown=options.markdown), end="\n\n")
    print("\n".join([*operators.failure_lines(found), operators.peak_line(found)]))
    print(operators.EXPLANATION)
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
