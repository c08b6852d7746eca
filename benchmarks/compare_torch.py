"""Steps of whole workloads on rushlight and on PyTorch, in turn, in processes of their own.

    python -m benchmarks.compare_torch                       # every workload, 2 threads
    python -m benchmarks.compare_torch --workload lenet mlp --threads 1 2 --rounds 5
    python -m benchmarks.compare_torch --contenders rushlight torch --markdown --json out.json

Contenders: rushlight; torch (as installed); torch-malloc (glibc keeps freed memory);
torch-channels-last (that, and images with channels last: only where there are images);
torch-compile (torch-malloc with torch.compile, needs a C++ compiler; half a minute for each
workload, so it takes part in the first rounds only); rushlight-channels-last (only if asked for).
A round runs each once in a fresh process, one after the other: it warms up, then times steps. A
contender that fails shows as a dash, with its reason below the table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from _bench.contenders import CONTENDERS, USUAL, Compiling, installed
from _bench.machine import describe
from _bench.results import EXPLANATION, compare, failures, parts_table, ratio_table
from _bench.workloads import WORKLOADS


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    made.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=list(USUAL))
    made.add_argument("--threads", type=int, nargs="+", default=[2])
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--compile-rounds", type=int, default=Compiling.rounds, metavar="ROUNDS",
                      help="of torch-compile (default: %(default)s; 0 leaves it out)")  # fmt: skip
    made.add_argument("--seconds", type=float, default=1.0, help="of timing in each process")
    made.add_argument("--batch", type=int, help="in place of the workload's own")
    made.add_argument("--warmup", type=int, default=10, help="steps before timing (default: 10)")
    made.add_argument("--markdown", action="store_true", help="tables in Markdown")
    made.add_argument("--json", type=Path, help="also write every timing here")
    return made


def main() -> None:
    """Run the comparison the command line asks for."""
    options = parser().parse_args()
    contenders = installed(options.contenders)
    print(f"{describe()}\n{EXPLANATION}")
    written = {}
    for threads in options.threads:
        settings = {
            "threads": threads,
            "seconds": options.seconds,
            "warmup": options.warmup,
            "batch": options.batch,
        }
        results = compare(
            options.workload, contenders, settings, options.rounds,
            compiled_count=options.compile_rounds,
        )  # fmt: skip
        written[str(threads)] = results
        print(f"\n{threads} threads, {options.rounds} rounds\n")
        print(ratio_table(results, markdown=options.markdown), end="\n\n")
        print("\n".join([parts_table(results, markdown=options.markdown), *failures(results)]))
    if options.json:
        options.json.write_text(json.dumps({"machine": describe(), "threads": written}))


if __name__ == "__main__":
    main()
