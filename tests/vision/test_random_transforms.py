"""Random transforms, and the functions of images behind them."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

import rushlight as rl
from rushlight.vision import transforms as T
from rushlight.vision.transforms import functional as F, v2


@pytest.fixture
def picture():
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return image.fromarray(coarse).resize((24, 20))


@pytest.fixture
def tensor():
    rl.manual_seed(3)
    return rl.rand(3, 20, 24)


def examples(T):
    bilinear = T.InterpolationMode.BILINEAR
    return [
        T.RandomHorizontalFlip(), T.RandomVerticalFlip(0.9), T.CenterCrop(10),
        T.CenterCrop((30, 11)), T.Pad(3), T.Pad((1, 2), 5),
        T.Pad([1, 2, 3, 4], padding_mode="edge"),
        T.Pad(4, padding_mode="reflect"), T.Pad(4, padding_mode="symmetric"),
        T.RandomCrop(16, padding=4), T.RandomCrop((15, 10)), T.RandomCrop(32, pad_if_needed=True),
        T.RandomResizedCrop(12), T.RandomResizedCrop(8, scale=(2.0, 3.0)),
        T.RandomRotation(30), T.RandomRotation((10, 80), bilinear, expand=True, fill=0.5),
        T.RandomRotation((90, 90), expand=True), T.RandomRotation(45, center=(0, 0)),
        T.RandomAffine(20), T.RandomAffine((-10, 10), (0.1, 0.2), (0.8, 1.2), 10, fill=1),
        T.RandomAffine(0, shear=(-5, 5, -6, 6), interpolation=bilinear),
        T.FiveCrop(6), T.TenCrop((5, 6), True),
        T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        T.RandomOrder([T.CenterCrop(15), T.Pad(2)]),
        T.RandomChoice([T.CenterCrop(15), T.Pad(2)], p=[0.2, 0.8]),
        T.ColorJitter(), T.ColorJitter(0.5), T.ColorJitter(contrast=(0.2, 0.4)),
        T.ColorJitter(saturation=0.9), T.ColorJitter(hue=0.3), T.ColorJitter(0.3, 0.3, 0.3, 0.3),
        T.Grayscale(), T.Grayscale(3), T.RandomGrayscale(0.9),
        T.GaussianBlur(5), T.GaussianBlur((3, 7), 0.8), T.RandomInvert(1.0),
        T.RandomSolarize(0.5, 1.0), T.RandomAutocontrast(1.0), T.RandomAdjustSharpness(2, 1.0),
    ]  # fmt: skip


TENSORS_ONLY = [
    {"p": 1.0},
    {"p": 0.9, "value": "random"},
    {"p": 1.0, "value": (1.0, 2.0, 3.0)},
]


def as_arrays(result):
    images = result if isinstance(result, tuple) else [result]
    return [np.asarray(image.numpy() if hasattr(image, "numpy") else image) for image in images]


@pytest.fixture
def theirs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("torchvision.transforms")
    return module


def test_the_same_as_torchvision(torch, theirs, picture, tensor):
    for seed, (ours, other) in enumerate(zip(examples(T), examples(theirs), strict=True)):
        assert repr(ours) == repr(other)
        pairs = [(picture, picture), (picture.convert("L"), picture.convert("L")),
                 (tensor, torch.tensor(tensor.numpy()))]  # fmt: skip
        for mine, its in pairs:
            results = []
            for library, transform, image in ((rl, ours, mine), (torch, other, its)):
                random.seed(seed)
                library.manual_seed(seed)
                results.append(as_arrays(transform(image)))
            for found, wanted in zip(*results, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5, err_msg=repr(ours))


def test_erasing_as_torchvision(torch, theirs, tensor):
    for seed, options in enumerate(TENSORS_ONLY):
        rl.manual_seed(seed)
        torch.manual_seed(seed)
        found = T.RandomErasing(**options)(tensor)
        wanted = theirs.RandomErasing(**options)(torch.tensor(tensor.numpy()))
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-5)


def test_flips_and_crops_of_a_tensor():
    x = rl.arange(6.0).reshape(1, 2, 3)
    assert F.hflip(x)[0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert F.vflip(x)[0].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert F.crop(x, 0, 1, 2, 1)[0].tolist() == [[1], [4]]
    assert F.crop(x, 1, 2, 2, 2)[0].tolist() == [[5, 0], [0, 0]]
    assert F.center_crop(x, (4, 1))[0].tolist() == [[0], [1], [4], [0]]
    assert F.pad(x, (1, 0), fill=9)[0].tolist() == [[9, 0, 1, 2, 9], [9, 3, 4, 5, 9]]
    assert F.rotate(x, 180)[0].tolist() == [[5, 4, 3], [2, 1, 0]]
    assert F.affine(x, 0, (1, 0), 1.0, 0.0)[0].tolist() == [[0, 0, 1], [0, 3, 4]]
    assert F.get_dimensions(x) == [1, 2, 3]


def test_a_crop_is_one_of_those_possible():
    x = rl.arange(25.0).reshape(1, 5, 5)
    crop = T.RandomCrop(3)
    seen = {tuple(crop(x)[0, 0, :1].tolist()) for _ in range(200)}
    assert seen == {(float(5 * i + j),) for i in range(3) for j in range(3)}


def test_probabilities():
    x = rl.arange(2.0).reshape(1, 1, 2)
    flipped = sum(T.RandomHorizontalFlip(0.25)(x)[0, 0, 0].item() for _ in range(400))
    assert 60 <= flipped <= 140
    assert rl.equal(T.RandomHorizontalFlip(0.0)(x), x)
    assert not rl.equal(T.RandomHorizontalFlip(1.0)(x), x)


def test_bytes_stay_bytes(picture):
    x = T.PILToTensor()(picture)
    for transform in (T.ColorJitter(0.5, 0.5, 0.5, 0.5), T.GaussianBlur(3), T.RandomRotation(20),
                      T.RandomPosterize(3, 1.0), T.RandomAdjustSharpness(2, 1.0)):  # fmt: skip
        assert transform(x).dtype is rl.uint8
        assert transform(x).shape == x.shape


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda x: T.RandomCrop(50)(x), ValueError, "Required crop size .50, 50. is larger"),
        (lambda x: T.Pad("a"), TypeError, "inappropriate padding"),
        (lambda x: T.Pad((1, 2, 3)).forward(x), ValueError, "a 1, 2, or 4 element tuple"),
        (lambda x: T.Pad(1, padding_mode="odd"), ValueError, "constant, edge, reflect"),
        (lambda x: T.ColorJitter(-1), ValueError, "must be non negative"),
        (lambda x: T.ColorJitter(hue=0.7), ValueError, "should be between"),
        (lambda x: T.RandomRotation(-1), ValueError, "must be positive"),
        (lambda x: T.RandomAffine(5, (2.0, 1.0)), ValueError, "between 0 and 1"),
        (lambda x: T.GaussianBlur(4), ValueError, "odd and positive"),
        (lambda x: T.RandomErasing(2.0), ValueError, "between 0 and 1"),
        (lambda x: F.adjust_hue(x, 0.9), ValueError, r"not in \[-0.5, 0.5\]"),
        (lambda x: F.adjust_contrast(x, -1), ValueError, "not non-negative"),
        (lambda x: F.five_crop(x, 99), ValueError, "bigger than input size"),
        (lambda x: F.hflip(3), TypeError, "img should be PIL Image"),
        (lambda x: F.affine(x, 0, (0, 0), 0, 0), ValueError, "scale should be positive"),
    ],
)
def test_errors(make, error, words, tensor):
    with pytest.raises(error, match=words):
        make(tensor)


def test_the_second_interface_has_them_too(tensor):
    rl.manual_seed(0)
    chain = v2.Compose([v2.RandomCrop(8), v2.RandomHorizontalFlip(), v2.ColorJitter(0.1)])
    assert chain(tensor).shape == (3, 8, 8)
