"""Recurrent layers: against their cells, their gradients, and PyTorch where it is installed."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.autograd import gradcheck, gradgradcheck
from rushlight.nn.utils.rnn import pack_sequence, pad_packed_sequence

KINDS = [
    (nn.RNN, nn.RNNCell, {}),
    (nn.RNN, nn.RNNCell, {"nonlinearity": "relu"}),
    (nn.GRU, nn.GRUCell, {}),
    (nn.LSTM, nn.LSTMCell, {}),
]
NAMES = ["tanh", "relu", "gru", "lstm"]


def close(a, b, atol=1e-6):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=atol)


@pytest.mark.parametrize(("layer", "cell", "options"), KINDS, ids=NAMES)
def test_a_layer_is_its_cell_step_by_step(layer, cell, options):
    rushlight.manual_seed(0)
    network, one = layer(3, 4, **options), cell(3, 4, **options)
    one.load_state_dict({k[:-3]: v for k, v in network.state_dict().items()})
    x = rushlight.randn(5, 2, 3)
    y, _ = network(x)
    state = None
    for t in range(5):
        state = one(x[t], state)
        close(y[t], state[0] if layer is nn.LSTM else state)


@pytest.mark.parametrize(("layer", "cell", "options"), KINDS, ids=NAMES)
def test_first_and_second_gradients_of_packed_input(layer, cell, options):
    rushlight.manual_seed(1)
    network = layer(2, 3, bidirectional=True, dtype=rushlight.float64, **options)
    lengths = (3, 2)
    inputs = [rushlight.randn(n, 2, dtype=rushlight.float64, requires_grad=True) for n in lengths]

    def run(*sequences):
        output, state = network(pack_sequence(sequences))
        return output.data, *(state if isinstance(state, tuple) else (state,))

    assert gradcheck(run, inputs)
    assert gradgradcheck(run, inputs)


def test_one_tensor_as_both_states():
    h = rushlight.randn(2, 3, dtype=rushlight.float64, requires_grad=True)
    cell = nn.LSTMCell(2, 3, dtype=rushlight.float64)
    x = rushlight.ones(2, 2, dtype=rushlight.float64)
    assert gradcheck(lambda h: cell(x, (h, h)), [h])
    assert gradgradcheck(lambda h: cell(x, (h, h)), [h])


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM])
def test_packed_input_equals_each_sequence_alone(layer):
    rushlight.manual_seed(2)
    network = layer(2, 3, num_layers=2, bidirectional=True)
    sequences = [rushlight.randn(n, 2) for n in (2, 4, 1)]
    packed, state = network(pack_sequence(sequences, enforce_sorted=False))
    padded, lengths = pad_packed_sequence(packed)
    for k, sequence in enumerate(sequences):
        alone, last = network(sequence)
        close(padded[: int(lengths[k]), k], alone)
        pairs = zip(state, last, strict=True) if layer is nn.LSTM else [(state, last)]
        for together, own in pairs:
            close(together[:, k], own)


def test_batch_first_and_unbatched():
    network = nn.LSTM(2, 3, batch_first=True, proj_size=2)
    x = rushlight.randn(4, 5, 2)
    y, (h, c) = network(x)
    assert y.shape == (4, 5, 2)
    assert (h.shape, c.shape) == ((1, 4, 2), (1, 4, 3))
    alone, _ = network(x[1])
    close(alone, y[1])


def test_dropout_only_between_layers_and_only_in_training():
    network = nn.GRU(2, 3, num_layers=2, dropout=1.0)
    x = rushlight.randn(4, 5, 2)
    dropped, _ = network(x)
    blind, _ = network(rushlight.zeros(4, 5, 2))
    close(dropped, blind)
    network.eval()
    assert not np.allclose(network(x)[0].detach().numpy(), dropped.detach().numpy())


def test_names_repr_and_copies():
    network = nn.LSTM(3, 4, bidirectional=True, bias=False)
    assert list(network.state_dict()) == [
        "weight_ih_l0",
        "weight_hh_l0",
        "weight_ih_l0_reverse",
        "weight_hh_l0_reverse",
    ]
    assert repr(network) == "LSTM(3, 4, bias=False, bidirectional=True)"
    assert repr(nn.RNNCell(3, 4, nonlinearity="relu")) == "RNNCell(3, 4, nonlinearity=relu)"
    twin = copy.deepcopy(network)
    assert twin.all_weights[0][0] is twin.weight_ih_l0
    assert twin.weight_ih_l0 is not network.weight_ih_l0


@pytest.mark.parametrize(
    ("call", "exception", "words"),
    [
        (lambda: nn.LSTM(3, 4)(rushlight.zeros(2, 2, 5)), RuntimeError, "Expected 3, got 5"),
        (lambda: nn.GRU(3, 4)(rushlight.zeros(0, 2, 3)), RuntimeError, "larger than 0 in RNN"),
        (lambda: nn.GRU(3, 4)(rushlight.zeros(3)), ValueError, "2D or 3D, got 1D instead"),
        (
            lambda: nn.GRU(3, 4)(rushlight.zeros(2, 2, 3).double()),
            ValueError,
            "does not match weight dtype",
        ),
        (
            lambda: nn.GRU(3, 4)(rushlight.zeros(2, 2, 3), rushlight.zeros(1, 3, 4)),
            RuntimeError,
            r"Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]",
        ),
        (lambda: nn.GRU(3, 4, proj_size=2), ValueError, "only supported for LSTM"),
        (lambda: nn.RNN(3, 4, nonlinearity="x"), ValueError, "Unknown nonlinearity"),
        (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be greater than zero"),
        (lambda: nn.LSTM(3, 4, dropout=2), ValueError, "dropout should be a number"),
        (lambda: nn.LSTMCell(3, 4)(rushlight.zeros(2, 5)), RuntimeError, "got 5 expected 3"),
    ],
)
def test_errors(call, exception, words):
    with pytest.raises(exception, match=words):
        call()


def test_dropout_with_one_layer_warns():
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.LSTM(3, 4, dropout=0.5)


def test_training_follows_pytorch(tmp_path):
    torch = pytest.importorskip("torch")

    def losses(lib):
        lib.manual_seed(7)
        lstm = lib.nn.LSTM(4, 8, num_layers=2, dropout=0.2, batch_first=True, bidirectional=True)
        head = lib.nn.Linear(16, 3)
        optimizer = lib.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.01)
        found = []
        rng = np.random.default_rng(0)
        for _ in range(20):
            x = lib.from_numpy(rng.standard_normal((6, 5, 4)).astype(np.float32))
            target = lib.from_numpy(rng.integers(0, 3, 6))
            loss = lib.nn.functional.cross_entropy(head(lstm(x)[0][:, -1]), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found, lstm

    ours, lstm = losses(rushlight)
    theirs, other = losses(torch)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)

    rushlight.save(lstm.state_dict(), tmp_path / "ours.pt")
    other.load_state_dict(torch.load(tmp_path / "ours.pt"))
    torch.save(other.state_dict(), tmp_path / "theirs.pt")
    lstm.load_state_dict(rushlight.load(tmp_path / "theirs.pt"))
    x = np.ones((1, 3, 4), np.float32)
    close(lstm.eval()(rushlight.from_numpy(x))[0], other.eval()(torch.from_numpy(x))[0])
