"""Recurrent cells and layers.

One operator runs one layer in one direction over a whole batch, packed step by step (see
`kernels/recurrent`). Its gradient is fused too; while a second derivative is being recorded the
layer is computed again with ordinary operators, which are then differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._tensor import Tensor, wrap
from .._typing import Array
from ..autograd.mode import GRAD, read_mode
from ..autograd.node import Op
from ..kernels import gemm, recurrent as K
from ..kernels._precision import compute_dtype, widen
from ..kernels.sums import add_reduce
from ._autocast import is_on
from ._composed import composed_gradients
from ._export import export
from ._operands import not_a_tensor
from .dropout import dropout as drop
from .joining import cat, stack
from .matmul import linear

State = tuple[Tensor, ...]
Wide = list[Any]


def _products(x: Array, weight: Array, *biases: Array | None) -> Array:
    """Return x weight^T + the sum of the biases, in the type that is computed in."""
    given = [widen(b) for b in biases if b is not None]
    bias = sum(given[1:], given[0]) if given else None
    return gemm.linear(widen(x), widen(weight), bias)


def _copy(x: Array) -> Array:
    return x.astype(compute_dtype(x.dtype))


class _Layer(Op):
    """What the layers share: the choice between the fused gradient and the differentiable one."""

    inputs = 0  # how many of the saved arrays are inputs
    sizes: Sequence[int]
    reverse: bool

    def backward(ctx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        if read_mode() == GRAD:
            return composed_gradients(ctx, ctx.composed, saved[: ctx.inputs], grads)
        arrays = [None if t is None else widen(t.array) for t in saved]
        results = ctx.gradients(arrays, [widen(g.array) for g in grads])
        dtype = grads[0].array.dtype
        return tuple(
            [
                wrap(g.astype(dtype, copy=False)) if edge and g is not None else None
                for g, edge in zip(results, ctx.edges, strict=True)
            ]
        )

    def gradients(ctx, saved: Wide, grads: Wide) -> Wide:
        """Return the inputs' gradients for what was saved and the outputs' gradients, as arrays."""
        raise NotImplementedError

    def composed(ctx, *inputs: Any) -> State:
        """Run the layer with ordinary operators."""
        raise NotImplementedError


def _compose(
    step: Callable[..., State],
    products: Tensor,
    states: State,
    sizes: Sequence[int],
    reverse: bool,
) -> State:
    """Run a layer with ordinary operators: `step` maps products and states to new states."""
    outputs = []
    for start, stop, n in K.steps(sizes, reverse):
        new = step(products[start:stop], *[s[:n] for s in states])
        outputs.append(new[0])
        states = tuple(
            y if n == s.array.shape[0] else cat([y, s[n:]])
            for y, s in zip(new, states, strict=True)
        )
    return (cat(outputs[::-1] if reverse else outputs), *states)


def _plus(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias


def _lstm_step(products: Tensor, c: Tensor) -> State:
    i, f, g, o = products.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


class LSTM(_Layer):
    """c' = f c + i g, h' = o tanh(c'); the gradient runs back through the steps."""

    autocast = "lower"
    inputs = 8

    def forward(
        ctx, x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array,
        b_ih: Array | None, b_hh: Array | None, w_hr: Array | None,
        *, sizes: Sequence[int], reverse: bool = False,
    ) -> tuple[Array, Array, Array]:  # fmt: skip
        ctx.sizes, ctx.reverse = sizes, reverse
        gates = _products(x, w_ih, b_ih, b_hh)
        last_h, last_c = _copy(h), _copy(c)
        projection = None if w_hr is None else widen(w_hr)
        y, cells = K.lstm(gates, last_h, last_c, widen(w_hh), projection, sizes, reverse)
        y, last_h, last_c = (a.astype(x.dtype, copy=False) for a in (y, last_h, last_c))
        ctx.save(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, y, gates, cells)
        return y, last_h, last_c

    def gradients(ctx, saved: Wide, grads: Wide) -> Wide:
        x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, y, gates, cells = saved
        dh, dc = grads[1].copy(), grads[2].copy()
        order = ctx.sizes, ctx.reverse
        before = K.previous(cells, c, *order)
        g, projected, squashed = K.lstm_grad(
            gates, cells, before, grads[0], dh, dc, w_hh, w_hr, *order
        )
        gx = gemm.matmul(g, w_ih) if ctx.edges[0] else None
        gw_ih, gw_hh = gemm.matmul(g.T, x), gemm.matmul(g.T, K.previous(y, h, *order))
        gb = add_reduce(g, 0) if b_ih is not None or b_hh is not None else None
        gw_hr = None if w_hr is None else gemm.matmul(projected.T, squashed)
        return [gx, dh, dc, gw_ih, gw_hh, gb, gb, gw_hr]

    def composed(ctx, *inputs: Any) -> State:
        x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = inputs

        def step(a: Tensor, h: Tensor, c: Tensor) -> State:
            y, c = _lstm_step(a + linear(h, w_hh), c)
            return (y if w_hr is None else linear(y, w_hr)), c

        products = _plus(linear(x, w_ih, b_ih), b_hh)
        return _compose(step, products, (h, c), ctx.sizes, ctx.reverse)


class GRU(_Layer):
    """h' = (1 - z) n + z h; the gradient runs back through the steps."""

    inputs = 6

    def forward(
        ctx, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
        *, sizes: Sequence[int], reverse: bool = False,
    ) -> tuple[Array, Array]:  # fmt: skip
        ctx.sizes, ctx.reverse = sizes, reverse
        gates = _products(x, w_ih, b_ih)
        last = _copy(h)
        bias = None if b_hh is None else widen(b_hh)
        y, inner = K.gru(gates, last, widen(w_hh), bias, sizes, reverse)
        y, last = y.astype(x.dtype, copy=False), last.astype(x.dtype, copy=False)
        ctx.save(x, h, w_ih, w_hh, b_ih, b_hh, y, gates, inner)
        return y, last

    def gradients(ctx, saved: Wide, grads: Wide) -> Wide:
        x, h, w_ih, w_hh, b_ih, b_hh, y, gates, inner = saved
        dh = grads[1].copy()
        order = ctx.sizes, ctx.reverse
        before = K.previous(y, h, *order)
        gi, gh = K.gru_grad(gates, inner, before, grads[0], dh, w_hh, *order)
        gb_ih = None if b_ih is None else add_reduce(gi, 0)
        gb_hh = None if b_hh is None else add_reduce(gh, 0)
        gx = gemm.matmul(gi, w_ih) if ctx.edges[0] else None
        return [gx, dh, gemm.matmul(gi.T, x), gemm.matmul(gh.T, before), gb_ih, gb_hh]

    def composed(ctx, *inputs: Any) -> State:
        x, h, w_ih, w_hh, b_ih, b_hh = inputs

        def step(a: Tensor, h: Tensor) -> State:
            r, z, n = a.chunk(3, 1)
            from_r, from_z, from_n = linear(h, w_hh, b_hh).chunk(3, 1)
            n = (n + (r + from_r).sigmoid() * from_n).tanh()
            return ((h - n) * (z + from_z).sigmoid() + n,)

        return _compose(step, linear(x, w_ih, b_ih), (h,), ctx.sizes, ctx.reverse)


class RNN(_Layer):
    """h' = tanh(W x + W' h), or relu; the gradient runs back through the steps."""

    autocast = "lower"
    inputs = 6
    nonlinearity: str

    def forward(
        ctx, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
        *, sizes: Sequence[int], reverse: bool = False, nonlinearity: str = "tanh",
    ) -> tuple[Array, Array]:  # fmt: skip
        ctx.sizes, ctx.reverse, ctx.nonlinearity = sizes, reverse, nonlinearity
        last = _copy(h)
        y = K.simple(
            _products(x, w_ih, b_ih, b_hh), last, widen(w_hh), nonlinearity, sizes, reverse
        )
        y, last = y.astype(x.dtype, copy=False), last.astype(x.dtype, copy=False)
        ctx.save(x, h, w_ih, w_hh, b_ih, b_hh, y)
        return y, last

    def gradients(ctx, saved: Wide, grads: Wide) -> Wide:
        x, h, w_ih, w_hh, b_ih, b_hh, y = saved
        dh = grads[1].copy()
        order = ctx.sizes, ctx.reverse
        g = K.simple_grad(y, grads[0], dh, w_hh, ctx.nonlinearity, *order)
        gb = add_reduce(g, 0) if b_ih is not None or b_hh is not None else None
        gx = gemm.matmul(g, w_ih) if ctx.edges[0] else None
        gw_ih, gw_hh = gemm.matmul(g.T, x), gemm.matmul(g.T, K.previous(y, h, *order))
        return [gx, dh, gw_ih, gw_hh, gb, gb]

    def composed(ctx, *inputs: Any) -> State:
        x, h, w_ih, w_hh, b_ih, b_hh = inputs

        def step(a: Tensor, h: Tensor) -> State:
            a = a + linear(h, w_hh)
            return (a.tanh() if ctx.nonlinearity == "tanh" else a.relu(),)

        products = _plus(linear(x, w_ih, b_ih), b_hh)
        return _compose(step, products, (h,), ctx.sizes, ctx.reverse)


# --- cells ---


def _check_cell(name: str, x: Any, states: Sequence[Any], w_ih: Tensor, w_hh: Tensor) -> None:
    if not isinstance(x, Tensor):
        raise not_a_tensor(name, x)
    shape, (gates, hidden) = x.array.shape, w_hh.array.shape
    if len(shape) != 2 or w_ih.array.ndim != 2 or w_ih.array.shape[0] != gates:
        raise RuntimeError(
            f"{name}: expected input (N, I) and w_ih ({gates}, I), got {list(shape)} and "
            f"{list(w_ih.shape)}"
        )
    if shape[1] != w_ih.array.shape[1]:
        raise RuntimeError(
            f"input has inconsistent input_size: got {shape[1]} expected {w_ih.array.shape[1]}"
        )
    for k, state in enumerate(states):
        if not isinstance(state, Tensor):
            raise not_a_tensor(name, state, "hx", 2)
        if state.array.shape[0] != shape[0]:
            raise RuntimeError(
                f"Input batch size {shape[0]} doesn't match hidden{k} batch size "
                f"{state.array.shape[0]}"
            )
        if state.array.shape[1:] != (hidden,):
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {state.array.shape[-1]}, expected "
                f"{hidden}"
            )
    _check_dtype(name, x, *states, w_ih, w_hh)


def _check_dtype(name: str, x: Tensor, *others: Tensor) -> None:
    if is_on(x):
        return
    for other in others:
        if x.array.dtype != other.array.dtype:
            raise RuntimeError(
                f"{name}: mat1 and mat2 must have the same dtype, but got {x.dtype.type_name} and "
                f"{other.dtype.type_name}"
            )


@export
def lstm_cell(
    input: Tensor,
    hx: tuple[Tensor, Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the hidden and the cell state after one step of an LSTM.

    i, f, o = sigmoid, g = tanh of the four parts (i, f, g, o) of W x + b + W' h + b';
    c' = f c + i g, h' = o tanh(c').

    Shape:
        input (N, I), states (N, H), w_ih (4H, I), w_hh (4H, H), biases (4H).

    Raises:
        RuntimeError: sizes or dtypes do not fit.

    Reference:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    """
    if not isinstance(hx, (tuple, list)):
        raise TypeError(
            "lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not "
            f"{type(hx).__name__}"
        )
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    _check_cell("lstm_cell", input, hx, w_ih, w_hh)
    if is_on(input):  # the products alone are in the lower dtype
        products = linear(input, w_ih, b_ih) + linear(hx[0], w_hh, b_hh)
        h, c = _lstm_step(products, hx[1])
        return h, c
    sizes = [input.array.shape[0]]
    h, _, c = LSTM.apply(input, *hx, w_ih, w_hh, b_ih, b_hh, None, sizes=sizes)
    return h, c


@export
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return the hidden state after one step of a GRU.

    r, z = sigmoid(W x + b + W' h + b'), n = tanh(W x + b + r (W' h + b')), each with its third of
    the weights; h' = (1 - z) n + z h.

    Shape:
        input (N, I), hx (N, H), w_ih (3H, I), w_hh (3H, H), biases (3H).

    Reference:
        Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    """
    _check_cell("gru_cell", input, [hx], w_ih, w_hh)
    return GRU.apply(input, hx, w_ih, w_hh, b_ih, b_hh, sizes=[input.array.shape[0]])[0]


def _simple_cell(
    nonlinearity: str, x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, *biases: Tensor | None
) -> Tensor:
    _check_cell(f"rnn_{nonlinearity}_cell", x, [h], w_ih, w_hh)
    sizes = [x.array.shape[0]]
    return RNN.apply(x, h, w_ih, w_hh, *biases, sizes=sizes, nonlinearity=nonlinearity)[0]


@export
def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return tanh(W x + b + W' h + b'), the hidden state after one step.

    Shape:
        input (N, I), hx (N, H), w_ih (H, I), w_hh (H, H), biases (H).
    """
    return _simple_cell("tanh", input, hx, w_ih, w_hh, b_ih, b_hh)


@export
def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return max(W x + b + W' h + b', 0), the hidden state after one step.

    Shape:
        input (N, I), hx (N, H), w_ih (H, I), w_hh (H, H), biases (H).
    """
    return _simple_cell("relu", input, hx, w_ih, w_hh, b_ih, b_hh)


# --- whole sequences ---


def run_layers(
    layer: Callable[..., State],
    input: Tensor,
    sizes: Sequence[int],
    states: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> State:
    """Run all layers of a recurrent network; returns the outputs and the final states.

    Args:
        layer: one layer in one direction: (rows, states, weights, sizes, reverse).
        input: the rows of all steps, (N, I).
        sizes: how many rows each step has.
        states: the initial states, (layers * directions, B, H) each.
        params: the weights of each layer and direction one after another.
        has_biases: whether they contain biases.
        num_layers: number of layers.
        dropout: probability that an element between two layers is zeroed.
        train: whether there is dropout.
        bidirectional: whether each layer also runs backwards.
    """
    directions = 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    initial = [s.unbind(0) for s in states]
    final: list[list[Tensor]] = [[] for _ in states]
    rows = input
    for k in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = k * directions + direction
            weights = list(params[place * each : (place + 1) * each])
            if not has_biases:
                weights[2:2] = [None, None]  # type: ignore[list-item]
            y, *last = layer(rows, [s[place] for s in initial], weights, sizes, direction == 1)
            outputs.append(y)
            for collected, state in zip(final, last, strict=True):
                collected.append(state)
        rows = outputs[0] if directions == 1 else cat(outputs, -1)
        if dropout and train and k < num_layers - 1:
            rows = drop(rows, dropout)
    return (rows, *[stack(s) for s in final])


def _lstm_layer(x: Tensor, states: Any, weights: Any, sizes: Sequence[int], reverse: bool) -> State:
    projection = weights[4] if len(weights) > 4 else None
    return LSTM.apply(x, *states, *weights[:4], projection, sizes=sizes, reverse=reverse)


def _gru_layer(x: Tensor, states: Any, weights: Any, sizes: Sequence[int], reverse: bool) -> State:
    return GRU.apply(x, *states, *weights, sizes=sizes, reverse=reverse)


def _simple_layer(nonlinearity: str) -> Callable[..., State]:
    def layer(x: Tensor, states: Any, weights: Any, sizes: Any, reverse: bool) -> State:
        return RNN.apply(
            x, *states, *weights, sizes=sizes, reverse=reverse, nonlinearity=nonlinearity
        )

    return layer


def _sequence(name: str, layer: Callable[..., State], args: Sequence[Any]) -> State:
    """Sort out the arguments of torch's two forms, padded and packed, and run the layers."""
    packed = isinstance(args[3], (list, tuple))
    if packed:
        rows, batch_sizes, states, params, *options = args
        sizes = batch_sizes.tolist()
    else:
        data, states, params, *options, batch_first = args
        data = data.transpose(0, 1) if batch_first else data
        steps, batch, width = data.array.shape
        if not steps:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        sizes, rows = [batch] * steps, data.reshape(steps * batch, width)
    if isinstance(states, Tensor):
        states = (states,)
    if name == "lstm" and len(states) != 2:
        raise RuntimeError("lstm expects two hidden states")
    _check_dtype(name, rows, *states, *params)
    y, *final = run_layers(layer, rows, sizes, states, params, *options)
    if not packed:
        y = y.view(steps, batch, y.array.shape[-1])
        y = y.transpose(0, 1) if batch_first else y
    return (y, *final)


@export
def lstm(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Run an LSTM of any number of layers over a batch of sequences.

    Args:
        *args: input (T, B, I), the pair of initial states (layers * directions, B, H), the list
            of weights, has_biases, num_layers, dropout, train, bidirectional, batch_first; or
            packed data, batch_sizes, the states and so on without batch_first.

    Returns:
        The outputs of the last layer and the final states.

    Note:
        `rushlight.nn.LSTM` holds the weights and calls this.
    """
    return _sequence("lstm", _lstm_layer, args)  # type: ignore[return-value]


@export
def gru(*args: Any) -> tuple[Tensor, Tensor]:
    """Run a GRU of any number of layers over a batch of sequences; arguments as of `lstm`.

    The state is one tensor. `rushlight.nn.GRU` holds the weights and calls this.
    """
    return _sequence("gru", _gru_layer, args)  # type: ignore[return-value]


@export
def rnn_tanh(*args: Any) -> tuple[Tensor, Tensor]:
    """Run tanh layers over a batch of sequences; arguments as of `gru`."""
    return _sequence("rnn_tanh", _simple_layer("tanh"), args)  # type: ignore[return-value]


@export
def rnn_relu(*args: Any) -> tuple[Tensor, Tensor]:
    """Run relu layers over a batch of sequences; arguments as of `gru`."""
    return _sequence("rnn_relu", _simple_layer("relu"), args)  # type: ignore[return-value]
