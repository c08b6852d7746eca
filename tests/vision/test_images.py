"""Grids of images, images in folders, boxes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import rushlight as rl
from rushlight.vision import datasets, io, ops
from rushlight.vision.datasets import cifar
from rushlight.vision.grids import draw_bounding_boxes, make_grid, save_image


def test_a_grid():
    x = rl.arange(12.0).reshape(3, 1, 2, 2)
    grid = make_grid(x, nrow=2, padding=1, pad_value=-1)
    assert grid.shape == (3, 7, 7)
    assert grid[0].tolist() == [
        [-1, -1, -1, -1, -1, -1, -1],
        [-1, 0, 1, -1, 4, 5, -1],
        [-1, 2, 3, -1, 6, 7, -1],
        [-1, -1, -1, -1, -1, -1, -1],
        [-1, 8, 9, -1, -1, -1, -1],
        [-1, 10, 11, -1, -1, -1, -1],
        [-1, -1, -1, -1, -1, -1, -1],
    ]
    assert make_grid(x[0]).shape == (3, 2, 2) == make_grid(x[0, 0]).shape


def test_a_grid_of_normalised_images():
    x = rl.stack([rl.arange(4.0).reshape(1, 2, 2), 10 * rl.arange(4.0).reshape(1, 2, 2)])
    assert make_grid(x, normalize=True, padding=0)[0, 1].tolist() == pytest.approx(
        [2 / 30, 0.1, 2 / 3, 1]
    )
    each = make_grid(list(x), normalize=True, scale_each=True, padding=0)
    assert each[0, 1].tolist() == pytest.approx([2 / 3, 1, 2 / 3, 1])
    assert make_grid(x, normalize=True, value_range=(0, 2), padding=0)[0, 1, 0] == 1
    assert x.max() == 30
    with pytest.raises(TypeError, match="tensor or list of tensors expected"):
        make_grid("x")
    with pytest.raises(TypeError, match="value_range has to be a tuple"):
        make_grid(x, normalize=True, value_range=[0, 1])


@pytest.fixture
def pictures(tmp_path):
    pytest.importorskip("PIL")
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / name / "inner").mkdir(parents=True)
        for i in range(2):
            save_image(rl.full((3, 4, 5), label / 2 + i / 4), tmp_path / name / f"{i}.png")
    save_image(rl.zeros(1, 2, 2), tmp_path / "dog" / "inner" / "x.PNG")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def test_images_in_folders(pictures):
    dataset = datasets.ImageFolder(pictures, transform=lambda image: np.asarray(image)[0, 0, 0])
    assert (dataset.classes, dataset.class_to_idx) == (["cat", "dog"], {"cat": 0, "dog": 1})
    assert [dataset[i] for i in range(len(dataset))] == [
        (0, 0),
        (64, 0),
        (128, 1),
        (191, 1),
        (0, 1),
    ]
    assert dataset.targets == [0, 0, 1, 1, 1]
    assert dataset.imgs[0] == (str(pictures / "cat" / "0.png"), 0)
    only = datasets.ImageFolder(pictures, is_valid_file=lambda path: path.endswith("0.png"))
    assert len(only) == 2


def test_folders_without_images(pictures, tmp_path):
    (pictures / "fish").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the classes fish"):
        datasets.ImageFolder(pictures)
    assert len(datasets.ImageFolder(pictures, allow_empty=True)) == 5
    with pytest.raises(FileNotFoundError, match="any class folder"):
        datasets.ImageFolder(pictures / "fish")


def test_cifar(tmp_path, monkeypatch):
    pytest.importorskip("PIL")
    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for i, name in enumerate(names):
        pixels = np.full((2, 3072), i, np.uint8)
        pixels[:, :1024] = 7
        (place / name).write_bytes(pickle.dumps({"data": pixels, "labels": [i, 9 - i]}))
    (place / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        datasets.CIFAR10(tmp_path)
    monkeypatch.setattr(cifar.CIFAR10, "_check_integrity", lambda self: True)
    train, test = datasets.CIFAR10(tmp_path), datasets.CIFAR10(tmp_path, train=False)
    assert (train.data.shape, len(test)) == ((10, 32, 32, 3), 2)
    assert train.targets == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    image, label = test[1]
    assert (image.size, image.getpixel((3, 4)), label) == ((32, 32), (7, 5, 5), 4)
    assert "Split: Train" in repr(train)
    assert train.class_to_idx["c"] == 2


def test_printed_form_of_a_dataset():
    dataset = datasets.FakeData(3, transform=lambda x: x)
    dataset.transform = type("Two", (), {"__repr__": lambda self: "Two(\n  lines)"})()
    assert repr(dataset).splitlines() == [
        "Dataset FakeData",
        "    Number of datapoints: 3",
        "    StandardTransform",
        "Transform: Two(",
        "             lines)",
    ]


def slow_nms(boxes, scores, threshold):
    keep = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        best = rl.tensor(boxes[i : i + 1])
        if all(float(ops.box_iou(best, rl.tensor(boxes[j : j + 1]))) <= threshold for j in keep):
            keep.append(i)
    return keep


def test_boxes_that_overlap_go():
    rng = np.random.default_rng(0)
    corner = rng.random((40, 2), np.float32) * 10
    boxes = np.concatenate([corner, corner + rng.random((40, 2), np.float32) * 6], 1)
    scores = rng.random(40, np.float32)
    for threshold in (0.1, 0.5):
        found = ops.nms(rl.tensor(boxes), rl.tensor(scores), threshold)
        assert found.tolist() == slow_nms(boxes, scores, threshold)
        assert 0 < len(found) < 40
    classes = rl.tensor(rng.integers(0, 3, 40))
    kept = ops.batched_nms(rl.tensor(boxes), rl.tensor(scores), classes, 0.3)
    for label in range(3):
        own = np.flatnonzero(classes.numpy() == label)
        wanted = own[slow_nms(boxes[own], scores[own], 0.3)]
        assert sorted(wanted) == sorted(i for i in kept.tolist() if classes[i] == label)
    assert ops.nms(rl.zeros(0, 4), rl.zeros(0), 0.5).shape == (0,)
    with pytest.raises(RuntimeError, match="shape"):
        ops.nms(rl.zeros(3, 5), rl.zeros(3), 0.5)


def test_overlaps():
    a, b = rl.tensor([[0.0, 0, 2, 2], [0, 0, 1, 1]]), rl.tensor([[1.0, 0, 3, 2]])
    assert ops.box_iou(a, b).flatten().tolist() == pytest.approx([1 / 3, 0])
    assert ops.generalized_box_iou(a, b).flatten().tolist() == pytest.approx([1 / 3, -1 / 6])
    assert ops.box_area(a).tolist() == [4, 1]


def test_forms_of_boxes():
    box = rl.tensor([[1.0, 2, 5, 8]])
    assert ops.box_convert(box, "xyxy", "cxcywh").tolist() == [[3, 5, 4, 6]]
    for form in ("xywh", "cxcywh", "xyxy"):
        assert rl.equal(ops.box_convert(ops.box_convert(box, "xyxy", form), form, "xyxy"), box)
    assert ops.clip_boxes_to_image(box, (6, 4)).tolist() == [[1, 2, 4, 6]]
    assert ops.remove_small_boxes(box, 5).tolist() == []
    with pytest.raises(ValueError, match="Unsupported"):
        ops.box_convert(box, "xyxy", "other")


def test_focal_loss():
    x, y = rl.tensor([0.0, 3.0]), rl.tensor([1.0, 1.0])
    easy = ops.sigmoid_focal_loss(x, y)
    assert easy.tolist() == pytest.approx(
        [0.25 * 0.25 * np.log(2), 0.25 * 0.0022495 * 0.0485873], rel=1e-3
    )
    plain = ops.sigmoid_focal_loss(x, y, alpha=-1, gamma=0, reduction="mean")
    assert plain.item() == pytest.approx((np.log(2) + np.log1p(np.exp(-3))) / 2)
    with pytest.raises(ValueError, match="reduction"):
        ops.sigmoid_focal_loss(x, y, reduction="all")


def test_drawn_boxes():
    pytest.importorskip("PIL")
    image = rl.zeros(3, 8, 8, dtype=rl.uint8)
    drawn = draw_bounding_boxes(image, rl.tensor([[1.0, 1, 5, 5]]), colors="white")
    assert (drawn[0] == 255).sum() == 16
    assert image.sum() == 0
    with pytest.raises(ValueError, match="mismatch"):
        draw_bounding_boxes(image, rl.tensor([[1.0, 1, 5, 5]]), labels=[])


def test_files_of_images(tmp_path):
    pytest.importorskip("PIL")
    image = (rl.arange(60) * 4).reshape(3, 4, 5).to(rl.uint8)
    io.write_png(image, tmp_path / "a.png")
    assert rl.equal(io.read_image(str(tmp_path / "a.png")), image)
    assert rl.equal(io.decode_image(io.encode_png(image)), image)
    grey = io.read_image(tmp_path / "a.png", io.ImageReadMode.GRAY)
    assert grey.shape == (1, 4, 5)
    assert io.decode_image(tmp_path / "a.png", mode="RGB_ALPHA").shape == (4, 4, 5)
    io.write_jpeg(image, tmp_path / "a.jpg", quality=95)
    again = io.read_image(tmp_path / "a.jpg")
    assert (again.float() - image.float()).abs().mean() < 60
    io.write_png(grey, tmp_path / "grey.png")
    assert rl.equal(io.read_image(tmp_path / "grey.png"), grey)
    with pytest.raises(RuntimeError, match="Unsupported image file"):
        io.decode_image(rl.zeros(8, dtype=rl.uint8))
    with pytest.raises(RuntimeError, match="expected a uint8 tensor"):
        io.write_png(rl.zeros(3, 2, 2), tmp_path / "b.png")
