"""Every module of nn goes to PyTorch and comes back, through files: as a state, and whole."""

from __future__ import annotations

import io

import numpy as np
import pytest

import rushlight
from rushlight import nn

# Constructor arguments, where a module needs some.
ARGUMENTS = {
    "AdaptiveAvgPool1d": (2,), "AdaptiveAvgPool2d": (2,), "AdaptiveAvgPool3d": (2,),
    "AdaptiveLogSoftmaxWithLoss": (4, 6, [2]), "AdaptiveMaxPool1d": (2,),
    "AdaptiveMaxPool2d": (2,), "AdaptiveMaxPool3d": (2,), "AvgPool1d": (2,), "AvgPool2d": (2,),
    "AvgPool3d": (2,), "BatchNorm1d": (3,), "BatchNorm2d": (3,), "BatchNorm3d": (3,),
    "Bilinear": (2, 3, 4), "ChannelShuffle": (2,), "CircularPad1d": (1,), "CircularPad2d": (1,),
    "CircularPad3d": (1,), "ConstantPad1d": (1, 2.0), "ConstantPad2d": (1, 2.0),
    "ConstantPad3d": (1, 2.0), "Conv1d": (2, 3, 2), "Conv2d": (2, 3, 2), "Conv3d": (2, 3, 2),
    "ConvTranspose1d": (2, 3, 2), "ConvTranspose2d": (2, 3, 2), "ConvTranspose3d": (2, 3, 2),
    "CrossMapLRN2d": (2,), "Embedding": (5, 3), "EmbeddingBag": (5, 3), "Fold": ((4, 4), 2),
    "FractionalMaxPool2d": (2, 3), "FractionalMaxPool3d": (2, 3), "GRU": (2, 3, 2),
    "GRUCell": (2, 3), "GroupNorm": (2, 4), "InstanceNorm1d": (3, 1e-5, 0.1, True),
    "InstanceNorm2d": (3, 1e-5, 0.1, True, True), "InstanceNorm3d": (3,), "LPPool1d": (2, 2),
    "LPPool2d": (2, 2), "LPPool3d": (2, 2), "LSTM": (2, 3, 2), "LSTMCell": (2, 3),
    "LayerNorm": (4,), "Linear": (2, 3), "LinearCrossEntropyLoss": (2, 3),
    "LocalResponseNorm": (2,), "MaxPool1d": (2,), "MaxPool2d": (2,), "MaxPool3d": (2,),
    "MaxUnpool1d": (2,), "MaxUnpool2d": (2,), "MaxUnpool3d": (2,), "MultiheadAttention": (4, 2),
    "PixelShuffle": (2,), "PixelUnshuffle": (2,), "RMSNorm": (4,), "RNN": (2, 3),
    "RNNBase": ("GRU", 2, 3), "RNNCell": (2, 3), "RNNCellBase": (2, 3, True, 4),
    "ReflectionPad1d": (1,), "ReflectionPad2d": (1,), "ReflectionPad3d": (1,),
    "ReplicationPad1d": (1,), "ReplicationPad2d": (1,), "ReplicationPad3d": (1,),
    "SyncBatchNorm": (3,), "Threshold": (0.1, 2.0), "TransformerDecoderLayer": (4, 2, 8),
    "TransformerEncoderLayer": (4, 2, 8), "Transformer": (4, 2, 1, 1, 8), "Unflatten": (1, (2, 2)),
    "Unfold": (2,), "ZeroPad1d": (1,), "ZeroPad2d": (1,), "ZeroPad3d": (1,),
}  # fmt: skip
# Modules made of others.
MADE = {
    "ModuleDict": lambda n: n.ModuleDict({"a": n.Linear(1, 2), "b": n.ReLU()}),
    "ModuleList": lambda n: n.ModuleList([n.Linear(1, 2), n.PReLU()]),
    "ParameterDict": lambda n: n.ParameterDict({"a": n.Linear(1, 2).weight}),
    "ParameterList": lambda n: n.ParameterList(n.Linear(1, 2).parameters()),
    "Sequential": lambda n: n.Sequential(n.Conv2d(1, 2, 1), n.BatchNorm2d(2)),
    "TransformerDecoder": lambda n: n.TransformerDecoder(n.TransformerDecoderLayer(4, 2, 8), 2),
    "TransformerEncoder": lambda n: n.TransformerEncoder(
        n.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2
    ),
}
NO_MODULES = {"LinearCrossEntropyOptions"}
MODULES = sorted(set(nn.modules.__all__) - NO_MODULES)
LAZY = [name for name in MODULES if name.startswith("Lazy")]


def build(library, name):
    n = library.nn
    if name in MADE:
        return MADE[name](n)
    arguments = (3,) if name == "LazyLinear" else (3, 2) if name.startswith("LazyConv") else ()
    return getattr(n, name)(*ARGUMENTS.get(name, arguments))


def through(write, read, value, **options):
    file = io.BytesIO()
    write(value, file)
    file.seek(0)
    return read(file, **options)


def arrays(module):
    return {k: v.numpy() for k, v in module.state_dict().items()}


def assert_same(ours, theirs):
    """Compare the states, which have been written once by either library."""
    assert repr(ours) == repr(theirs)
    left, right = arrays(ours), arrays(theirs)
    assert list(left) == list(right)
    for key in left:
        assert left[key].dtype == right[key].dtype
        np.testing.assert_array_equal(left[key], right[key])


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(LAZY)))
@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:`NLLLoss2d` has been deprecated")
def test_states_and_whole_modules_cross(torch, name):
    ours, theirs = build(rushlight, name), build(torch, name)
    ours.load_state_dict(through(torch.save, rushlight.load, theirs.state_dict()))
    assert_same(ours, theirs)
    ours, theirs = build(rushlight, name), build(torch, name)
    theirs.load_state_dict(through(rushlight.save, torch.load, ours.state_dict()))
    assert_same(ours, theirs)
    read = through(torch.save, rushlight.load, theirs, weights_only=False)
    assert type(read) is type(ours)
    assert_same(read, theirs)
    written = through(rushlight.save, torch.load, ours, weights_only=False)
    assert type(written) is type(theirs)
    assert_same(ours, written)
    for module in (read, written):  # they are alive, too
        module.train(False).zero_grad()


@pytest.mark.parametrize("name", LAZY)
def test_lazy_modules_take_states_of_ordinary_ones(torch, name):
    shape = {"1": (2, 4, 5), "2": (2, 4, 5, 5), "3": (2, 4, 3, 5, 5)}.get(name[-2], (2, 4))
    made = build(torch, name)
    made(torch.ones(shape))
    ours, theirs = build(rushlight, name), build(torch, name)
    theirs.load_state_dict(made.state_dict())
    ours.load_state_dict(through(torch.save, rushlight.load, made.state_dict()))
    assert_same(ours, theirs)
    if "InstanceNorm" not in name:  # there torch refuses the call
        theirs(torch.ones(shape))
        ours(rushlight.ones(*shape))
        assert_same(ours, theirs)
        assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
