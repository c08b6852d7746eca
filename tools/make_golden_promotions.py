"""Write tests/golden/promotions.json: the dtype of the sum of each pair of operands, by PyTorch."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import torch

TESTS = Path(__file__).parent.parent / "tests"

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("test_tensor", TESTS / "test_tensor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table = module.promotions(torch)
    module.PROMOTIONS.write_text(json.dumps(table, indent=0) + "\n")
    print(f"{len(table)} pairs by torch {torch.__version__} in {module.PROMOTIONS}")
