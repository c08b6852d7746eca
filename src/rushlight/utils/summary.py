"""Tables of a model's layers: shapes, parameters, multiply-adds, memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .._tensor import wrap
from ._layers import Layer, Run, nbytes

_TITLES = {
    "input_size": "Input Shape",
    "output_size": "Output Shape",
    "num_params": "Param #",
    "params_percent": "Param %",
    "kernel_size": "Kernel Shape",
    "mult_adds": "Mult-Adds",
    "trainable": "Trainable",
}
_ROW_SETTINGS = ("depth", "var_names", "ascii_only", "hide_recursive_layers")
_STYLES = ("torchsummary", "torchinfo")
_NONE = "--"


def summary(
    model: Any,
    input_size: Any = None,
    batch_size: int | None = None,
    device: Any = None,
    *,
    input_data: Any = None,
    batch_dim: int | None = None,
    col_names: Iterable[str] | None = None,
    col_width: int = 25,
    depth: int | None = None,
    dtypes: Sequence[Any] | None = None,
    mode: str | None = None,
    row_settings: Iterable[str] | None = None,
    verbose: int | None = None,
    cache_forward_pass: bool | None = None,
    style: str | None = None,
    **kwargs: Any,
) -> ModelStatistics | None:
    """Print a table of the layers that a model runs.

    There are two ways to call it, those of the packages torchsummary and torchinfo. With
    `input_size`, `batch_size` and `device` only, sizes are read *without* the batch dimension and
    the layers are listed in the order in which they finish. With any other argument, sizes
    *include* the batch dimension (unless `batch_dim` says where to add it) and the table is a tree.

    The model runs once, in eval mode and without gradients, on made-up numbers that do not touch
    the random number generator; its train flags are restored.

    Args:
        model: the module.
        input_size: shape of the input, or a list of shapes for several.
        batch_size: the number that stands for the batch in the table (torchsummary's style).
        device: where to put the inputs; where the parameters are if not given. In torchinfo's
            style the model is moved there too.
        input_data: the inputs themselves: a tensor, a list of them, or a dict of keyword arguments.
        batch_dim: where to insert a batch dimension of 1 into `input_size`.
        col_names: columns, out of `input_size`, `output_size`, `num_params`, `params_percent`,
            `kernel_size`, `mult_adds`, `trainable`.
        col_width: least width of a column.
        depth: how deep the tree goes; 3 if not given.
        dtypes: dtype of each input; that of the parameters if not given.
        mode: `"eval"` (if not given) or `"train"`.
        row_settings: out of `depth`, `var_names`, `ascii_only`, `hide_recursive_layers`.
        verbose: 0 prints nothing, 1 the table; if not given, 1 except at an interactive prompt,
            which shows the result anyway.
        cache_forward_pass: accepted; nothing is cached.
        style: `"torchsummary"` or `"torchinfo"`, whatever the other arguments.
        **kwargs: passed on to the model.

    Returns:
        The statistics, which print as the table; None in torchsummary's style.

    Raises:
        RuntimeError: the model fails on the input; the layers that ran are named.
        ValueError: a column, setting, mode or style is unknown.

    Note:
        Multiply-adds count convolutions, linear, recurrent and normalisation layers, at every
        position they are applied to, and the bias as one. Torchinfo counts a linear layer once
        per sample. Shared parameters count once.

    Example:
        >>> from rushlight import nn
        >>> from rushlight.utils.summary import summary
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> summary(model, input_size=(8, 4), depth=1, verbose=0).total_params
        23
    """
    tree_arguments = (input_data, batch_dim, col_names, depth, dtypes, mode, row_settings, verbose)
    if style is None:
        plain = input_size is not None and not kwargs and all(a is None for a in tree_arguments)
        style = "torchsummary" if plain else "torchinfo"
    _check(style, "style", _STYLES)
    columns = tuple(col_names) if col_names is not None else None
    settings = tuple(row_settings) if row_settings is not None else ("depth",)
    for given, what, known in (
        (columns, "col_names", _TITLES),
        (settings, "row_settings", _ROW_SETTINGS),
    ):
        for name in given or ():
            _check(name, what, known)
    _check(mode or "eval", "mode", ("eval", "train"))

    if device is not None and style == "torchinfo":
        model.to(device)
    run = Run(model)
    inputs = _make_inputs(model, input_size, input_data, batch_dim, dtypes, device, style)
    if inputs is None:
        run.list_modules()
    else:
        run.forward(inputs, kwargs, training=mode == "train")
    if style == "torchsummary":
        print(_flat_table(run, -1 if batch_size is None else batch_size))
        return None
    if columns is None:
        columns = ("num_params",) if inputs is None else ("output_size", "num_params")
    statistics = ModelStatistics(run, columns, settings, 3 if depth is None else depth, col_width)
    if verbose or (verbose is None and not hasattr(sys, "ps1")):
        print(statistics)
    return statistics


def _check(name: str, what: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ValueError(f"summary: expected {what} out of {', '.join(known)}, got {name!r}")


# --- inputs ------------------------------------------------------------------------------------


def _make_inputs(
    model: Any,
    input_size: Any,
    input_data: Any,
    batch_dim: int | None,
    dtypes: Sequence[Any] | None,
    device: Any,
    style: str,
) -> Any:
    """Return the model's inputs: a list, a dict of keyword arguments, or None without any."""
    some = next(model.parameters(), None)
    if device is None and some is not None:
        device = some.device
    if input_data is not None:
        if not isinstance(input_data, (list, tuple, Mapping)):
            input_data = [input_data]
        return _moved(input_data, device)
    if input_size is None:
        return None
    one = not input_size or np.ndim(input_size[0]) == 0
    sizes = [input_size] if one else list(input_size)
    inputs = []
    for position, size in enumerate(sizes):
        size = list(size)
        if style == "torchsummary":
            size.insert(0, 2)
        elif batch_dim is not None:
            size.insert(batch_dim, 1)
        dtype = dtypes[position] if dtypes else getattr(some, "dtype", None)
        values = wrap(np.random.default_rng(0).random(size, dtype=np.float32))
        inputs.append(values.to(device=device, dtype=dtype))
    return inputs


def _moved(value: Any, device: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_moved(item, device) for item in value]
    return value.to(device) if device is not None and hasattr(value, "grad_fn") else value


# --- what the rows say -------------------------------------------------------------------------


def _parameters(module: Any) -> dict[int, Any]:
    return {id(parameter): parameter for parameter in module.parameters()}


def _own_parameters(rows: Sequence[Layer]) -> dict[Layer, list[Any]]:
    """Return for each row the parameters that no deeper row shows."""
    own: dict[Layer, list[Any]] = {}
    deeper: set[int] = set()
    for depth in sorted({row.depth for row in rows}, reverse=True):
        held = {row: _parameters(row.module) for row in rows if row.depth == depth}
        for row, parameters in held.items():
            own[row] = [parameters[key] for key in parameters.keys() - deeper]
        deeper.update(*held.values())
    return own


def _count(parameters: Iterable[Any], trainable: bool | None = None) -> int:
    return sum(
        parameter.numel()
        for parameter in parameters
        if trainable is None or parameter.requires_grad == trainable
    )


class ModelStatistics:
    """What `summary` found out; prints as a table.

    Attributes:
        total_params: number of parameters, shared ones counted once.
        trainable_params: those that require a gradient.
        total_mult_adds: multiply-adds of one forward pass.
        total_input: bytes of the inputs.
        total_param_bytes: bytes of the parameters.
        total_output_bytes: bytes that forward and backward keep: twice the outputs of the layers
            without sublayers, views left out.
        summary_list: the calls of modules, in order, from the model itself down.
    """

    def __init__(
        self, run: Run, columns: Sequence[str], settings: Sequence[str], depth: int, width: int
    ):
        parameters = list(run.model.parameters())
        self.summary_list = list(run.root.walk())
        self.total_params = _count(parameters)
        self.trainable_params = _count(parameters, trainable=True)
        self.total_mult_adds = sum(layer.mult_adds for layer in self.summary_list)
        self.total_input = run.input_bytes
        self.total_param_bytes = nbytes(parameters)
        leaves = (layer for layer in self.summary_list if not layer.children)
        self.total_output_bytes = 2 * sum(layer.output_bytes for layer in leaves)
        self._ran = bool(run.root.finished)
        self._columns, self._settings, self._depth, self._width = columns, settings, depth, width

    def __repr__(self) -> str:
        hide_repeated = "hide_recursive_layers" in self._settings
        shown = [
            layer
            for layer in self.summary_list
            if layer.depth <= self._depth and not (layer.repeated and hide_repeated)
        ]
        own = _own_parameters(shown)
        header = [self._header(), *(_TITLES[column] for column in self._columns)]
        rows = [header]
        rows += [[self._label(layer), *self._values(layer, _count(own[layer]))] for layer in shown]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        widths = [max(40, widths[0]), *(max(self._width, width) for width in widths[1:])]
        lines = [
            " ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        rule = "=" * max(sum(widths), *map(len, lines))
        totals = [rule, *self._totals(), rule]
        if self._ran:
            totals += [*self._sizes(), rule]
        return "\n".join([rule, lines[0], rule, *lines[1:], *totals])

    def _header(self) -> str:
        kind = "type (var_name)" if "var_names" in self._settings else "type"
        return f"Layer ({kind}:depth-idx)" if "depth" in self._settings else f"Layer ({kind})"

    def _label(self, layer: Layer) -> str:
        if not layer.depth:
            return layer.kind
        bar, first, below = (
            ("|    ", "+ ", "+ ") if "ascii_only" in self._settings else ("│    ", "├─", "└─")
        )
        label = bar * (layer.depth - 1) + (first if layer.depth == 1 else below) + layer.kind
        if "var_names" in self._settings:
            label += f" ({layer.name})"
        return f"{label}: {layer.depth}-{layer.index}" if "depth" in self._settings else label

    def _values(self, layer: Layer, number: int) -> list[str]:
        """Return the texts of a layer's columns; `number` of parameters are its own."""
        collapsed = layer.depth == self._depth
        mult_adds = sum(each.mult_adds for each in layer.walk()) if collapsed else layer.mult_adds
        share = 100 * number / self.total_params if self.total_params else 0.0
        kernel = getattr(layer.module, "kernel_size", None)
        texts = {
            "input_size": _shape_text(layer.input_shape),
            "output_size": _shape_text(layer.output_shapes[0] if layer.output_shapes else None),
            "num_params": f"{number:,}" if number else _NONE,
            "params_percent": f"{share:.2f}%" if number else _NONE,
            "kernel_size": _shape_text(kernel),
            "mult_adds": f"{mult_adds:,}" if mult_adds else _NONE,
            "trainable": _trainable_text(_parameters(layer.module).values()),
        }
        if layer.repeated and number:
            texts |= {"num_params": "(recursive)", "params_percent": _NONE}
        return [texts[column] for column in self._columns]

    def _totals(self) -> list[str]:
        lines = [
            f"Total params: {self.total_params:,}",
            f"Trainable params: {self.trainable_params:,}",
            f"Non-trainable params: {self.total_params - self.trainable_params:,}",
        ]
        if self._ran:
            power = min(4, int(math.log10(max(1, self.total_mult_adds))) // 3)
            unit, number = "  kMGT"[power + 1], self.total_mult_adds / 1000**power
            amount = f" ({unit}): {number:.2f}" if power else f": {self.total_mult_adds}"
            lines.append(f"Total mult-adds{amount}")
        return lines

    def _sizes(self) -> list[str]:
        sizes = {
            "Input": self.total_input,
            "Forward/backward pass": self.total_output_bytes,
            "Params": self.total_param_bytes,
        }
        lines = [f"{what} size (MB): {size / 1e6:.2f}" for what, size in sizes.items()]
        return [*lines, f"Estimated Total Size (MB): {sum(sizes.values()) / 1e6:.2f}"]


def _shape_text(shape: Any) -> str:
    if shape is None:
        return _NONE
    return str(list(shape) if isinstance(shape, (tuple, list)) else shape)


def _trainable_text(parameters: Iterable[Any]) -> str:
    flags = {parameter.requires_grad for parameter in parameters}
    return _NONE if not flags else "Partial" if len(flags) == 2 else str(flags.pop())


def _flat_table(run: Run, batch: int) -> str:
    """Return torchsummary's table: the layers as they finish, containers left out."""
    calls = [layer for layer in run.root.walk() if layer.finished]
    rows = [
        layer for layer in calls if layer.kind != "Sequential" and layer is not run.root
    ] or calls
    rows.sort(key=lambda layer: layer.finished or 0)
    own = _own_parameters(rows)
    texts = [("Layer (type)", "Output Shape", "Param #")]
    for number, layer in enumerate(rows, 1):
        shapes = [[batch, *shape[1:]] for shape in layer.output_shapes]
        parameters = 0 if layer.repeated else _count(own[layer])
        shape = str(shapes[0] if len(shapes) == 1 else shapes)
        texts.append((f"{layer.kind}-{number}", shape, f"{parameters:,}"))
    first, second, third = (max(map(len, column)) for column in zip(*texts, strict=True))
    first, second, third = max(20, first), max(25, second), max(15, third)
    lines = [f"{a:>{first}}  {b:>{second}} {c:>{third}}" for a, b, c in texts]
    every = list(run.model.parameters())
    total, trainable = _count(every), _count(every, trainable=True)
    samples, megabyte = abs(batch), 1024**2
    elements = sum(math.prod(shape[1:]) for layer in rows for shape in layer.output_shapes)
    sizes = {
        "Input": run.input_bytes / 2 * samples / megabyte,
        "Forward/backward pass": 2 * 4 * elements * samples / megabyte,
        "Params": nbytes(every) / megabyte,
    }
    thin, thick = "-" * max(64, len(lines[0])), "=" * max(64, len(lines[0]))
    return "\n".join(
        [
            thin, lines[0], thick, *lines[1:], thick,
            f"Total params: {total:,}",
            f"Trainable params: {trainable:,}",
            f"Non-trainable params: {total - trainable:,}",
            thin,
            *(f"{what} size (MB): {size:.2f}" for what, size in sizes.items()),
            f"Estimated Total Size (MB): {sum(sizes.values()):.2f}",
            thin,
        ]
    )  # fmt: skip
