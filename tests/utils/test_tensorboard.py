"""Event files, read back by a small reader here and by TensorBoard where it is installed."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.utils.tensorboard import SummaryWriter, _images, _proto, _records

Message = dict[int, list[Any]]


def _crc32c_by_bits(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> int:
    crc = _crc32c_by_bits(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the whole records of a file; a record that was cut off ends it."""
    data = path.read_bytes()
    at = 0
    while at + 12 <= len(data):
        length, crc = struct.unpack_from("<QI", data, at)
        assert crc == _masked(data[at : at + 8])
        if at + 16 + length > len(data):
            return
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length) == (_masked(body),)
        yield body
        at += 16 + length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def decode(data: bytes) -> Message:
    """Return a message's values by field number; nested messages stay bytes."""
    fields: Message = {}
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(data, at)
        elif kind == 2:
            size, at = _read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            code, size = {1: ("<d", 8), 5: ("<f", 4)}[kind]
            value, at = struct.unpack_from(code, data, at)[0], at + size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def read_events(folder: Path) -> list[Message]:
    """Return the events of the one file in a folder."""
    (path,) = folder.glob("events.out.tfevents.*")
    return [decode(record) for record in read_records(path)]


def read_values(folder: Path) -> list[tuple[int | None, Message]]:
    """Return the step and the summary value of each event that has one."""
    return [
        (event.get(2, [None])[0], decode(decode(event[5][0])[1][0]))
        for event in read_events(folder)
        if 5 in event
    ]


# --- checksums, wire format --------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 9, 32, 33, 255, 256, 257, 511, 512, 5000, 300_001])
def test_crc32c(length: int) -> None:
    data = np.random.RandomState(length).bytes(length)
    expected = _crc32c_by_bits(data) if length < 10_000 else None
    if expected is None:
        # Appending a message's own checksum always leaves the same remainder.
        data += struct.pack("<I", _records.crc32c(data))
        expected = 0x48674BC7
    assert _records.crc32c(data) == expected


def test_crc32c_check_value() -> None:
    assert _records.crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("n", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
def test_varint(n: int) -> None:
    encoded = _proto.varint(n)
    assert _read_varint(encoded, 0) == (n, len(encoded))


def test_negative_varint_is_twos_complement() -> None:
    assert _read_varint(_proto.varint(-5), 0) == (2**64 - 5, 10)


# --- scalars -----------------------------------------------------------------------------------


def test_file_begins_with_its_version(tmp_path: Path) -> None:
    SummaryWriter(tmp_path).close()
    (version,) = read_events(tmp_path)
    assert version[3] == [b"brain.Event:2"]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: 2.5, 2.5),
        (lambda: 2, 2.0),
        (lambda: True, 1.0),
        (lambda: np.float32(2.5), 2.5),
        (lambda: np.array([[2.5]]), 2.5),
        (lambda: rushlight.tensor([2.5]), 2.5),
        (lambda: rushlight.tensor(2.5, dtype=rushlight.bfloat16), 2.5),
        (lambda: rushlight.tensor(2.5, requires_grad=True), 2.5),
    ],
)
def test_scalar_of_any_type(tmp_path: Path, make: Any, expected: float) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", make(), 7, walltime=12.5)
    event = read_events(tmp_path)[1]
    assert event[1] == [12.5]
    ((step, found),) = read_values(tmp_path)
    assert (step, found[1], found[2]) == (7, [b"loss"], [expected])


def test_scalar_without_step_beyond_float32_and_unicode(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("größe", -1e300)
        writer.add_scalar("nan", float("nan"), 2**40)
    (no_step, large), (step, nan) = read_values(tmp_path)
    assert no_step is None
    assert (large[1], large[2]) == (["größe".encode()], [-np.inf])
    assert step == 2**40
    assert np.isnan(nan[2][0])


def test_scalar_refuses_more_than_one_element(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(AssertionError, match=r"expected one element, got shape \(2,\)"):
            writer.add_scalar("loss", np.zeros(2))
        with pytest.raises(NotImplementedError, match="NoneType"):
            writer.add_scalar("loss", None)


def test_scalars_share_a_tag_across_folders(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("loss/all", {"train": 1.0, "test": 2.0}, 3)
        writer.add_scalars("loss/all", {"train": 0.5}, 4)
    train = read_values(tmp_path / "loss_all_train")
    assert [(step, value[1], value[2]) for step, value in train] == [
        (3, [b"loss/all"], [1.0]),
        (4, [b"loss/all"], [0.5]),
    ]
    assert len(read_values(tmp_path / "loss_all_test")) == 1


# --- files -------------------------------------------------------------------------------------


def test_events_are_written_when_the_queue_is_full(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, max_queue=3)
    counts = []
    for step in range(5):
        writer.add_scalar("x", step, step)
        counts.append(len(read_values(tmp_path)))
    assert counts == [0, 0, 3, 3, 3]
    writer.flush()
    assert len(read_values(tmp_path)) == 5
    writer.close()


def test_events_are_written_when_flush_secs_have_passed(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, flush_secs=0)
    writer.add_scalar("x", 1)
    assert len(read_values(tmp_path)) == 1
    writer.close()


def test_default_folder_suffix_and_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_lr1", filename_suffix=".mine") as writer:
        assert writer.get_logdir() == writer.log_dir
    (folder,) = (tmp_path / "runs").iterdir()
    assert str(folder.relative_to(tmp_path)) == writer.log_dir
    assert folder.name.endswith("_lr1")
    (file,) = folder.iterdir()
    assert file.name.endswith(".mine")


def test_purge_step_marks_a_restart_once(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path, purge_step=9)
    writer.close()
    restart = read_events(tmp_path)[1]
    assert (restart[2], decode(restart[7][0])) == ([9], {1: [1]})
    writer.add_scalar("x", 1.0, 9)
    writer.close()
    later = max(tmp_path.iterdir(), key=lambda path: int(path.name.rpartition(".")[2]))
    assert all(7 not in decode(record) for record in read_records(later))


def test_write_after_close_starts_a_new_file(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    writer.close()
    writer.close()
    writer.add_scalar("x", 1.0)
    writer.close()
    assert len(list(tmp_path.iterdir())) == 2


_KILLED = """
import os, signal
from rushlight.utils.tensorboard import SummaryWriter
writer = SummaryWriter({folder!r}, max_queue=1)
for step in range(100):
    writer.add_scalar("x", step, step)
os.kill(os.getpid(), signal.SIGKILL)
"""
_UNCLOSED = """
import os
from rushlight.utils.tensorboard import SummaryWriter
writer = SummaryWriter({folder!r})
for step in range(100):
    writer.add_scalar("x", step, step)
    if step == 4 and os.fork() == 0:
        writer.add_scalar("child", 1.0, 0)
        raise SystemExit
os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")
@pytest.mark.parametrize(("program", "files"), [(_KILLED, 1), (_UNCLOSED, 2)])
def test_a_process_that_dies_leaves_readable_files(
    tmp_path: Path, program: str, files: int
) -> None:
    subprocess.run([sys.executable, "-c", program.format(folder=str(tmp_path))], check=False)
    paths = sorted(tmp_path.iterdir(), key=lambda path: -path.stat().st_size)
    assert len(paths) == files
    assert len(list(read_records(paths[0]))) == 101
    if files == 2:
        # What waited in the parent's queue is written by the parent alone.
        tags = [event for event in map(decode, read_records(paths[1])) if 5 in event]
        assert [decode(decode(event[5][0])[1][0])[1] for event in tags] == [[b"child"]]


def test_a_full_disk_leaves_whole_records_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SummaryWriter(tmp_path, max_queue=100)
    writer.add_scalar("x", 1.0, 1)
    writer.flush()
    writer.add_scalar("x", 2.0, 2)
    real_write = os.write

    def write_half(descriptor: int, data: Any) -> int:
        real_write(descriptor, bytes(data)[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write_half)
    with pytest.raises(OSError, match="No space left"):
        writer.flush()
    monkeypatch.undo()
    assert [step for step, _ in read_values(tmp_path)] == [1]
    writer.close()
    assert [step for step, _ in read_values(tmp_path)] == [1, 2]


def test_a_truncated_file_still_gives_its_whole_records(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("x", step, step)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert len(read_values(tmp_path)) == 2


# --- histograms, images, text ------------------------------------------------------------------


def test_histogram_counts_every_value(tmp_path: Path) -> None:
    values = np.random.RandomState(0).standard_normal(1000)
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("w", rushlight.tensor(values), 1)
        writer.add_histogram("w", values, 2, bins=[-10, 0, 10])
        writer.add_histogram("w", values, 3, bins="auto", max_bins=4)
    for step, value in read_values(tmp_path):
        histogram = decode(value[5][0])
        moments = [histogram[field][0] for field in range(1, 6)]
        expected = [values.min(), values.max(), 1000, values.sum(), (values**2).sum()]
        np.testing.assert_allclose(moments, expected)
        limits, counts = (np.frombuffer(histogram[field][0], "<f8") for field in (6, 7))
        assert (counts[0], counts.sum()) == (0, 1000)
        np.testing.assert_array_equal(np.histogram(values, limits)[0], counts[1:])
        if step == 2:
            assert limits.tolist() == [-10, 0, 10]
        if step == 3:
            assert len(counts) <= 6


def test_histogram_refuses_nothing_to_count(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(ValueError, match="empty input"):
            writer.add_histogram("w", np.zeros(0))
        with pytest.raises(ValueError, match="within the bins"):
            writer.add_histogram("w", np.zeros(3), bins=[1, 2])
        with pytest.raises(ValueError, match="got 1 and 2"):
            writer.add_histogram_raw("w", 0, 1, 2, 3, 4, [1.0], [1.0, 2.0])


def _decode_png(data: bytes) -> np.ndarray:
    """Decode what `encode_png` makes: no filters, no interlacing."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size) == (zlib.crc32(kind + body),)
        found[kind] = body
        at += 12 + size
    width, height, depth, color = struct.unpack_from(">IIBB", found[b"IHDR"])
    assert depth == 8
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[color]
    lines = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(channels: int) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (5, 7, channels)).astype(np.uint8)
    np.testing.assert_array_equal(_decode_png(_images.encode_png(pixels)), pixels)


@pytest.mark.parametrize("layout", ["CHW", "HWC", "WHC", "HW"])
@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_image_layouts(tmp_path: Path, layout: str, kind: str) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)
    if layout == "HW":
        pixels[...] = pixels[:, :, :1]
        image = pixels[:, :, 0]
    else:
        image = pixels.transpose(["HWC".index(letter) for letter in layout])
    with SummaryWriter(tmp_path) as writer:
        # Half a step up, because floats are rounded down.
        given = image if kind == "uint8" else rushlight.tensor((image + 0.5) / 255)
        writer.add_image("i", given, 1, dataformats=layout)
    ((_, value),) = read_values(tmp_path)
    message = decode(value[4][0])
    assert [message[field] for field in (1, 2, 3)] == [[5], [7], [3]]
    np.testing.assert_array_equal(_decode_png(message[4][0]), pixels)


def test_pixels_are_clipped_and_nan_is_black() -> None:
    image = np.array([[-1.0, 0.5, 2.0, np.inf, np.nan]])
    assert _images.to_pixels(image, "HW")[0, :, 0].tolist() == [0, 127, 255, 255, 0]


def test_images_become_a_grid_of_eight_columns() -> None:
    batch = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1) * np.ones((1, 1, 2, 3), np.uint8)
    grid = _images.to_pixels(batch, "NCHW")
    assert grid.shape == (4, 24, 3)
    assert grid[0, ::3, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert grid[2, ::3, 0].tolist() == [8, 9, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("shape", "layout", "error", "words"),
    [
        ((3, 4, 4), "HW", AssertionError, "expected 2 dimensions"),
        ((4, 4), "HH", AssertionError, "occurs twice"),
        ((3, 4, 4), "CXY", ValueError, "dataformats"),
        ((5, 4, 4), "CHW", ValueError, "1 to 4 channels"),
    ],
)
def test_image_errors(
    tmp_path: Path, shape: tuple[int, ...], layout: str, error: type[Exception], words: str
) -> None:
    with SummaryWriter(tmp_path) as writer, pytest.raises(error, match=words):
        writer.add_image("i", np.zeros(shape), dataformats=layout)


def test_figure(tmp_path: Path) -> None:
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure(figsize=(2, 1), dpi=50, facecolor="red")
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("f", figure, 1)
        writer.add_figure("f", [figure, figure], 2)
    (_, one), (_, two) = read_values(tmp_path)
    pixels = _decode_png(decode(one[4][0])[4][0])
    assert pixels.shape == (50, 100, 3)
    assert (pixels == [255, 0, 0]).all()
    assert _decode_png(decode(two[4][0])[4][0]).shape == (50, 200, 3)


def test_text(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("note", "**fröhlich**", 1)
    ((_, value),) = read_values(tmp_path)
    assert value[1] == [b"note/text_summary"]
    assert decode(value[8][0])[8] == ["**fröhlich**".encode()]
    assert decode(decode(value[9][0])[1][0])[1] == [b"text"]


def test_pr_curve_counts(tmp_path: Path) -> None:
    labels = rushlight.tensor([1, 0, 1, 0])
    predictions = rushlight.tensor([1.0, 0.6, 0.4, 0.0])
    with SummaryWriter(tmp_path) as writer:
        writer.add_pr_curve("pr", labels, predictions, num_thresholds=3)
    ((_, value),) = read_values(tmp_path)
    rows = np.frombuffer(decode(value[8][0])[5][0], "<f4").reshape(6, 3)
    # Above the thresholds 0, 0.5, 1.
    assert rows[:4].tolist() == [[2, 1, 1], [2, 1, 0], [0, 1, 2], [0, 1, 1]]
    np.testing.assert_allclose(rows[4:], [[0.5, 0.5, 1], [1, 0.5, 0.5]])


def test_hparams_are_checked(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(TypeError, match="should be dictionary"):
            writer.add_hparams([], {})  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="for 'layers', got list"):
            writer.add_hparams({"layers": [1]}, {})
        with pytest.raises(TypeError, match=r"hparam_domain_discrete\[lr\]"):
            writer.add_hparams({"lr": 0.1}, {}, {"lr": ["a"]})


def test_embedding_files(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_embedding(
            rushlight.eye(3), ["a", "b", "c"], rushlight.ones(3, 1, 4, 6), 2, tag="e"
        )
        writer.add_embedding(np.eye(2), [["a", 1], ["b", 2]], metadata_header=["name", "count"])
        with pytest.raises(AssertionError, match="expected 2 rows of metadata, got 1"):
            writer.add_embedding(np.eye(2), ["a"])
    assert (tmp_path / "00002/e/tensors.tsv").read_text().splitlines()[1] == "0.0\t1.0\t0.0"
    assert (tmp_path / "00002/e/metadata.tsv").read_text() == "a\nb\nc\n"
    assert (tmp_path / "00000/default/metadata.tsv").read_text() == "name\tcount\na\t1\nb\t2\n"
    sprite = _decode_png((tmp_path / "00002/e/sprite.png").read_bytes())
    assert sprite.shape == (8, 12, 3)
    assert (sprite[:4] == 255).all()
    assert (sprite[4:, 6:] == 0).all()
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert config.count("embeddings {") == 2
    assert 'tensor_path: "00002/e/tensors.tsv"' in config


# --- graph -------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout())
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x).exp())


def test_graph_groups_operators_by_module(tmp_path: Path) -> None:
    net = Net()
    net.head.eval()
    with SummaryWriter(tmp_path) as writer, rushlight.no_grad():
        writer.add_graph(net, rushlight.ones(1, 3))
    graph = decode(read_events(tmp_path)[1][4][0])
    nodes = {node[1][0].decode(): node for node in map(decode, graph[1])}
    linear = "Net/Sequential[body]/Linear[0]"
    assert f"{linear}/weight" in nodes
    relu = nodes["Net/Sequential[body]/ReLU[1]/Relu"]
    assert relu[3][0].decode().startswith(f"{linear}/")
    assert nodes["Net/Exp"][3] == [b"Net/Sequential[body]/ReLU[1]/Relu"]
    assert nodes["output/0"][3][0].decode().startswith("Net/Linear[head]/")
    for node in nodes.values():
        assert {source.decode().partition(":")[0] for source in node.get(3, [])} <= nodes.keys()
    assert net.training
    assert not net.head.training
    assert not net._forward_hooks


# --- TensorBoard itself ------------------------------------------------------------------------


def test_tensorboard_reads_everything(tmp_path: Path) -> None:
    accumulator_module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    values = np.random.RandomState(0).standard_normal(100)
    with SummaryWriter(tmp_path) as writer:
        for step in range(20):
            writer.add_scalar("loss", 1 / (step + 1), step)
        writer.add_scalar("new", 0.1, 1, new_style=True, double_precision=True)
        writer.add_histogram("w", values, 1)
        writer.add_image("i", np.zeros((3, 4, 5)), 1)
        writer.add_audio("s", np.sin(np.arange(100)), 1, sample_rate=8000)
        writer.add_text("t", "words", 1)
        writer.add_pr_curve("pr", values > 0, np.abs(values) / 4, 1)
        writer.add_custom_scalars({"c": {"m": ["Multiline", ["loss"]]}})
        writer.add_custom_scalars_marginchart(["a", "b", "c"])
        writer.add_graph(Net(), rushlight.ones(1, 3))
        writer.add_hparams(
            {"lr": 0.1, "name": "adam", "fast": True, "n": 3}, {"acc": 0.9}, {"n": [1, 3]}, "run"
        )
    events = accumulator_module.EventAccumulator(str(tmp_path), size_guidance={"images": 0})
    events.Reload()
    loss = events.Scalars("loss")
    assert [item.step for item in loss] == list(range(20))
    np.testing.assert_allclose([item.value for item in loss], 1 / np.arange(1, 21), rtol=1e-6)
    tags = events.Tags()
    assert tags["histograms"] == ["w"]
    assert tags["images"] == ["i"]
    assert tags["audio"] == ["s"]
    assert {"new", "t/text_summary", "pr", "custom_scalars__config__"} <= set(tags["tensors"])
    assert events.Tensors("new")[0].tensor_proto.double_val == [0.1]
    assert events.Histograms("w")[0].histogram_value.num == 100
    picture = events.Images("i")[0]
    assert (picture.width, picture.height) == (5, 4)
    assert events.Audio("s")[0].length_frames == 100
    assert any(node.name == "Net/Exp" for node in events.Graph().node)


def test_tensorboard_reads_hparams(tmp_path: Path) -> None:
    accumulator_module = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    given = {"lr": 0.1, "name": "adam", "fast": True, "n": 3, "none": None}
    with SummaryWriter(tmp_path) as writer:
        writer.add_hparams(given, {"acc": rushlight.tensor(0.5)}, {"n": [1, 3]}, "run")
    events = accumulator_module.EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    assert events.Scalars("acc")[0].value == 0.5
    start = metadata.parse_session_start_info_plugin_data(
        events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    )
    found = {
        name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()
    }
    assert found == {"lr": 0.1, "name": "adam", "fast": True, "n": 3.0}
    experiment = metadata.parse_experiment_plugin_data(
        events.SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    )
    assert [info.name for info in experiment.hparam_infos] == ["lr", "name", "fast", "n"]
    assert [item.number_value for item in experiment.hparam_infos[3].domain_discrete.values] == [
        1,
        3,
    ]
    assert experiment.metric_infos[0].name.tag == "acc"
