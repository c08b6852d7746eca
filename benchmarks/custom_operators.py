"""The figures of docs/custom-operators.md: builds, kernels, networks; and their picture.

RUSHLIGHT_DATA=DIR python -m benchmarks.custom_operators measure FILE.json
python -m benchmarks.custom_operators plot FILE.json docs/custom-operators.svg
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rushlight.cli import bench

EXAMPLES = Path(__file__).parents[1] / "examples" / "custom_operator"
COLOURS = {"rushlight": "#2a6f97", "torch": "#b5543a", "plain": "#8d99a6"}


def measured(words: list[str]) -> Any:
    """Return the rows of one `rushlight bench` command."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.json")
        if bench.main([*words, "--json", str(file)]):
            sys.exit(1)
        return json.loads(file.read_text())


def measure(file: str, threads: str) -> None:
    """Measure everything and write it down."""
    sys.path.insert(0, str(EXAMPLES))
    import conv_relu

    import rushlight

    rushlight.manual_seed(0)
    found = {
        "extension": measured(["extension", "--threads", threads, "--rounds", "3"]),
        "kernels": [(name, time) for name, _, time in conv_relu.measured_kernels(28)],
        "networks": measured(
            ["conv-relu", "--threads", threads, "--rounds", "3", "--images", "12800"]
        ),
    }
    Path(file).write_text(json.dumps(found, indent=1) + "\n")


def plot(file: str, picture: str) -> None:
    """Draw what was measured."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "rushlight"})
    found = json.loads(Path(file).read_text())
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    _draw_builds(axes[0], found["extension"])
    _draw_kernels(axes[1], found["kernels"])
    _draw_networks(axes[2], [row for row in found["networks"] if row["count"] == 10])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_title(ax.get_title(), loc="left", fontsize=10)
    figure.savefig(picture, metadata={"Date": None})


def _bars(ax: Any, names: list[str], values: list[float], colours: list[str], unit: str) -> None:
    """Draw bars on a logarithmic axis, the first on top, each with its value."""
    places = range(len(names))
    ax.barh(places, values, color=colours, height=0.62)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlim(min(values) / 2, max(values) * 8)
    for place, value in zip(places, values, strict=True):
        ax.text(value * 1.15, place, f"{value:,.3g} {unit}", va="center")
    ax.minorticks_off()


def _draw_builds(ax: Any, rows: list[dict[str, Any]]) -> None:
    names, values, colours = [], [], []
    for state in ("cold", "warm"):
        for row in rows:
            names.append(f"{row['framework']}, {state}")
            values.append(row[state])
            colours.append(COLOURS[row["framework"]])
    _bars(ax, names, values, colours, "s")
    ax.set_title("Building a C++ extension, seconds")


def _draw_kernels(ax: Any, rows: list[tuple[str, float]]) -> None:
    names = [name for name, _ in rows]
    own = {"F.relu(F.conv2d)": "plain", "fused.ConvReLU2d": "plain"}
    colours = [COLOURS[own.get(name, "rushlight")] for name in names]
    _bars(ax, names, [time for _, time in rows], colours, "ns")
    ax.set_title("Conv+ReLU kernels, nanoseconds a pixel")


def _draw_networks(ax: Any, rows: list[dict[str, Any]]) -> None:
    names = [f"{row['network']}\n{row['framework']}" for row in rows]
    start = [0.0] * len(rows)
    for part, alpha in (("forward", 1.0), ("backward", 0.6), ("other", 0.3)):
        values = [row[part] for row in rows]
        colours = [COLOURS[row["framework"]] for row in rows]
        ax.barh(names, values, left=start, color=colours, alpha=alpha, height=0.62)
        start = [a + b for a, b in zip(start, values, strict=True)]
    for place, total in enumerate(start):
        ax.text(total * 1.02, place, f"{total:.1f} s", va="center")
    ax.set_xlim(0, max(start) * 1.2)
    ax.invert_yaxis()
    ax.set_title("Ten convolutions on MNIST, an epoch:\nforward, backward, other (dark to light)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    for name, words in (("measure", ["file"]), ("plot", ["file", "picture"])):
        command = commands.add_parser(name)
        for word in words:
            command.add_argument(word)
    commands.choices["measure"].add_argument("--threads", default="1")
    options = vars(parser.parse_args())
    {"measure": measure, "plot": plot}[options.pop("what")](**options)


if __name__ == "__main__":
    main()
