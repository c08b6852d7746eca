"""Transforms of images."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight.vision import transforms
from rushlight.vision.transforms import functional, v2


@pytest.fixture
def picture():
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    return image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))


def test_to_tensor_scales_bytes(picture):
    x = transforms.ToTensor()(picture)
    assert x.shape == (3, 6, 8)
    np.testing.assert_array_equal(
        x.numpy(), np.asarray(picture).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    )


def test_to_tensor_leaves_floats_and_adds_a_channel():
    array = np.array([[0.5, 2.0]])
    x = transforms.ToTensor()(array)
    assert x.shape == (1, 1, 2)
    assert str(x.dtype) == "torch.float64"
    assert x.numpy().ravel().tolist() == [0.5, 2.0]


@pytest.mark.parametrize(("bad", "error"), [([1, 2], TypeError), (np.zeros(3), ValueError)])
def test_to_tensor_refuses(bad, error):
    with pytest.raises(error, match="pic should be"):
        transforms.ToTensor()(bad)


def test_pillow_round_trip(picture):
    x = transforms.PILToTensor()(picture)
    assert str(x.dtype) == "torch.uint8"
    np.testing.assert_array_equal(np.asarray(transforms.ToPILImage()(x)), np.asarray(picture))


def test_normalize():
    x = rushlight.arange(8.0).reshape(2, 2, 2)
    y = transforms.Normalize((1.0, 2.0), (2.0, 4.0))(x)
    np.testing.assert_allclose(y[0].numpy(), (x[0].numpy() - 1) / 2)
    np.testing.assert_allclose(y[1].numpy(), (x[1].numpy() - 2) / 4)
    assert x[0, 0, 1] == 1
    with pytest.raises(ValueError, match="std evaluated to zero"):
        transforms.Normalize((0.0,), (0.0,))(x)
    with pytest.raises(TypeError, match="float tensor"):
        transforms.Normalize((0.0,), (1.0,))(x.int())


def test_resize_of_the_shorter_side(picture):
    assert transforms.Resize(3)(picture).size == (4, 3)
    assert transforms.Resize((5, 4))(picture).size == (4, 5)
    x = transforms.PILToTensor()(picture)
    assert transforms.Resize(3)(x).shape == (3, 3, 4)
    assert transforms.Resize(3, max_size=3 + 1)(x).shape == (3, 3, 4)


def test_resize_of_a_tensor_agrees_with_interpolate():
    x = rushlight.rand(2, 3, 9, 7)
    y = transforms.Resize((4, 5), antialias=False)(x)
    expected = rushlight.nn.functional.interpolate(x, (4, 5), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(y.numpy(), expected.numpy(), atol=1e-6)


def test_compose_and_lambda(picture):
    both = transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: x * 0 + 3)])
    assert both(picture).unique().tolist() == [3.0]
    assert repr(both).splitlines() == ["Compose(", "    ToTensor()", "    Lambda()", ")"]


def test_v2_dtype_and_image(picture):
    x = v2.Compose([v2.ToImage(), v2.ToDtype(rushlight.float32, scale=True)])(picture)
    np.testing.assert_allclose(x.numpy(), transforms.ToTensor()(picture).numpy())
    assert v2.ToDtype(rushlight.float64)(rushlight.ones(1)).dtype is rushlight.float64


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        ("uint8", "float32", 255, 1.0),
        ("float32", "uint8", 1.0, 255),
        ("uint8", "int16", 255, 32640),
        ("int16", "uint8", 32767, 255),
    ],
)
def test_convert_image_dtype(source, target, value, expected):
    x = rushlight.tensor([value], dtype=getattr(rushlight, source))
    y = functional.convert_image_dtype(x, getattr(rushlight, target))
    assert y.dtype is getattr(rushlight, target)
    assert y.item() == expected
