"""Single operators: what to call, how much arithmetic it is and how much memory it moves.

The same code runs on PyTorch and on rushlight: `T` is the framework's module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

# T -> a function and the tensors it is called with.
Build = Callable[[Any], tuple[Callable[..., Any], list[Any]]]

FORWARD = "forward"


@dataclass(frozen=True)
class Case:
    """One direction of one operator."""

    name: str
    direction: str
    build: Build
    wanted: tuple[int, ...] = ()  # the tensors whose gradients are computed; none: forward
    flops: float = 0.0  # of products and sums; 0 where memory is what counts
    traffic: float | None = None  # bytes; None: every tensor, gradient and result once
    saves_inputs: bool = True  # backward reads the inputs, too

    @property
    def key(self) -> str:
        """Name and direction."""
        return f"{self.name}, {self.direction}"

    def prepare(self, T: Any) -> tuple[Callable[[], Any], float]:
        """Return what runs it once, and the bytes that have to move."""
        function, tensors = self.build(T)
        if not self.wanted:
            y = function(*tensors)
            moved = [*tensors, y]

            def call() -> Any:
                y = function(*tensors)
                if y is not None:
                    y.data_ptr()  # rushlight leaves some last steps to the operator behind
                return y

        else:
            leaves = [tensors[i].requires_grad_() for i in self.wanted]
            y = function(*tensors)
            g = T.randn(y.shape)
            moved = [*(tensors if self.saves_inputs else ()), g, *leaves]

            def call() -> Any:
                return T.autograd.grad(y, leaves, g, retain_graph=True)

        return call, _bytes(moved) if self.traffic is None else self.traffic


def _bytes(tensors: Iterable[Any]) -> float:
    found = [t for t in tensors if hasattr(t, "element_size")]
    return float(sum(t.numel() * t.element_size() for t in found))


def _both(
    name: str, build: Build, wanted: Sequence[int] = (0,), *, saves_inputs: bool = True
) -> list[Case]:
    """Forward and backward of an operator that memory limits."""
    backward = Case(name, "backward", build, tuple(wanted), saves_inputs=saves_inputs)
    return [Case(name, FORWARD, build), backward]


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


# ---- elementwise ----


def _map(name: str, function: Callable[[Any], Callable[[Any], Any]], n: int = 1 << 20) -> Case:
    return Case(f"{name} {n >> 20} M", FORWARD, lambda T: (function(T), [T.randn(n)]))


def _elementwise() -> list[Case]:
    n = 1 << 20

    def gelu(T: Any) -> Any:
        return T.nn.functional.gelu, [T.randn(n)]

    return [
        Case("add 1 M", FORWARD, lambda T: (T.add, [T.randn(n), T.randn(n)])),
        _map("relu", lambda T: T.relu),
        _map("exp(-relu(2 x + 1))", lambda T: lambda x: T.exp(-T.relu(2 * x + 1))),
        _map("exp", lambda T: T.exp),
        _map("erf", lambda T: T.erf),
        _map("tanh", lambda T: T.tanh),
        _map("sigmoid", lambda T: T.sigmoid),
        _map("GELU (tanh)", lambda T: lambda x: T.nn.functional.gelu(x, approximate="tanh")),
        *_both("GELU 1 M", gelu),
    ]


# ---- rows, planes ----


def _rows() -> list[Case]:
    shape = (1024, 1024)

    def softmax(T: Any) -> Any:
        return (lambda x: T.softmax(x, -1)), [T.randn(*shape)]

    def log_softmax(T: Any) -> Any:
        return (lambda x: T.log_softmax(x, -1)), [T.randn(*shape)]

    def layer_norm(T: Any) -> Any:
        def function(x: Any, w: Any, b: Any) -> Any:
            return T.nn.functional.layer_norm(x, shape[1:], w, b)

        return function, [T.randn(*shape), T.randn(1024), T.randn(1024)]

    return [
        *_both("softmax 1024x1024", softmax),
        *_both("log_softmax 1024x1024", log_softmax),
        *_both("layer norm 1024x1024", layer_norm, (0, 1, 2)),
    ]


def _planes(shape: Sequence[int]) -> list[Case]:
    channels, text = shape[1], _shape(shape)

    def batch_norm(T: Any) -> Any:
        mean, var = T.zeros(channels), T.ones(channels)

        def function(x: Any, w: Any, b: Any) -> Any:
            return T.nn.functional.batch_norm(x, mean, var, w, b, training=True)

        return function, [T.randn(*shape), T.randn(channels), T.randn(channels)]

    def max_pool(T: Any) -> Any:
        return (lambda x: T.nn.functional.max_pool2d(x, 2)), [T.randn(*shape)]

    def avg_pool(T: Any) -> Any:
        return (lambda x: T.nn.functional.avg_pool2d(x, 2)), [T.randn(*shape)]

    return [
        *_both(f"batch norm {text}", batch_norm, (0, 1, 2)),
        *_both(f"max pool 2x2 {text}", max_pool, saves_inputs=False),
        *_both(f"avg pool 2x2 {text}", avg_pool, saves_inputs=False),
    ]


def _words() -> list[Case]:
    count, words, width = 700, 10_000, 256

    def cross_entropy(T: Any) -> Any:
        target = T.randint(0, words, (count,))
        return (lambda x: T.nn.functional.cross_entropy(x, target)), [T.randn(count, words)]

    def embedding(T: Any) -> Any:
        index = T.randint(0, words, (count,))
        return (lambda w: T.nn.functional.embedding(index, w)), [T.randn(words, width)]

    rows, table = 4.0 * count * width, 4.0 * words * width
    name = f"embedding {count} of {words}x{width}"
    return [
        *_both(f"cross-entropy {count}x{words}", cross_entropy),
        Case(name, FORWARD, embedding, traffic=2 * rows),
        Case(name, "backward", embedding, (0,), traffic=rows + table),
    ]


# ---- optimizers ----

_MODELS: dict[str, list[tuple[int, ...]]] = {
    "LeNet-5": [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 256), (120,), (84, 120), (84,),
                (10, 84), (10,)],
    "MLP": [(512, 784), (512,), (512, 512), (512,), (10, 512), (10,)],
    "11 M": [(512, 512, 3, 3)] * 4 + [(512, 256, 3, 3)] + [(64,)] * 60,
}  # fmt: skip


def _optimizers() -> list[Case]:
    def step(name: str, shapes: Sequence[Sequence[int]], options: dict[str, Any]) -> Build:
        def build(T: Any) -> Any:
            parameters = [T.nn.Parameter(T.randn(*shape)) for shape in shapes]
            for p in parameters:
                p.grad = T.randn(*p.shape)
            return getattr(T.optim, name)(parameters, lr=1e-3, **options).step, []

        return build

    # Arrays read and written per step: parameter, gradient, state; parameter, state.
    methods: list[tuple[str, dict[str, Any], int]] = [
        ("SGD", {"momentum": 0.9}, 5),
        ("Adam", {}, 7),
        ("AdamW", {}, 7),
        ("NAdam", {}, 7),
    ]
    found = []
    for name, options, arrays in methods:
        for model, shapes in _MODELS.items():
            size = sum(map(prod, shapes))
            build = step(name, shapes, options)
            found.append(Case(f"{name}, {model}", "step", build, traffic=4.0 * arrays * size))
    return found


# ---- products ----


def _matmul(m: int, n: int, k: int) -> Case:
    def build(T: Any) -> Any:
        return T.matmul, [T.randn(m, k), T.randn(k, n)]

    return Case(f"matmul {m}x{n}x{k}", FORWARD, build, flops=2.0 * m * n * k)


def _linear(m: int, n: int, k: int, gelu: bool = False) -> list[Case]:
    def build(T: Any) -> Any:
        F = T.nn.functional
        function = (lambda x, w, b: F.gelu(F.linear(x, w, b))) if gelu else F.linear
        return function, [T.randn(m, k), T.randn(n, k), T.randn(n)]

    name, flops = f"linear{' + GELU' if gelu else ''} {m}x{n}x{k}", 2.0 * m * n * k
    forward = Case(name, FORWARD, build, flops=flops)
    return [forward, Case(name, "backward", build, (0, 1, 2), flops=2 * flops)]


def _products() -> list[Case]:
    return [
        _matmul(512, 512, 512),
        _matmul(1024, 1024, 1024),
        _matmul(128, 512, 784),
        _matmul(64, 120, 256),
        _matmul(20, 1024, 256),
        *_linear(128, 512, 784),
        *_linear(768, 512, 128, gelu=True),
        *_linear(768, 128, 512),
        *_linear(700, 10_000, 256),
    ]


# ---- convolutions ----


def _conv(
    inputs: int, outputs: int, size: int, images: int, *, kernel: int = 3, stride: int = 1,
    groups: int = 1, dilation: int = 1, padding: int | None = None, note: str = "",
) -> list[Case]:  # fmt: skip
    padding = dilation * (kernel // 2) if padding is None else padding
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1

    def build(T: Any) -> Any:
        def function(x: Any, w: Any) -> Any:
            return T.nn.functional.conv2d(x, w, None, stride, padding, dilation, groups)

        return function, [
            T.randn(images, inputs, size, size),
            T.randn(outputs, inputs // groups, kernel, kernel),
        ]

    flops = 2.0 * images * outputs * out * out * (inputs // groups) * kernel * kernel
    words = [f"conv {inputs}->{outputs} {kernel}x{kernel}"]
    words += [f"stride {stride}"] * (stride > 1) + [note] * bool(note)
    name = f"{' '.join(words)}, {size}x{size}, batch {images}"
    return [
        Case(name, FORWARD, build, flops=flops),
        Case(name, "input gradient", build, (0,), flops=flops),
        Case(name, "weight gradient", build, (1,), flops=flops),
    ]


def _convolutions() -> list[Case]:
    return [
        *_conv(64, 64, 32, 32),
        *_conv(128, 128, 16, 32),
        *_conv(256, 256, 8, 32),
        *_conv(512, 512, 4, 32),
        *_conv(64, 128, 32, 32, stride=2),
        *_conv(256, 512, 8, 32, stride=2),
        *_conv(64, 128, 32, 32, kernel=1, stride=2),
        *_conv(3, 64, 96, 32),
        *_conv(64, 128, 24, 32, kernel=1),
        *_conv(128, 256, 12, 32, kernel=1),
        *_conv(64, 64, 48, 32, stride=2, groups=64, note="depthwise"),
        *_conv(128, 128, 24, 32, stride=2, groups=128, note="depthwise"),
        *_conv(256, 256, 12, 32, stride=2, groups=256, note="depthwise"),
        *_conv(64, 64, 32, 32, groups=4, note="4 groups"),
        *_conv(64, 64, 32, 32, dilation=2, note="dilation 2"),
        *_conv(1, 6, 28, 64, kernel=5, padding=0),
        *_conv(6, 16, 12, 64, kernel=5, padding=0),
        *_conv(1, 1, 28, 64),
    ]


# ---- sequences ----


def _recurrent(
    kind: str, gates: int, inputs: int, hidden: int, steps: int, batch: int
) -> list[Case]:
    def build(T: Any) -> Any:
        layer = getattr(T.nn, kind)(inputs, hidden).requires_grad_(False)
        weights = list(layer.parameters())  # two matrices, two biases
        return (lambda x, *weights: layer(x)[0]), [T.randn(steps, batch, inputs), *weights]

    flops = 2.0 * steps * batch * gates * hidden * (inputs + hidden)
    name = f"{kind} {inputs}->{hidden}, {steps} steps, batch {batch}"
    return [
        Case(name, FORWARD, build, flops=flops),
        Case(name, "backward", build, (0, 1, 2, 3, 4), flops=2 * flops),
    ]


def _attention(batch: int, heads: int, length: int, width: int) -> list[Case]:
    def build(T: Any) -> Any:
        def function(q: Any, k: Any, v: Any) -> Any:
            return T.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

        return function, [T.randn(batch, heads, length, width) for _ in range(3)]

    # Two products forward, four backward; a causal mask halves them.
    flops = 2.0 * batch * heads * length * length * width
    name = f"causal attention {_shape((batch, heads, length, width))}"
    backward = Case(name, "backward", build, (0, 1, 2), flops=2 * flops)
    return [Case(name, FORWARD, build, flops=flops), backward]


CASES: list[Case] = [
    *_elementwise(),
    *_rows(),
    *_planes((32, 64, 32, 32)),
    *_planes((32, 64, 96, 96)),
    *_words(),
    *_optimizers(),
    *_products(),
    *_convolutions(),
    *_recurrent("LSTM", 4, 28, 128, 28, 64),
    *_recurrent("LSTM", 4, 256, 256, 35, 20),
    *_recurrent("GRU", 3, 256, 256, 35, 20),
    *_attention(12, 4, 64, 32),
    *_attention(4, 8, 512, 64),
]


def chosen(texts: Sequence[str]) -> list[Case]:
    """Return the cases whose key contains one of the texts; all without texts."""
    wanted = [text.lower() for text in texts]
    return [c for c in CASES if not wanted or any(text in c.key.lower() for text in wanted)]
