"""Every native kernel in float32 against float64, beside PyTorch on the same data.

    python tests/oracle/kernel_accuracy.py                   # everything: a minute
    python tests/oracle/kernel_accuracy.py --only conv gelu
    python tests/oracle/kernel_accuracy.py --worse           # only what is worse than PyTorch
    python tests/oracle/kernel_accuracy.py --summary         # a line for each family

The exact values are PyTorch's in float64 from the same float32 inputs. For each result and each
gradient: the root mean square of the error over that of the values (rms) and the largest error over
the largest value (max), both in units of 2^-24; for functions of one number, errors in ulps.
A line is marked where ours is more than twice PyTorch's and more than one such unit.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import rushlight
from rushlight.cli._bench.tables import table

UNIT = 2.0**-24
FACTOR = 2.0
FLOOR = 0.25  # errors below this are those of the last rounding

Function = Callable[..., Any]


@dataclass
class Case:
    """A function (T, *tensors) -> tensor or tuple, on arrays; gradients where `grads` says so."""

    name: str
    function: Function
    arrays: list[np.ndarray]
    grads: tuple[int, ...] = ()
    labels: tuple[str, ...] = ("y",)
    in_ulps: bool = False
    exact: Function | None = None  # where PyTorch's own float64 is not exact


@dataclass
class Line:
    """Errors of one result: ours and PyTorch's, average and worst."""

    name: str
    ours: tuple[float, float]
    theirs: tuple[float, float]
    unit: str = field(default="u")

    @property
    def factor(self) -> float:
        """How many times PyTorch's error ours is, where ours is more than a unit."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return max((a / max(b, 0.5) for a, b in pairs if a > 1), default=0.0)


def rng(name: str) -> np.random.Generator:
    """Return random numbers that depend on the case alone."""
    return np.random.default_rng(list(name.encode()))


def values(name: str, *shapes: Sequence[int], scale: float = 1.0) -> list[np.ndarray]:
    """Return normal float32 arrays of the shapes."""
    random = rng(name)
    return [(scale * random.standard_normal(shape)).astype(np.float32) for shape in shapes]


def run(T: Any, case: Case, dtype: Any, function: Function | None = None) -> list[np.ndarray]:
    """Return the results and the gradients of a case as float64 arrays."""
    tensors = []
    for i, array in enumerate(case.arrays):
        tensor = T.from_numpy(array.copy())
        if array.dtype == np.float32:
            tensor = tensor.to(dtype)
        tensors.append(tensor.requires_grad_() if i in case.grads else tensor)
    y = (function or case.function)(T, *tensors)
    results = list(y) if isinstance(y, tuple) else [y]
    found = [r.detach() for r in results]
    if case.grads:
        random = rng(case.name + " gradient")
        upstream = [
            T.from_numpy(random.standard_normal(tuple(r.shape)).astype(np.float32)).to(dtype)
            for r in results
        ]
        found += T.autograd.grad(results, [tensors[i] for i in case.grads], upstream)
    return [f.to(T.float64).numpy() for f in found]


def relative(got: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Return the average and the largest error in units of 2^-24."""
    error = np.abs(got - exact)
    size = np.sqrt((exact**2).mean()) or 1.0
    largest = np.abs(exact).max() or 1.0
    return float(np.sqrt((error**2).mean()) / size / UNIT), float(error.max() / largest / UNIT)


def ulps(got: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Return the average and the largest error in units of the last place of the exact value."""
    least = np.finfo(np.float32).tiny
    place = np.spacing(np.maximum(np.abs(exact), least).astype(np.float32)).astype(np.float64)
    error = np.abs(got - exact) / place
    return float(error.mean()), float(error.max())


def measure(case: Case) -> Iterator[Line]:
    """Yield a line for each result of a case."""
    exact = run(torch, case, torch.float64, case.exact)
    ours, theirs = (run(T, case, T.float32) for T in (rushlight, torch))
    labels = [*case.labels, *(f"grad {i}" for i in case.grads)]
    if len(labels) != len(exact):
        labels = [f"y{i}" for i in range(len(exact) - len(case.grads))] + labels[len(case.labels) :]
    error = ulps if case.in_ulps else relative
    unit = "ulp" if case.in_ulps else "u"
    for label, e, a, b in zip(labels, exact, ours, theirs, strict=True):
        yield Line(f"{case.name}: {label}", error(a, e), error(b, e), unit)


# ---- products ----


def products() -> Iterator[Case]:
    shapes = [
        (1, 1, 1), (3, 5, 7), (17, 33, 65), (64, 120, 256), (20, 1024, 256), (128, 512, 784),
        (768, 128, 512), (256, 256, 256), (700, 1000, 256), (1, 512, 512), (512, 1, 512),
        (31, 47, 10000), (8, 8, 100000), (2, 3, 50000),
    ]  # fmt: skip
    for m, n, k in shapes:
        name = f"gemm {m}x{n}x{k}"
        yield Case(name, lambda T, a, b: a @ b, values(name, (m, k), (k, n)), (0, 1))
    name = "gemm 12x4 batch of 64x64x32"
    yield Case(name, lambda T, a, b: a @ b, values(name, (12, 4, 64, 32), (12, 4, 32, 64)), (0, 1))
    name = "gemm transposed 65x129x257"
    yield Case(name, lambda T, a, b: a.T @ b.T, values(name, (257, 65), (129, 257)), (0, 1))
    for m, n, k in ((64, 120, 256), (768, 512, 128), (128, 10, 512)):
        name = f"linear {m}x{n}x{k}"
        arrays = values(name, (m, k), (n, k), (n,))
        yield Case(name, lambda T, x, w, b: T.nn.functional.linear(x, w, b), arrays, (0, 1, 2))


# ---- convolutions ----


def convolutions() -> Iterator[Case]:
    # inputs, outputs, size, images, options
    shapes: list[tuple[int, int, int, int, dict[str, Any]]] = [
        (64, 64, 32, 4, {"padding": 1}),
        (128, 128, 16, 4, {"padding": 1}),
        (256, 256, 8, 4, {"padding": 1}),
        (512, 512, 4, 4, {"padding": 1}),
        (64, 64, 31, 3, {"padding": 1}),
        (64, 128, 32, 4, {"padding": 1, "stride": 2}),
        (256, 512, 8, 4, {"padding": 1, "stride": 2}),
        (64, 128, 32, 4, {"stride": 2, "kernel": 1}),
        (64, 128, 24, 4, {"kernel": 1}),
        (3, 64, 48, 4, {"padding": 1}),
        (3, 5, 17, 5, {"padding": 2, "kernel": 5}),
        (7, 13, 19, 3, {"padding": 1, "stride": 3}),
        (64, 64, 24, 4, {"padding": 1, "stride": 2, "groups": 64}),
        (64, 64, 24, 4, {"padding": 1, "groups": 64}),
        (5, 10, 24, 4, {"padding": 1, "groups": 5}),
        (64, 64, 16, 4, {"padding": 1, "groups": 4}),
        (12, 18, 15, 4, {"padding": 1, "groups": 3}),
        (64, 64, 32, 4, {"padding": 2, "dilation": 2}),
        (9, 11, 21, 3, {"padding": 3, "dilation": 3, "stride": 2}),
        (1, 6, 28, 64, {"kernel": 5}),
        (6, 16, 12, 64, {"kernel": 5}),
        (1, 1, 28, 64, {"padding": 1}),
        (16, 32, 20, 2, {"kernel": 7, "padding": 3, "stride": 2}),
    ]
    for inputs, outputs, size, images, options in shapes:
        kernel = options.pop("kernel", 3)
        groups = options.get("groups", 1)
        words = " ".join(f"{key} {value}" for key, value in options.items())
        name = f"conv {inputs}->{outputs} {kernel}x{kernel} {size}x{size} {words}".rstrip()
        arrays = values(
            name, (images, inputs, size, size), (outputs, inputs // groups, kernel, kernel),
            (outputs,),
        )  # fmt: skip

        def function(T: Any, x: Any, w: Any, b: Any, options: Any = options) -> Any:
            return T.nn.functional.conv2d(x, w, b, **options)

        yield Case(name, function, arrays, (0, 1, 2))
    name = "conv1d 8->12 5, length 100"
    arrays = values(name, (4, 8, 100), (12, 8, 5), (12,))
    yield Case(name, lambda T, x, w, b: T.nn.functional.conv1d(x, w, b), arrays, (0, 1, 2))
    name = "conv transposed 32->16 3x3 stride 2"
    arrays = values(name, (4, 32, 12, 12), (32, 16, 3, 3), (16,))
    yield Case(
        name, lambda T, x, w, b: T.nn.functional.conv_transpose2d(x, w, b, 2, 1), arrays, (0, 1, 2)
    )


# ---- normalisation, pooling ----


def norms() -> Iterator[Case]:
    for offset in (0.0, 10.0, 1000.0):
        name = f"batch norm 32x16x24x24, mean {offset:g}"
        x, w, b = values(name, (32, 16, 24, 24), (16,), (16,))

        def batch_norm(T: Any, x: Any, w: Any, b: Any) -> Any:
            return T.nn.functional.batch_norm(x, None, None, w, b, training=True)

        yield Case(name, batch_norm, [x + np.float32(offset), w, b], (0, 1, 2))
    name = "batch norm, eval"
    x, w, b, mean = values(name, (32, 16, 24, 24), (16,), (16,), (16,))
    var = np.abs(mean) + np.float32(0.5)

    def evaluated(T: Any, x: Any, w: Any, b: Any, mean: Any, var: Any) -> Any:
        return T.nn.functional.batch_norm(x, mean, var, w, b)

    yield Case(name, evaluated, [x, w, b, mean, var], (0, 1, 2))
    for rows, length, offset in (
        (768, 128, 0.0),
        (64, 1000, 10.0),
        (7, 33, 1000.0),
        (4, 70000, 1.0),
    ):
        name = f"layer norm {rows}x{length}, mean {offset:g}"
        x, w, b = values(name, (rows, length), (length,), (length,))

        def layer_norm(T: Any, x: Any, w: Any, b: Any) -> Any:
            return T.nn.functional.layer_norm(x, w.shape, w, b)

        yield Case(name, layer_norm, [x + np.float32(offset), w, b], (0, 1, 2))
    name = "group norm 8 groups, 16x32x10x10"
    arrays = values(name, (16, 32, 10, 10), (32,), (32,))
    yield Case(name, lambda T, x, w, b: T.nn.functional.group_norm(x, 8, w, b), arrays, (0, 1, 2))
    name = "instance norm 8x6x20x20"
    yield Case(
        name, lambda T, x: T.nn.functional.instance_norm(x), values(name, (8, 6, 20, 20)), (0,)
    )
    name = "RMS norm 768x128"
    arrays = values(name, (768, 128), (128,))
    yield Case(name, lambda T, x, w: T.nn.functional.rms_norm(x, w.shape, w), arrays, (0, 1))


def pools() -> Iterator[Case]:
    for kind in ("avg", "max"):
        for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1), (8, 8, 0)):
            name = f"{kind} pool {kernel}x{kernel} stride {stride} padding {padding}"

            def pool(T: Any, x: Any, kind: str = kind, k: Any = (kernel, stride, padding)) -> Any:
                return getattr(T.nn.functional, f"{kind}_pool2d")(x, *k)

            yield Case(name, pool, values(name, (8, 7, 24, 24)), (0,))
    name = "adaptive avg pool to 1x1 of 64x64"
    yield Case(
        name,
        lambda T, x: T.nn.functional.adaptive_avg_pool2d(x, 1),
        values(name, (8, 7, 64, 64)),
        (0,),
    )


# ---- softmax, loss, attention ----


def softmaxes() -> Iterator[Case]:
    for kind in ("softmax", "log_softmax"):
        for rows, length, scale in (
            (64, 10, 1.0),
            (100, 1000, 10.0),
            (8, 50257, 3.0),
            (5, 3, 50.0),
        ):
            name = f"{kind} {rows}x{length}, scale {scale:g}"

            def function(T: Any, x: Any, kind: str = kind) -> Any:
                return getattr(T, kind)(x, -1)

            yield Case(name, function, values(name, (rows, length), scale=scale), (0,))
    for rows, classes, options in (
        (64, 10, {}),
        (700, 10000, {}),
        (64, 10, {"reduction": "none"}),
        (64, 100, {"reduction": "sum", "label_smoothing": 0.1}),
        (20000, 65, {}),
    ):
        words = " ".join(f"{key} {value}" for key, value in options.items())
        name = f"cross-entropy {rows}x{classes} {words}".rstrip()
        target = rng(name + " target").integers(0, classes, rows)

        def loss(T: Any, x: Any, target: Any, options: Any = options) -> Any:
            return T.nn.functional.cross_entropy(x, target, **options)

        yield Case(name, loss, [*values(name, (rows, classes), scale=3.0), target], (0,))
    for shape, causal, scale in (
        ((12, 4, 64, 32), True, 1.0),
        ((2, 4, 200, 64), False, 1.0),
        ((2, 2, 513, 40), True, 3.0),
        ((1, 1, 7, 5), False, 1.0),
    ):
        name = f"attention {'x'.join(map(str, shape))}{', causal' * causal}, scale {scale:g}"

        def attention(T: Any, q: Any, k: Any, v: Any, causal: bool = causal) -> Any:
            return T.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

        yield Case(name, attention, values(name, shape, shape, shape, scale=scale), (0, 1, 2))


# ---- functions of one number ----


def _exact_gelu_tanh(T: Any, x: Any) -> Any:
    return x * T.sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


EXACT: dict[str, Function] = {
    "GELU": lambda T, x: x * T.special.ndtr(x),
    "GELU (tanh)": _exact_gelu_tanh,
}


def maps() -> Iterator[Case]:
    random = rng("maps")
    x = np.concatenate(
        [
            random.normal(0, 2, 200_000),
            random.uniform(-20, 20, 50_000),
            random.uniform(-1e-3, 1e-3, 20_000),
            10 ** random.uniform(-30, 0, 5_000),
        ]
    ).astype(np.float32)
    functions: dict[str, Callable[[Any, Any], Any]] = {
        "exp": lambda T, x: T.exp(x),
        "erf": lambda T, x: T.erf(x),
        "tanh": lambda T, x: T.tanh(x),
        "sigmoid": lambda T, x: T.sigmoid(x),
        "silu": lambda T, x: T.nn.functional.silu(x),
        "GELU": lambda T, x: T.nn.functional.gelu(x),
        "GELU (tanh)": lambda T, x: T.nn.functional.gelu(x, approximate="tanh"),
        "leaky ReLU": lambda T, x: T.nn.functional.leaky_relu(x, 0.1),
    }
    near = x[np.abs(x) < 6]
    for name, function in functions.items():
        exact = EXACT.get(name)
        if exact is None:
            yield Case(name, function, [x], in_ulps=True)
        # GELU's left tail is a difference of nearly equal numbers, here and in PyTorch.
        yield Case(f"{name}, x > 0", function, [np.abs(x)], in_ulps=True, exact=exact)
        yield Case(f"{name}, -6 < x < 0", function, [-np.abs(near)], (0,), exact=exact)
        yield Case(name, function, [x], (0,), exact=exact)


# ---- sequences, tables ----


def recurrent() -> Iterator[Case]:
    for kind, gates, inputs, hidden, steps, batch in (
        ("LSTM", 4, 28, 128, 28, 64),
        ("LSTM", 4, 33, 47, 35, 5),
        ("GRU", 3, 28, 128, 28, 64),
        ("GRU", 3, 33, 47, 35, 5),
        ("RNN", 1, 33, 47, 20, 5),
    ):
        name = f"{kind} {inputs}->{hidden}, {steps} steps, batch {batch}"
        shapes = (
            (gates * hidden, inputs),
            (gates * hidden, hidden),
            (gates * hidden,),
            (gates * hidden,),
        )
        arrays = values(name, (steps, batch, inputs)) + values(
            name + " w", *shapes, scale=hidden**-0.5
        )

        def layer(
            T: Any, x: Any, *weights: Any, kind: str = kind, sizes: Any = (inputs, hidden)
        ) -> Any:
            made = getattr(T.nn, kind)(*sizes).to(x.dtype)
            names = [n for n, _ in made.named_parameters()]
            y, state = T.func.functional_call(made, dict(zip(names, weights, strict=True)), (x,))
            return (y, *(state if isinstance(state, tuple) else (state,)))

        yield Case(name, layer, arrays, (0, 1, 2, 3, 4))


def tables() -> Iterator[Case]:
    for rows, width, count in ((10000, 256, 700), (65, 128, 768), (3, 17, 50000)):
        name = f"embedding {count} of {rows}x{width}"
        index = rng(name).integers(0, rows, count)

        def embedding(T: Any, w: Any, index: Any) -> Any:
            return T.nn.functional.embedding(index, w)

        yield Case(name, embedding, [*values(name, (rows, width)), index], (0,))
    for shape, axis in (((64, 20000), 1), ((20000, 64), 0), ((300, 17), 0), ((8, 64, 900), (0, 2))):
        name = f"sum of {'x'.join(map(str, shape))} over {axis}"
        (x,) = values(name, shape)

        def total(T: Any, x: Any, axis: Any = axis) -> Any:
            return x.sum(axis)

        yield Case(name, total, [x])
        yield Case(f"{name}, near 10", total, [x + np.float32(10)])


# ---- optimizers ----

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.01}),
    "SGD, momentum": ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.01}),
    "SGD, Nesterov": ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {"lr": 1e-3, "weight_decay": 0.01}),
    "Adam, amsgrad": ("Adam", {"lr": 1e-3, "amsgrad": True}),
    "AdamW": ("AdamW", {"lr": 1e-3}),
    "NAdam": ("NAdam", {"lr": 1e-3}),
    "RMSprop": ("RMSprop", {"lr": 1e-3, "momentum": 0.9, "centered": True}),
    "Adagrad": ("Adagrad", {"lr": 1e-2}),
}


def optimizers() -> Iterator[Case]:
    for label, (kind, options) in OPTIMIZERS.items():
        name = f"{label}, 20 steps"
        arrays = values(name, (1000,), (20, 1000))

        def steps(T: Any, p: Any, g: Any, kind: str = kind, options: Any = options) -> Any:
            start = p.clone()
            parameter = T.nn.Parameter(p)
            optimizer = getattr(T.optim, kind)([parameter], **options)
            for row in g:
                parameter.grad = row.clone()
                optimizer.step()
            # What float32 adds to the parameter is small beside it: the change shows more.
            return parameter.detach() - start

        yield Case(name, steps, arrays)


FAMILIES = (
    products, convolutions, norms, pools, softmaxes, maps, recurrent, tables, optimizers,
)  # fmt: skip


def show(line: Line) -> str:
    """Return a line of the table."""
    cells = "".join(
        f"{ours:>10.3g}{theirs:>10.3g}" for ours, theirs in zip(line.ours, line.theirs, strict=True)
    )
    mark = f"  worse, {line.factor:.1f} times" if line.factor > FACTOR else ""
    return f"{line.name:<64}{line.unit:>4}{cells}{mark}"


def summary(by_family: dict[str, list[Line]], *, markdown: bool) -> str:
    """Return a line for each family: the typical and the worst ratio of our error to PyTorch's."""
    rows = []
    for family, lines in by_family.items():
        ratios = [
            max(line.ours[0], FLOOR) / max(line.theirs[0], FLOOR)
            for line in lines
            if line.unit == "u"
        ]
        worst = max(lines, key=lambda line: line.factor)
        rows.append(
            [
                family,
                f"{worst.name}, {worst.factor:.1f}" if worst.factor > FACTOR else "",
                str(len(lines)),
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f}",
                str(sum(line.factor > FACTOR for line in lines)),
            ]
        )
    head = ["kernels", "worst", "results", "median of ours / torch", "least", "over 2"]
    return table(head, rows, names=2, markdown=markdown)


def main() -> None:
    """Print the table and what is worse than PyTorch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="cases whose name contains one")
    parser.add_argument("--worse", action="store_true", help="show only what is worse")
    parser.add_argument("--summary", action="store_true", help="show a line for each family")
    parser.add_argument("--markdown", action="store_true", help="the summary in Markdown")
    options = parser.parse_args()
    wanted = [text.lower() for text in options.only]
    by_family: dict[str, list[Line]] = {}
    if not options.summary:
        print(f"{'':<64}{'':>4}{'mean':>10}{'torch':>10}{'worst':>10}{'torch':>10}")
    for family in FAMILIES:
        for case in family():
            if wanted and not any(text in case.name.lower() for text in wanted):
                continue
            for line in measure(case):
                by_family.setdefault(family.__name__, []).append(line)
                if not options.summary and (line.factor > FACTOR or not options.worse):
                    print(show(line), flush=True)
    if options.summary:
        print(summary(by_family, markdown=options.markdown))
    lines = [line for found in by_family.values() for line in found]
    worse = sum(line.factor > FACTOR for line in lines)
    print(f"\n{len(lines)} results, {worse} of them more than {FACTOR:g} times PyTorch's error.")


if __name__ == "__main__":
    main()
