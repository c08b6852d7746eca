"""`torch.ops.aten`: the built-in operators under the names of PyTorch's own library."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .._tensor import Tensor

# aten's names for what has another name in Python.
_RENAMED = {
    "_adaptive_avg_pool2d": "nn.functional.adaptive_avg_pool2d",
    "_conj": "conj",
    "_pin_memory": "Tensor.pin_memory",
    "_sparse_addmm": "sparse.addmm",
    "_sparse_mm_reduce_impl": "sparse.mm",
    "_to_copy": "Tensor.to",
    "_unsafe_view": "reshape",
    "fft_fft": "fft.fft",
    "fft_ifft": "fft.ifft",
    "fft_irfft": "fft.irfft",
    "fft_rfft": "fft.rfft",
    "linalg_vector_norm": "linalg.vector_norm",
    "special_expit": "special.expit",
}
# What stands after the name to say which overload is meant: by argument types, or `default`.
_OVERLOADS = frozenset(
    """
    default Tensor Scalar Scalar_Tensor Tensor_Scalar Tensor_Tensor out Tensor_out Scalar_out dim
    dim_IntList dim_DimnameList int dimname IntList self other correction mode Tensor_mode
    Scalar_mode out_mode grad_input start start_step generator low low_generator names source
    memory_format dtype dtype_layout p ScalarOpt_dim ScalarOpt_dtype ScalarOpt_dim_dtype using_ints
    unbiased vec size values value indices decimals tensor float other_list sections padding
    IntScalar IntTensor str Dimname names_dim src stable
""".split()
)


class AtenOverload:
    """One overload of a built-in operator: calls the function, whichever overload it is."""

    def __init__(self, packet: AtenPacket, overload: str):
        self.overloadpacket, self._overloadname = packet, overload
        self.namespace = "aten"
        self.__name__ = f"{packet.__name__}.{overload}"

    def name(self) -> str:
        """Return the full name: `aten::add.Tensor`."""
        suffix = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"aten::{self.overloadpacket.__name__}{suffix}"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.overloadpacket(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtenOverload) and other.name() == self.name()

    def __hash__(self) -> int:
        return hash(self.name())

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        op = f"aten.{self.overloadpacket.__name__}"
        return f"<OpOverload(op='{op}', overload='{self._overloadname}')>"


class AtenPacket:
    """A built-in operator: `torch.ops.aten.add`."""

    def __init__(self, name: str, function: Callable[..., Any]):
        self.__name__ = name
        self._function = function
        self._qualified_op_name = f"aten::{name}"

    def overloads(self) -> list[str]:
        """Return the names of the overloads; all of them are one function here."""
        return ["default"]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if "self" in kwargs:  # aten's word for the first tensor
            args = (kwargs.pop("self"), *args)
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str) -> AtenOverload:
        if name in _OVERLOADS:
            return AtenOverload(self, name)
        raise AttributeError(
            f"The underlying op of '{self}' has no overload name '{name}'", name=name, obj=self
        )

    def __str__(self) -> str:
        return f"aten.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"


def aten(name: str) -> AtenPacket | None:
    """Return the built-in operator of aten's name; None if there is none."""
    function = _WRITTEN.get(name) or _function(_RENAMED.get(name, name))
    return None if function is None else AtenPacket(name, function)


def _function(name: str) -> Callable[..., Any] | None:
    """Find a function, method or function of `nn.functional`."""
    package = importlib.import_module("rushlight")
    if "." in name:
        found: Any = package
        for part in name.split("."):
            found = getattr(found, part)
        return found
    functional = importlib.import_module("rushlight.nn.functional")
    for place in (package, Tensor, functional):
        function = getattr(place, name, None)
        if callable(function) and not isinstance(function, type):
            return function
    return None


def _convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Tensor:
    functional = importlib.import_module("rushlight.nn.functional")
    n = input.ndim - 2
    if transposed:
        return getattr(functional, f"conv_transpose{n}d")(
            input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return getattr(functional, f"conv{n}d")(input, weight, bias, stride, padding, dilation, groups)


def _alias(input: Tensor) -> Tensor:
    return input.view(input.shape)


def _index(input: Tensor, indices: list[Tensor | None]) -> Tensor:
    return input[tuple(slice(None) if index is None else index for index in indices)]


def _slice(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, end, step),)]


# Operators that Python writes without a name.
_WRITTEN: dict[str, Callable[..., Any]] = {
    "alias": _alias,
    "convolution": _convolution,
    "index": _index,
    "slice": _slice,
}
