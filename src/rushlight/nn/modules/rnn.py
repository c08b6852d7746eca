"""Recurrent layers: RNN, LSTM, GRU, and their cells for one step."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ..._tensor import Tensor
from ...autograd import mode as autograd_mode
from ...ops import recurrent
from ...ops.creation import empty, zeros
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_FUNCTIONS = {
    "LSTM": recurrent.lstm,
    "GRU": recurrent.gru,
    "RNN_TANH": recurrent.rnn_tanh,
    "RNN_RELU": recurrent.rnn_relu,
}


def _check_type(name: str, value: Any, wanted: type) -> None:
    if not isinstance(value, wanted):
        raise TypeError(f"{name} should be of type {wanted.__name__}, got: {type(value).__name__}")


def _check_dropout(dropout: Any, num_layers: int) -> None:
    number = isinstance(dropout, numbers.Real) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an "
            "element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )


def _check_sizes(input_size: Any, hidden_size: Any, num_layers: int, proj_size: int) -> None:
    _check_type("input_size", input_size, int)
    if input_size <= 0:
        raise ValueError("input_size must be greater than zero")
    _check_type("hidden_size", hidden_size, int)
    if hidden_size <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNNBase(Module):
    """What RNN, LSTM and GRU share: their weights, checks of inputs, and running the layers.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input_size: number of features of an element.
        hidden_size: number of features of the state.
        num_layers: number of layers; each reads the outputs of the one before.
        bias: whether there are biases.
        batch_first: whether the batch is the first axis of input and output.
        dropout: probability that an element between two layers is zeroed.
        bidirectional: whether each layer also runs backwards; both outputs are joined.
        proj_size: size that an LSTM's hidden state is projected to (0: not at all).
        device: where the parameters are.
        dtype: dtype of the parameters.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        _check_dropout(dropout, num_layers)
        _check_type("bias", bias, bool)
        _check_type("batch_first", batch_first, bool)
        _check_sizes(input_size, hidden_size, num_layers, proj_size)
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode = mode
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first = bias, batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                self._add_weights(layer, suffix, {"device": device, "dtype": dtype})
        self._flat_weights_names = [name for names in self._all_weights for name in names]
        self.reset_parameters()

    def _add_weights(self, layer: int, suffix: str, made: dict[str, Any]) -> None:
        """Register the weights of one layer in one direction."""
        rows, out = _GATES[self.mode] * self.hidden_size, self._output_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, out * self._directions if layer else self.input_size),
            "weight_hh": (rows, out),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        names = [f"{kind}_l{layer}{suffix}" for kind in shapes]
        for name, shape in zip(names, shapes.values(), strict=True):
            self.register_parameter(name, Parameter(empty(shape, **made)))
        self._all_weights.append(names)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        return self.proj_size or self.hidden_size

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for name in self._flat_weights_names]

    def __getstate__(self) -> dict[str, Any]:
        # PyTorch, which keeps a list of the weights, expects it in files of whole modules.
        return {**super().__getstate__(), "_flat_weights": self._flat_weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if k != "_flat_weights"})

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights, one list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Do nothing; kept for programs that call it for cuDNN's sake."""

    def reset_parameters(self) -> None:
        """Draw all weights and biases from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # --- running ---

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise unless the input has the layer's dtype and number of features."""
        weight = self._flat_weights[0]
        if input.dtype != weight.dtype and autograd_mode.autocast.get() is None:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.ndim}")
        if input.array.shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.array.shape[-1]}"
            )

    def get_expected_hidden_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """Return the shape of the initial hidden state for an input."""
        if batch_sizes is not None:
            batch = int(batch_sizes.array[0])
        else:
            batch = input.array.shape[0 if self.batch_first else 1]
        return self.num_layers * self._directions, batch, self._output_size

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """Raise unless a state has the expected shape."""
        if hx.array.shape != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(tuple(expected_hidden_size), list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise unless input and state fit the layer."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return a state with its sequences in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _zero_state(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        shape = self.get_expected_hidden_size(input, batch_sizes)
        return zeros(shape, dtype=input.dtype, device=input.device)

    def _add_batch(self, hx: Any) -> Any:
        return hx.unsqueeze(1)

    def _drop_batch(self, hx: Any) -> Any:
        return hx.squeeze(1)

    def _check_state_ndim(self, hx: Any, batched: bool) -> None:
        if hx.ndim != (3 if batched else 2):
            kind, ndim = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(
                f"For {kind} input, hx should also be {ndim}-D but got {hx.ndim}-D tensor"
            )

    def _bad_input(self, input: Tensor) -> ValueError:
        return ValueError(
            f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
        )

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the outputs of the last layer and the final state.

        Args:
            input: (T, B, I), or (B, T, I) with `batch_first`, or (T, I), or a PackedSequence.
            hx: the initial state, (layers * directions, B, H); zeros if not given.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            raise self._bad_input(input)
        batched = input.ndim == 3
        batch_dim = 0 if self.batch_first else 1
        if hx is not None:
            self._check_state_ndim(hx, batched)
        if not batched:
            input = input.unsqueeze(batch_dim)
            hx = None if hx is None else self._add_batch(hx)
        if hx is None:
            hx = self._zero_state(input, None)
        self.check_forward_args(input, hx, None)
        output, *final = self._run(input, hx, last=(self.batch_first,))
        state = final[0] if len(final) == 1 else tuple(final)
        if batched:
            return output, state
        return output.squeeze(batch_dim), self._drop_batch(state)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> Any:
        data, batch_sizes, order, inverse = packed
        if hx is None:
            hx = self._zero_state(data, batch_sizes)
        else:
            hx = self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, batch_sizes)
        output, *final = self._run(data, batch_sizes, hx)
        state = final[0] if len(final) == 1 else tuple(final)
        return (
            PackedSequence(output, batch_sizes, order, inverse),
            self.permute_hidden(state, inverse),
        )

    def _run(self, *inputs: Any, last: tuple[Any, ...] = ()) -> Any:
        """Call the function of this kind on data and states, `last` behind the options."""
        options = self.bias, self.num_layers, self.dropout, self.training, self.bidirectional
        return _FUNCTIONS[self.mode](*inputs, self._flat_weights, *options, *last)

    def extra_repr(self) -> str:
        """Describe the layer."""
        ordinary = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        changed = [
            f"{name}={getattr(self, name)}"
            for name, default in ordinary.items()
            if getattr(self, name) != default
        ]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def _refuse_projection(proj_size: Any) -> None:
    if proj_size is not None:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h' = tanh(W x + b + W' h + b') at each step, or relu.

    Args:
        input_size: number of features of an element.
        hidden_size: number of features of the state.
        num_layers: number of layers.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: whether the batch is the first axis of input and output.
        dropout: probability that an element between two layers is zeroed.
        bidirectional: whether each layer also runs backwards.
        device: where the parameters are.
        dtype: dtype of the parameters.
        proj_size: not supported.

    Shape:
        input (T, B, I), state (layers * directions, B, H); output (T, B, directions * H) and the
        final state.

    Example:
        >>> output, state = rushlight.nn.RNN(3, 4)(rushlight.zeros(5, 2, 3))
        >>> output.shape, state.shape
        (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        proj_size: Any = None,
    ):
        _refuse_projection(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity

    def _bad_input(self, input: Tensor) -> ValueError:
        return ValueError(f"RNN: Expected input to be 2D or 3D, got {input.ndim}D tensor instead")


class LSTM(RNNBase):
    """Long short-term memory: c' = f c + i g, h' = o tanh(c') at each step.

    i, f, o = sigmoid and g = tanh of the four parts (i, f, g, o) of W x + b + W' h + b'.

    Args:
        input_size: number of features of an element.
        hidden_size: number of features of the state.
        num_layers: number of layers.
        bias: whether there are biases.
        batch_first: whether the batch is the first axis of input and output.
        dropout: probability that an element between two layers is zeroed.
        bidirectional: whether each layer also runs backwards.
        proj_size: size that the hidden state is projected to (0: not at all).
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (T, B, I), state a pair of (layers * directions, B, H); output
        (T, B, directions * H) and the final state.

    Example:
        >>> output, (h, c) = rushlight.nn.LSTM(3, 4)(rushlight.zeros(5, 2, 3))
        >>> output.shape, h.shape
        (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))

    Reference:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def get_expected_cell_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """Return the shape of the initial cell state for an input."""
        layers, batch, _ = self.get_expected_hidden_size(input, batch_sizes)
        return layers, batch, self.hidden_size

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise unless input and both states fit the layer."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(
            hidden[0],
            self.get_expected_hidden_size(input, batch_sizes),
            "Expected hidden[0] size {}, got {}",
        )
        self.check_hidden_size(
            hidden[1],
            self.get_expected_cell_size(input, batch_sizes),
            "Expected hidden[1] size {}, got {}",
        )

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return both states with their sequences in another order."""
        if permutation is None:
            return hx
        return hx[0].index_select(1, permutation), hx[1].index_select(1, permutation)

    def _zero_state(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        made = {"dtype": input.dtype, "device": input.device}
        hidden = zeros(self.get_expected_hidden_size(input, batch_sizes), **made)
        return hidden, zeros(self.get_expected_cell_size(input, batch_sizes), **made)

    def _add_batch(self, hx: Any) -> Any:
        return hx[0].unsqueeze(1), hx[1].unsqueeze(1)

    def _drop_batch(self, hx: Any) -> Any:
        return hx[0].squeeze(1), hx[1].squeeze(1)

    def _check_state_ndim(self, hx: Any, batched: bool) -> None:
        wanted = 3 if batched else 2
        if hx[0].ndim != wanted or hx[1].ndim != wanted:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {wanted}-D but got "
                f"({hx[0].ndim}-D, {hx[1].ndim}-D) tensors"
            )


class GRU(RNNBase):
    """Gated recurrent unit: h' = (1 - z) n + z h at each step.

    r, z = sigmoid(W x + b + W' h + b') and n = tanh(W x + b + r (W' h + b')), each with its third
    of the weights.

    Args:
        input_size: number of features of an element.
        hidden_size: number of features of the state.
        num_layers: number of layers.
        bias: whether there are biases.
        batch_first: whether the batch is the first axis of input and output.
        dropout: probability that an element between two layers is zeroed.
        bidirectional: whether each layer also runs backwards.
        device: where the parameters are.
        dtype: dtype of the parameters.
        proj_size: not supported.

    Shape:
        input (T, B, I), state (layers * directions, B, H); output (T, B, directions * H) and the
        final state.

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        proj_size: Any = None,
    ):
        _refuse_projection(proj_size)
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )


# --- cells ---


class RNNCellBase(Module):
    """What the cells share: their weights.

    Args:
        input_size: number of features of the input.
        hidden_size: number of features of the state.
        bias: whether there are biases.
        num_chunks: number of gates.
        device: where the parameters are.
        dtype: dtype of the parameters.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), **made))
        self.weight_hh = Parameter(empty((rows, hidden_size), **made))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights and biases from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _check_ndim(self, label: str, x: Tensor) -> None:
        if x.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected {label} to be 1D or 2D, got {x.ndim}D instead"
            )

    def _zeros(self, input: Tensor) -> Tensor:
        shape = (input.array.shape[0], self.hidden_size)
        return zeros(shape, dtype=input.dtype, device=input.device)

    def extra_repr(self) -> str:
        """Describe the cell."""
        text = f"{self.input_size}, {self.hidden_size}"
        return text if self.bias is True else f"{text}, bias={self.bias}"


class _OneStateCell(RNNCellBase):
    """What RNNCell and GRUCell share: one state, which is also the output."""

    def _step(self, input: Tensor, hx: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the state after one step.

        Args:
            input: (N, I) or (I).
            hx: the state before, (N, H) or (H); zeros if not given.
        """
        self._check_ndim("input", input)
        if hx is not None:
            self._check_ndim("hidden", hx)
        if input.ndim == 2:
            return self._step(input, self._zeros(input) if hx is None else hx)
        input = input.unsqueeze(0)
        return self._step(input, self._zeros(input) if hx is None else hx.unsqueeze(0)).squeeze(0)


class RNNCell(_OneStateCell):
    """h' = tanh(W x + b + W' h + b'), or relu: one step of an RNN.

    Args:
        input_size: number of features of the input.
        hidden_size: number of features of the state.
        bias: whether there are biases.
        nonlinearity: "tanh" or "relu".
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (N, I) or (I), state and result (N, H) or (H).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def _step(self, input: Tensor, hx: Tensor) -> Tensor:
        if self.nonlinearity == "tanh":
            return recurrent.rnn_tanh_cell(input, hx, *self._weights)
        if self.nonlinearity == "relu":
            return recurrent.rnn_relu_cell(input, hx, *self._weights)
        raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")

    def extra_repr(self) -> str:
        """Describe the cell."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"


class LSTMCell(RNNCellBase):
    """One step of an LSTM; see `LSTM`.

    Args:
        input_size: number of features of the input.
        hidden_size: number of features of the state.
        bias: whether there are biases.
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (N, I) or (I), both states and both results (N, H) or (H).

    Example:
        >>> h, c = rushlight.nn.LSTMCell(3, 4)(rushlight.zeros(2, 3))
        >>> h.shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the hidden and the cell state after one step.

        Args:
            input: (N, I) or (I).
            hx: the states before, (N, H) or (H) each; zeros if not given.
        """
        self._check_ndim("input", input)
        if hx is not None:
            for k, state in enumerate(hx):
                self._check_ndim(f"hx[{k}]", state)
        batched = input.ndim == 2
        rows = input if batched else input.unsqueeze(0)
        if hx is None:
            hx = (self._zeros(rows),) * 2
        elif not batched:
            hx = (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        h, c = recurrent.lstm_cell(rows, hx, *self._weights)
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class GRUCell(_OneStateCell):
    """One step of a GRU; see `GRU`.

    Args:
        input_size: number of features of the input.
        hidden_size: number of features of the state.
        bias: whether there are biases.
        device: where the parameters are.
        dtype: dtype of the parameters.

    Shape:
        input (N, I) or (I), state and result (N, H) or (H).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def _step(self, input: Tensor, hx: Tensor) -> Tensor:
        return recurrent.gru_cell(input, hx, *self._weights)
