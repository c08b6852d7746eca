"""Image datasets: reading, damaged files, downloads, the bundled digits."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from rushlight.vision import datasets
from rushlight.vision.datasets.download import fetch
from rushlight.vision.datasets.idx import IdxError, read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def root(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("t10k", 5)):
        images = rng.integers(0, 256, (count, 28, 28))
        labels = np.arange(count) % 10
        (raw / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return tmp_path


def test_mnist_reads_packed_and_unpacked_files(root):
    train, test = datasets.MNIST(root), datasets.MNIST(root, train=False)
    assert (len(train), len(test)) == (12, 5)
    assert train.data.shape == (12, 28, 28)
    assert str(train.targets.dtype) == "torch.int64"
    assert train.targets.tolist()[:3] == [0, 1, 2]


def test_mnist_gives_pillow_images_to_its_transform(root):
    pytest.importorskip("PIL")
    data = datasets.MNIST(root, transform=lambda image: image.size, target_transform=str)
    assert data[3] == ((28, 28), "3")


def test_mnist_prints_as_torchvision_does(root):
    text = repr(datasets.MNIST(root, train=False))
    assert text.splitlines() == [
        "Dataset MNIST",
        "    Number of datapoints: 5",
        f"    Root location: {root}",
        "    Split: Test",
    ]


def test_a_missing_data_set_says_so(tmp_path):
    with pytest.raises(RuntimeError, match=r"Dataset not found in .*download=True"):
        datasets.MNIST(tmp_path)


def test_real_mnist(data_root):
    data = datasets.MNIST(data_root)
    assert np.bincount(data.targets.numpy()).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [0, 3, 7, 11, 100])
def test_truncated_idx_file(tmp_path, cut):
    path = tmp_path / "images"
    path.write_bytes(idx_bytes(np.zeros((2, 10, 10)))[:cut])
    with pytest.raises(IdxError, match=r"images: (no IDX file|truncated)"):
        read_idx(path)


@pytest.mark.parametrize(
    ("position", "value"), [(0, 1), (2, 0x77), (3, 9), (4, 0xFF), (7, 3), (11, 200)]
)
def test_damaged_idx_header(tmp_path, position, value):
    raw = bytearray(idx_bytes(np.zeros((2, 10, 10))))
    raw[position] = value
    path = tmp_path / "images"
    path.write_bytes(raw)
    with pytest.raises(IdxError, match="images"):
        read_idx(path)


def test_any_flipped_bit_of_a_gzipped_file_is_noticed(tmp_path):
    packed = gzip.compress(idx_bytes(np.arange(200).reshape(2, 10, 10)))
    rng = np.random.default_rng(0)
    noticed = 0
    for position in rng.integers(10, len(packed), 60):
        raw = bytearray(packed)
        raw[position] ^= 1 << int(rng.integers(8))
        path = tmp_path / "images.gz"
        path.write_bytes(raw)
        try:
            array = read_idx(path)
        except IdxError:
            noticed += 1
        else:
            np.testing.assert_array_equal(array, np.arange(200).reshape(2, 10, 10))
    assert noticed > 50


def test_labels_that_do_not_match_the_images(root):
    raw = root / "MNIST" / "raw"
    (raw / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(4)))
    with pytest.raises(RuntimeError, match=r"as many labels, got \(5, 28, 28\) and \(4,\)"):
        datasets.MNIST(root, train=False)


def test_download_checks_the_sum_and_tries_the_next_source(tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"right")
    bad.write_bytes(b"wrong")
    md5 = hashlib.md5(b"right", usedforsecurity=False).hexdigest()
    target = tmp_path / "new" / "file"
    fetch([bad.as_uri(), good.as_uri()], target, md5)
    assert target.read_bytes() == b"right"
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_failed_download_tells_every_answer_and_leaves_nothing(tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"wrong")
    target = tmp_path / "new" / "file"
    with pytest.raises(RuntimeError, match=r"(?s)bad: wrong file.*absent: "):
        fetch([bad.as_uri(), (tmp_path / "absent").as_uri()], target, "0" * 32)
    assert list(target.parent.iterdir()) == []


def test_digits_come_with_the_package():
    train, test = datasets.Digits(), datasets.Digits(train=False)
    assert (len(train), len(test)) == (1437, 360)
    assert train.data.shape == (1437, 8, 8)
    assert int(train.data.max()) == 255
    assert sorted(set(test.targets.tolist())) == list(range(10))


def test_fake_data_is_the_same_for_the_same_index():
    pytest.importorskip("PIL")
    data = datasets.FakeData(size=3, image_size=(3, 4, 5), num_classes=7)
    image, label = data[1]
    again, same = data[1]
    assert image.size == (5, 4)
    assert label == same
    np.testing.assert_array_equal(np.asarray(image), np.asarray(again))
    with pytest.raises(IndexError):
        data[3]
