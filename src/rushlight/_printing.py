"""How tensors look when printed: PyTorch's repr, character for character.

A printed tensor is made in three steps, one function each: `_cells` turns the numbers into equally
wide texts, `_layout` sets those texts in nested brackets, and `with_suffixes` appends what the
numbers do not tell (device, size, dtype, gradient).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .backend.array import array_module, to_numpy
from .backend.dtype import bool_, get_default_dtype, int64

if TYPE_CHECKING:
    from ._tensor import Tensor
    from ._typing import Array


class _Options:
    def __init__(self) -> None:
        self.precision = 4
        self.threshold: float = 1000
        self.edgeitems = 3
        self.linewidth = 80
        self.sci_mode: bool | None = None


_options = _Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed.

    Args:
        precision: digits after the decimal point.
        threshold: number of elements above which only the edges are shown.
        edgeitems: how many items are shown at each end of a summarised dimension.
        linewidth: columns after which rows and suffixes wrap.
        profile: `"default"`, `"short"` or `"full"`; the other arguments override it.
        sci_mode: force (True) or forbid (False) scientific notation. None, which every call
            without this argument restores, lets the values decide.

    Raises:
        ValueError: the profile is unknown.

    Note:
        PyTorch ignores an unknown profile.

    Example:
        >>> rushlight.set_printoptions(precision=2, threshold=5)
        >>> rushlight.arange(8) / 3
        tensor([0.00, 0.33, 0.67,  ..., 1.67, 2.00, 2.33])
        >>> rushlight.set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(
            f"set_printoptions: expected profile default, short or full, got {profile!r}"
        )
    chosen = dict(_PROFILES[profile]) if profile is not None else {}
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    chosen.update((name, value) for name, value in given.items() if value is not None)
    for name, value in chosen.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """Return the current options as keyword arguments for `set_printoptions`."""
    return dict(vars(_options))


@contextlib.contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Print with other options inside a `with` block; takes `set_printoptions`' arguments.

    Example:
        >>> with rushlight.printoptions(precision=2):
        ...     print(rushlight.tensor([0.125, 1.5]))
        tensor([0.12, 1.50])
    """
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_str(t: Tensor) -> str:
    """Return the repr of a tensor: `tensor([1., 2.], grad_fn=<MulBackward0>)`."""
    name = type(t).__name__
    opening = "tensor(" if name in ("Tensor", "Parameter", "Buffer") else f"{name}("
    shown = "..." if t.device.type == "meta" else contents(t.array, indent=len(opening))
    return with_suffixes(opening + shown, _suffixes(t), indent=len(opening))


def parameter_str(p: Tensor) -> str:
    """Return the repr of an `nn.Parameter`, a subclass of it included."""
    text = tensor_str(p)
    if type(p).__name__ != "Parameter":
        text = f"Parameter({text})"
    return "Parameter containing:\n" + text


# --- numbers to texts --------------------------------------------------------------------------


def _cells(values: np.ndarray[Any, Any]) -> tuple[list[str], int]:
    """Return one text per element and the width that a column of them is given."""
    if values.dtype.kind == "c":
        return _complex_cells(values)
    if values.dtype.kind in "biu":
        texts = [str(value) for value in values.ravel().tolist()]
        width = max(map(len, texts), default=1)
        return [text.rjust(width) for text in texts], width
    return _float_cells(values.astype(np.float64))


def _float_cells(values: np.ndarray[Any, Any]) -> tuple[list[str], int]:
    """Format floats alike: all whole (`5.`), all fixed point, or all scientific.

    Zeros, infinities and NaNs have no say in the choice or in the width.
    """
    flat = values.ravel()
    counts = np.isfinite(flat) & (flat != 0)
    significant = flat[counts]
    scientific = _is_scientific(significant)
    whole = not scientific and bool((significant == np.ceil(significant)).all())
    spec = (
        f".{_options.precision}e" if scientific else ".0f" if whole else f".{_options.precision}f"
    )
    texts = [
        format(value, spec) + ("." if whole and math.isfinite(value) else "")
        for value in flat.tolist()
    ]
    width = max((len(texts[i]) for i in np.flatnonzero(counts)), default=1)
    return [text.rjust(width) for text in texts], width


def _is_scientific(significant: np.ndarray[Any, Any]) -> bool:
    if not significant.size:
        return False
    if _options.sci_mode is not None:
        return _options.sci_mode
    magnitudes = np.abs(significant)
    smallest, largest = float(magnitudes.min()), float(magnitudes.max())
    return largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4


def _complex_cells(values: np.ndarray[Any, Any]) -> tuple[list[str], int]:
    """Format the two parts apart, then join them; the imaginary part gives up its padding."""
    reals, real_width = _float_cells(values.real.astype(np.float64))
    imags, imag_width = _float_cells(values.imag.astype(np.float64))
    texts = []
    for real, imag in zip(reals, imags, strict=True):
        imag = imag.lstrip() + "j"
        texts.append(real + (imag if imag[0] == "-" else "+" + imag))
    return texts, real_width + imag_width + 1


# --- texts to brackets -------------------------------------------------------------------------


def contents(array: Array, indent: int) -> str:
    """Return everything between `tensor(` and the suffixes."""
    if not array.size:
        return "[]"
    summarized = array.size > _options.threshold
    cut = [summarized and length > 2 * _options.edgeitems for length in array.shape]
    shown = to_numpy(_edges(array, cut) if any(cut) else array)
    texts, width = _cells(shown)
    nested = np.array(texts, dtype=object).reshape(shown.shape).tolist()
    return _layout(nested, cut, width, indent)


def _edges(array: Array, cut: list[bool]) -> Array:
    """Return the elements that a summary shows; only these leave the GPU."""
    xp, edge = array_module(array), _options.edgeitems
    kept = [
        [*range(edge), *range(length - edge, length)] if is_cut else range(length)
        for length, is_cut in zip(array.shape, cut, strict=True)
    ]
    return array[xp.ix_(*(xp.asarray(places, dtype=np.intp) for places in kept))]


def _layout(cells: Any, cut: list[bool], width: int, indent: int) -> str:
    """Set nested lists of texts in brackets; `cut` marks the dimensions to put `...` into."""
    if not cut:
        return str(cells)
    edge = _options.edgeitems
    if len(cut) == 1:
        # PyTorch sets a space before the dots of a row, not before those between rows.
        row = [*cells[:edge], " ..." if edge else "...", *cells[edge:]] if cut[0] else cells
        return _wrap(row, width, indent)
    parts = [_layout(cell, cut[1:], width, indent + 1) for cell in cells]
    if cut[0]:
        parts.insert(edge, "...")
    separator = "," + "\n" * (len(cut) - 1) + " " * (indent + 1)
    return "[" + separator.join(parts) + "]"


def _wrap(row: list[str], width: int, indent: int) -> str:
    per_line = max(1, math.floor((_options.linewidth - indent) / (width + len(", "))))
    lines = [", ".join(row[i : i + per_line]) for i in range(0, len(row), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


# --- suffixes ----------------------------------------------------------------------------------


def _suffixes(t: Tensor) -> list[str]:
    """Return what distinguishes `t` from the tensor that its printed numbers alone would make."""
    found = []
    if t.device.type != "cpu":
        found.append(f"device='{t.device}'")
    empty = not t.array.size
    if t.device.type == "meta":
        empty = True
        found.append(f"size={tuple(t.shape)}")
    elif (empty and t.array.ndim != 1) or (not empty and not _options.edgeitems):
        found.append(f"size={tuple(t.shape)}")
    default = get_default_dtype()
    implied = (default,) if empty else (default, default.to_complex(), int64, bool_)
    if t.dtype not in implied:
        found.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        found.append(f"grad_fn=<{t.grad_fn.name()}>")
    elif t.requires_grad:
        found.append("requires_grad=True")
    return found


def with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """Append the suffixes, starting a new line where the next would pass the line width."""
    # PyTorch counts the last line two columns longer than it is; wrapping depends on it.
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(", ") + len(suffix) > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(", ") + len(suffix)
    return text + ")"
