"""Wrong shapes, dtypes and types into every layer: a clear error each."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight._tensor import Tensor, wrap


def x(*shape: int, dtype: str = "float32") -> Tensor:
    return wrap(np.ones(shape, dtype))


def ids(*shape: int) -> Tensor:
    return x(*shape, dtype="int64")


WRONG_CALLS = [
    # --- dimensions and sizes ---
    (nn.Linear(4, 2), (x(3, 5),), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
    (nn.Linear(4, 2), (x(),), RuntimeError, "linear"),
    (nn.Bilinear(4, 3, 2), (x(5, 4), x(5, 4)), RuntimeError, "bilinear"),
    (nn.Conv1d(3, 4, 3), (x(2, 4, 9),), RuntimeError, "to have 3 channels, but got 4 channels"),
    (nn.Conv1d(3, 4, 3), (x(9),), RuntimeError, "conv1d"),
    (nn.Conv2d(3, 4, 3), (x(2, 4, 9, 9),), RuntimeError, "to have 3 channels, but got 4 channels"),
    (nn.Conv2d(3, 4, 3), (x(3, 9),), RuntimeError, "conv2d"),
    (nn.Conv2d(3, 4, 3), (x(3, 2, 2),), RuntimeError, "Kernel size can't be greater"),
    (nn.Conv3d(3, 4, 3), (x(3, 9, 9),), RuntimeError, "conv3d"),
    (nn.ConvTranspose1d(3, 4, 3), (x(2, 4, 9),), RuntimeError, "channels"),
    (nn.ConvTranspose2d(3, 4, 3), (x(2, 4, 9, 9),), RuntimeError, "channels"),
    (nn.ConvTranspose3d(3, 4, 3), (x(2, 3, 9, 9),), RuntimeError, "conv_transpose3d"),
    (nn.BatchNorm1d(3), (x(2, 3, 4, 4),), ValueError, r"expected 2D or 3D input \(got 4D input\)"),
    (nn.BatchNorm2d(3), (x(2, 3, 4),), ValueError, r"expected 4D input \(got 3D input\)"),
    (nn.BatchNorm3d(3), (x(2, 3, 4),), ValueError, r"expected 5D input \(got 3D input\)"),
    (nn.BatchNorm2d(3), (x(2, 4, 5, 5),), RuntimeError, "should contain 4 elements not 3"),
    (nn.BatchNorm1d(3), (x(1, 3),), ValueError, "Expected more than 1 value per channel"),
    (nn.InstanceNorm1d(3), (x(2, 3, 4, 4),), ValueError, "expected 2D or 3D input"),
    (nn.InstanceNorm2d(3), (x(2, 3),), ValueError, "expected 3D or 4D input"),
    (nn.InstanceNorm3d(3), (x(2, 3),), ValueError, "expected 4D or 5D input"),
    (nn.InstanceNorm2d(3, affine=True), (x(2, 4, 5, 5),), ValueError, "to match num_features"),
    (nn.LayerNorm(4), (x(2, 3),), RuntimeError, "normalized_shape"),
    (nn.RMSNorm(4), (x(2, 3),), RuntimeError, "normalized_shape"),
    (nn.GroupNorm(2, 4), (x(2, 6, 3),), RuntimeError, "group_norm: weight should contain"),
    (nn.LocalResponseNorm(2), (x(2, 3),), ValueError, "3D or higher"),
    (nn.MaxPool1d(2), (x(8),), RuntimeError, "max_pool1d"),
    (nn.MaxPool2d(2), (x(4, 4),), RuntimeError, "max_pool2d"),
    (nn.MaxPool2d(5), (x(1, 4, 4),), RuntimeError, "Output size is too small"),
    (nn.MaxPool3d(2), (x(4, 4),), RuntimeError, "max_pool3d"),
    (nn.AvgPool1d(2), (x(8),), RuntimeError, "avg_pool1d"),
    (nn.AvgPool2d(2), (x(4, 4),), RuntimeError, "avg_pool2d"),
    (nn.AvgPool3d(2), (x(4, 4),), RuntimeError, "avg_pool3d"),
    (nn.LPPool2d(2, 2), (x(4, 4),), RuntimeError, "lp_pool2d"),
    (nn.AdaptiveAvgPool1d(2), (x(8),), RuntimeError, "adaptive_avg_pool1d"),
    (nn.AdaptiveAvgPool2d(2), (x(8),), RuntimeError, "adaptive_avg_pool2d"),
    (nn.AdaptiveMaxPool2d(2), (x(8, 8),), RuntimeError, "adaptive_max_pool2d"),
    (nn.MaxUnpool2d(2), (x(1, 2, 2), ids(1, 2, 3)), RuntimeError, "shape of indices"),
    (nn.Dropout1d(), (x(2, 3, 4, 5),), RuntimeError, "Expected 2D or 3D input"),
    (nn.Softmax2d(), (x(2, 3),), ValueError, "expected input to be 3D or 4D"),
    (nn.Softmax(3), (x(2, 3),), IndexError, "Dimension out of range"),
    (nn.LogSoftmax(-3), (x(2, 3),), IndexError, "Dimension out of range"),
    (nn.GLU(), (x(2, 3),), RuntimeError, "Halving dimension must be even"),
    (nn.PReLU(3), (x(2, 4),), RuntimeError, "Mismatch of parameter numbers and input channel size"),
    (nn.ReflectionPad1d(3), (x(1, 2, 3),), RuntimeError, "Padding size should be less than"),
    (nn.ReflectionPad2d(1), (x(3),), RuntimeError, "Padding length should be less than"),
    (nn.CircularPad1d(1), (x(3),), ValueError, "expected 2D or 3D input"),
    (nn.ConstantPad1d(-2, 0), (x(1, 3),), RuntimeError, "negative output size"),
    (nn.Upsample(scale_factor=2), (x(3, 4),), NotImplementedError, "3D, 4D and 5D"),
    (nn.Upsample(3, mode="linear"), (x(1, 2, 3, 4),), NotImplementedError, "linear"),
    (nn.PixelShuffle(2), (x(3, 2, 2),), RuntimeError, "divisible by the square of upscale_factor"),
    (nn.PixelUnshuffle(2), (x(3, 3, 2),), RuntimeError, "divisible by downscale_factor"),
    (nn.ChannelShuffle(2), (x(1, 3, 2),), RuntimeError, "divisible by groups"),
    (nn.Fold(4, 2), (x(1, 3, 9),), RuntimeError, "divisible by the product of kernel_size"),
    (nn.Unfold(3), (x(2, 2),), RuntimeError, "Expected 3D or 4D"),
    (nn.Flatten(2), (x(2, 3),), IndexError, "Dimension out of range"),
    (nn.Unflatten(1, (2, 2)), (x(2, 3),), RuntimeError, "unflatten"),
    (nn.CosineSimilarity(), (x(2, 3), x(2, 4)), RuntimeError, "must match the size"),
    (nn.PairwiseDistance(), (x(2, 3), x(2, 4)), RuntimeError, "must match the size"),
    (nn.EmbeddingBag(3, 2), (ids(4),), ValueError, "offsets has to be a 1D Tensor"),
    # --- indices, classes, targets ---
    (nn.Embedding(1, 2), (ids(4),), IndexError, "index out of range"),
    (nn.CrossEntropyLoss(), (x(3, 1), ids(3)), IndexError, "out of bounds"),
    (nn.CrossEntropyLoss(), (x(3, 4), ids(2)), ValueError, "to match target batch_size"),
    (nn.CrossEntropyLoss(), (x(3, 4), x(3)), RuntimeError, "int64"),
    (nn.NLLLoss(), (x(3, 4), ids(2)), ValueError, "batch_size"),
    (nn.BCELoss(), (x(3), x(4)), ValueError, "target size"),
    (nn.BCELoss(), (2 * x(3), x(3)), RuntimeError, "between 0 and 1"),
    (nn.BCEWithLogitsLoss(), (x(3), x(4)), ValueError, "must be the same as input size"),
    (nn.CTCLoss(), (x(4, 1, 3), ids(1, 2), [5], [2]), RuntimeError, "input_lengths"),
    (nn.MultiLabelMarginLoss(), (x(2, 3), ids(2, 4)), RuntimeError, "inconsistent target size"),
    (nn.MultiMarginLoss(), (x(2, 3), ids(3)), RuntimeError, "inconsistent target size"),
    (nn.MarginRankingLoss(), (x(2), x(2, 1), x(2)), RuntimeError, "same dimension"),
    (nn.GaussianNLLLoss(), (x(2, 3), x(2, 3), x(4)), ValueError, "var is of incorrect size"),
    (
        nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2]),
        (x(2, 4), 9 * ids(2)),
        RuntimeError,
        "Target values",
    ),
    # --- dtypes ---
    (nn.Linear(4, 2), (x(3, 4, dtype="float64"),), RuntimeError, "same dtype"),
    (nn.Linear(4, 2), (ids(3, 4),), RuntimeError, "same dtype"),
    (nn.Conv2d(1, 1, 1), (x(1, 2, 2, dtype="float64"),), RuntimeError, "should be the same"),
    (nn.Conv2d(1, 1, 1), (ids(1, 2, 2),), RuntimeError, "should be the same"),
    (nn.Embedding(3, 2), (x(4),), RuntimeError, "scalar types: Long, Int"),
    (nn.GELU(), (ids(3),), RuntimeError, "not implemented for 'Long'"),
    (nn.Softmax(0), (ids(3),), RuntimeError, "not implemented for 'Long'"),
]


def _name(value: object) -> str:
    return type(value).__name__ if isinstance(value, nn.Module) else ""


@pytest.mark.parametrize(("layer", "inputs", "exception", "words"), WRONG_CALLS, ids=_name)
def test_wrong_input(layer, inputs, exception, words):
    with pytest.raises(exception, match=words):
        layer(*inputs)


ONE_TENSOR = [
    layer
    for layer, inputs, *_ in WRONG_CALLS
    if len(inputs) == 1 and not isinstance(layer, (nn.EmbeddingBag, nn.Flatten, nn.Unflatten))
] + [
    nn.ReLU(),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.SiLU(),
    nn.ELU(),
    nn.Softplus(),
    nn.LeakyReLU(),
    nn.Hardtanh(),
    nn.Hardswish(),
    nn.Softsign(),
    nn.Mish(),
    nn.Dropout(),
    nn.Threshold(0, 1),
]


@pytest.mark.parametrize("layer", ONE_TENSOR, ids=_name)
@pytest.mark.parametrize("value", [None, 1.5, [1.0]], ids=["None", "float", "list"])
def test_input_that_is_no_tensor(layer, value):
    with pytest.raises((TypeError, AttributeError)) as raised:
        layer(value)
    assert type(value).__name__ in str(raised.value)


@pytest.mark.parametrize(
    ("make", "exception", "words"),
    [
        (
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            ValueError,
            "in_channels must be divisible by groups",
        ),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "Invalid padding string"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode"),
        (lambda: nn.GroupNorm(3, 4), ValueError, "must be divisible by num_groups"),
        (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "within num_embeddings"),
        (lambda: nn.Embedding(3, 2, _weight=x(2, 2)), AssertionError, "Shape of weight"),
        (lambda: nn.Embedding.from_pretrained(x(3)), AssertionError, "2-dimensional"),
        (lambda: nn.Hardtanh(1.0, -1.0), AssertionError, "max_val"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2 supported"),
        (lambda: nn.TripletMarginLoss(margin=0), ValueError, "margin"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, [3, 2]), ValueError, "cutoffs"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, []), ValueError, "cutoffs"),
        (lambda: nn.Unflatten(1, (2.0, 3)), TypeError, "found element of type float"),
        (lambda: nn.ChannelShuffle(0), ValueError, "positive"),
        (lambda: nn.ReLU(True, 3), TypeError, "arguments"),
        (lambda: nn.Sigmoid(3), TypeError, "positional argument"),
        (
            lambda: nn.CrossEntropyLoss(reduction="avg")(x(1, 2), ids(1)),
            ValueError,
            "avg is not a valid value",
        ),
    ],
)
def test_wrong_constructor_arguments(make, exception, words):
    with pytest.raises(exception, match=words):
        make()


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        nn.Linear(4, 2),
        nn.Conv2d(3, 1, 1),
        nn.MaxPool2d(2),
        nn.LayerNorm(4),
        nn.BatchNorm2d(3),
    ],
    ids=_name,
)
def test_numpy_array_in_the_place_of_a_tensor(layer):
    with pytest.raises((TypeError, AttributeError), match="ndarray"):
        layer(np.ones((2, 3, 4, 4), np.float32))


def test_state_of_other_shapes_lists_every_parameter():
    with pytest.raises(RuntimeError, match=r"(?s)size mismatch for weight.*size mismatch for bias"):
        nn.BatchNorm2d(3).load_state_dict(nn.BatchNorm2d(4).state_dict())
    with pytest.raises(RuntimeError, match="Unexpected key"):
        nn.ReLU().load_state_dict({"weight": rushlight.ones(1)})
