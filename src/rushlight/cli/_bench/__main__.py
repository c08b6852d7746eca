"""`python PATH/_bench WORKER`: settings arrive as JSON on stdin, results leave on stdout."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    worker = importlib.import_module(f"_bench.{sys.argv[1]}")
    del sys.path[0]
    print("\n" + json.dumps(worker.main(json.load(sys.stdin))))
