"""Samples of the modules that torch's module_db leaves out, in its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.testing._internal.common_modules import FunctionInput, ModuleInput


@dataclass
class Info:
    """What moduledb.py reads of an entry of torch's module_db."""

    name: str
    cases: list[tuple[FunctionInput, list[Callable[[Any], Any]] | None]]
    train_and_eval_differ: bool = True

    @property
    def module_cls(self) -> type:
        """Torch's class."""
        return getattr(nn, self.name.removeprefix("nn."))  # type: ignore[no-any-return]

    def module_inputs_func(
        self, info: Any, device: str, dtype: Any, requires_grad: bool, training: bool
    ) -> Iterator[ModuleInput]:
        """Yield the samples; a part of the inputs is a function of `random(*shape)`."""
        generator = torch.Generator().manual_seed(0)

        def random(*shape: int) -> torch.Tensor:
            x = torch.randn(shape, generator=generator, dtype=dtype)
            return x.requires_grad_(requires_grad)

        for made, parts in self.cases:
            called = None if parts is None else FunctionInput(*(part(random) for part in parts))
            made = FunctionInput(
                *(_copied(a, dtype) for a in made.args),
                **{k: _copied(v, dtype) for k, v in made.kwargs.items()},
            )
            yield ModuleInput(made, called)


def _copied(value: Any, dtype: Any) -> Any:
    """Return a module made by a function, so that samples share none, in the dtype; else value."""
    if isinstance(value, Lambda):
        return value.make(dtype)
    return value


@dataclass
class Lambda:
    """A constructor argument that is made anew for each sample."""

    make: Callable[[Any], Any]


def of(*shape: int) -> Callable[[Any], Any]:
    """Return the part of the inputs that is a random tensor of a shape."""
    return lambda random: random(*shape)


def fixed(value: Any) -> Callable[[Any], Any]:
    """Return the part of the inputs that is a value."""
    return lambda random: value


def constant(*shape: int) -> Callable[[Any], Any]:
    """Return the part of the inputs that is random without gradient: modules may write into it."""
    return lambda random: random(*shape).detach()


def _case(*args: Any, call: Any = None, **kwargs: Any) -> Any:
    return FunctionInput(*args, **kwargs), call


def _unpool(dims: int) -> Any:
    pool = getattr(nn.functional, f"max_pool{dims}d")
    shape = (2, 3) + (6,) * dims

    def parts() -> list[Callable[[Any], Any]]:
        pooled: list[Any] = []

        def values(random: Any) -> Any:
            pooled[:] = pool(random(*shape), 2, return_indices=True)
            return pooled[0].detach().requires_grad_()

        return [values, lambda random: pooled[1]]

    return [_case(2, call=parts()), _case(2, 2, 0, call=parts())]


def _embedding_bags() -> list[Any]:
    words = torch.tensor([1, 2, 4, 5, 4, 3, 2, 9])
    offsets = torch.tensor([0, 4, 4])
    table = words.reshape(2, 4)
    cases = []
    for mode in ("sum", "mean", "max"):
        cases.append(_case(10, 3, mode=mode, call=[fixed(words), fixed(offsets)]))
        cases.append(_case(10, 3, mode=mode, padding_idx=2, call=[fixed(table)]))
        cases.append(_case(10, 3, max_norm=1.0, mode=mode, call=[fixed(table)]))
    with_end = [fixed(words), fixed(torch.tensor([0, 4, 8]))]
    cases.append(_case(10, 3, include_last_offset=True, call=with_end))
    weighted = [fixed(words), fixed(offsets), of(8)]
    cases.append(_case(10, 3, mode="sum", call=weighted))
    return cases


def _layer(dtype: Any) -> nn.Module:
    return nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True, dtype=dtype)


def _sequence(dtype: Any) -> list[nn.Module]:
    return [nn.Linear(4, 5, dtype=dtype), nn.BatchNorm1d(5, dtype=dtype), nn.Tanh()]


LOW, HIGH = (2, 3, 5), (2, 3, 4, 6)
IMAGE = [of(*HIGH)]
DECODED = [of(2, 4, 8), of(2, 5, 8)]
MASK = torch.ones(4, 4).triu(1).bool()
TRIPLE = [of(4, 6), of(4, 6), of(4, 6)]

MORE = [
    Info("nn.CosineSimilarity", [
        _case(call=[of(4, 6), of(4, 6)]), _case(0, 1e-4, call=[of(4, 6), of(6)]),
        _case(dim=-1, call=[of(2, 3, 4), of(2, 1, 4)]),
    ], False),
    Info("nn.PairwiseDistance", [
        _case(call=[of(4, 6), of(4, 6)]), _case(1, keepdim=True, call=[of(4, 6), of(6)]),
        _case(float("inf"), 0.0, call=[of(4, 6), of(4, 6)]),
    ], False),
    *(
        Info(f"nn.{name}", [
            _case(call=[of(*shape)]), _case(p=0.2, call=[of(*shape)]),
            _case(p=0.0, call=[of(*shape)]), _case(p=1.0, call=[of(*shape)]),
            _case(0.3, True, call=[constant(*shape)]),
        ])
        for name, shape in {
            "Dropout": LOW, "Dropout1d": LOW, "Dropout2d": HIGH, "Dropout3d": (2, 3, 2, 3, 4),
            "AlphaDropout": LOW, "FeatureAlphaDropout": HIGH,
        }.items()
    ),
    Info("nn.RReLU", [
        _case(call=IMAGE), _case(0.1, 0.2, call=IMAGE),
        _case(inplace=True, call=[constant(*HIGH)]),
    ]),
    Info("nn.EmbeddingBag", _embedding_bags(), False),
    Info("nn.Flatten", [
        _case(call=IMAGE), _case(0, call=IMAGE), _case(1, 2, call=IMAGE),
        _case(start_dim=-3, end_dim=-1, call=IMAGE),
    ], False),
    Info("nn.Unflatten", [
        _case(1, (3, 2), call=[of(4, 6, 2)]), _case(-1, torch.Size([2, 1, 3]), call=[of(4, 6)]),
        _case(dim=0, unflattened_size=(2, -1), call=[of(4, 6)]),
    ], False),
    Info("nn.Fold", [
        _case((4, 5), (2, 3), call=[of(2, 12, 9)]),
        _case(output_size=(6, 6), kernel_size=2, stride=2, call=[of(2, 8, 9)]),
        _case((5, 6), 3, dilation=1, padding=1, stride=(2, 1), call=[of(1, 9, 18)]),
    ], False),
    Info("nn.Unfold", [
        _case((2, 3), call=IMAGE), _case(2, dilation=2, padding=1, stride=(1, 2), call=IMAGE),
    ], False),
    Info("nn.Hardsigmoid", [
        _case(call=IMAGE), _case(inplace=True, call=[constant(*HIGH)]),
    ], False),
    Info("nn.Identity", [_case(call=IMAGE), _case(54, unused=True, call=IMAGE)], False),
    Info("nn.PixelShuffle", [_case(2, call=[of(2, 8, 3, 4)]), _case(3, call=[of(9, 2, 2)])], False),
    Info("nn.PixelUnshuffle", [_case(2, call=[of(2, 3, 4, 6)])], False),
    Info("nn.ChannelShuffle", [_case(2, call=[of(2, 4, 3, 3)])], False),
    Info("nn.TripletMarginLoss", [
        _case(call=TRIPLE), _case(0.5, 1.0, swap=True, call=TRIPLE),
        _case(reduction="none", call=TRIPLE), _case(reduction="sum", eps=1e-3, call=TRIPLE),
    ], False),
    Info("nn.TripletMarginWithDistanceLoss", [
        _case(call=TRIPLE), _case(margin=0.5, swap=True, reduction="none", call=TRIPLE),
    ], False),
    Info("nn.Upsample", [
        _case(scale_factor=2, call=[of(*LOW)]), _case((5, 7), call=IMAGE),
        _case(scale_factor=(1.5, 2.5), mode="bilinear", call=IMAGE),
        _case(size=8, mode="bicubic", align_corners=True, call=IMAGE),
        _case(scale_factor=2.0, mode="trilinear", call=[of(1, 2, 2, 3, 2)]),
        _case(scale_factor=1.7, mode="linear", recompute_scale_factor=True, call=[of(*LOW)]),
        _case(scale_factor=2, mode="nearest-exact", call=IMAGE),
    ], False),
    Info("nn.UpsamplingBilinear2d", [
        _case(scale_factor=2, call=IMAGE), _case((5, 7), call=IMAGE),
    ], False),
    Info("nn.UpsamplingNearest2d", [
        _case(scale_factor=2, call=IMAGE), _case(size=(5, 7), call=IMAGE),
    ], False),
    *(Info(f"nn.MaxUnpool{d}d", _unpool(d), False) for d in (1, 2, 3)),
    Info("nn.TransformerDecoder", [
        _case(Lambda(_layer), 2, call=DECODED),
        _case(Lambda(_layer), num_layers=1, call=[*DECODED, fixed(MASK)]),
        _case(Lambda(_layer), 2, Lambda(lambda t: nn.LayerNorm(8, dtype=t)), call=DECODED),
    ]),
    Info("nn.Sequential", [
        _case(call=IMAGE),
        _case(*(Lambda(lambda t, i=i: _sequence(t)[i]) for i in range(3)), call=[of(6, 4)]),
    ]),
    Info("nn.ModuleList", [_case(), _case(Lambda(_sequence))], False),
    Info("nn.ModuleDict", [
        _case(), _case(Lambda(lambda t: dict(zip("xyz", _sequence(t), strict=True)))),
    ], False),
    Info("nn.ParameterList", [
        _case(), _case(Lambda(lambda t: [nn.Parameter(torch.ones(2, 3, dtype=t)), 5])),
    ], False),
    Info("nn.ParameterDict", [
        _case(), _case(Lambda(lambda t: {"a": nn.Parameter(torch.ones(2, 3, dtype=t)), "b": 2})),
    ], False),
    Info("nn.AdaptiveLogSoftmaxWithLoss", [
        _case(6, 20, [5, 12], call=[of(4, 6), fixed(torch.tensor([0, 3, 13, 7]))]),
        _case(6, 20, [5], div_value=2.0, head_bias=True,
              call=[of(4, 6), fixed(torch.tensor([0, 3, 13, 7]))]),
    ], False),
    Info("nn.SyncBatchNorm", [_case(3), _case(3, 1e-3, None, affine=False)], False),
    Info("nn.LazyLinear", [_case(3, call=[of(4, 6)]), _case(3, bias=False, call=[of(6)])], False),
    Info("nn.LazyBatchNorm1d", [_case(call=[of(4, 6)]), _case(affine=False, call=[of(*LOW)])]),
    Info("nn.LazyBatchNorm2d", [_case(call=IMAGE), _case(1e-3, None, call=IMAGE)]),
    Info("nn.LazyInstanceNorm2d", [_case(call=IMAGE)]),
]  # fmt: skip
