"""Time how long a C++ extension takes to build or, if it is built, to load."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from typing import Any

SOURCE = """
#include <torch/extension.h>
#include <cmath>

torch::Tensor gelu(const torch::Tensor& x) {
  TORCH_CHECK(x.is_floating_point(), "gelu: expected a floating-point tensor");
  return 0.5 * x * (1 + torch::erf(x * M_SQRT1_2));
}

torch::Tensor gelu_backward(const torch::Tensor& grad, const torch::Tensor& x) {
  auto cdf = 0.5 * (1 + torch::erf(x * M_SQRT1_2));
  auto pdf = torch::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
  return grad * (cdf + x * pdf);
}
"""


def main(settings: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of the import of the framework and of `load_inline`."""
    start = time.perf_counter()
    T = importlib.import_module(settings["framework"])
    extensions = importlib.import_module(f"{settings['framework']}.utils.cpp_extension")
    imported = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        module = extensions.load_inline(
            "bench_gelu",
            [SOURCE],
            functions=["gelu", "gelu_backward"],
            build_directory=settings["folder"],
        )
    built = time.perf_counter()
    x = T.linspace(-3, 3, 7, dtype=T.float64)
    difference = (module.gelu(x) - T.nn.functional.gelu(x)).abs().max().item()
    if difference > 1e-15:
        raise RuntimeError(f"the extension is wrong by {difference}")
    return {"import": imported - start, "build": built - imported}
