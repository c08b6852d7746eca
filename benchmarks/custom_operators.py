"""The figures of docs/custom-operators.md: builds, kernels, networks; and their picture.

    python -m benchmarks.custom_operators measure FILE.json
    python -m benchmarks.custom_operators plot FILE.json docs/custom-operators.svg

Steps of networks are measured in seconds of the processor with one thread, the fastest of many, so
that other programs on the machine matter little.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rushlight.cli import bench
from rushlight.cli._bench.conv_relu import network

EXAMPLES = Path(__file__).parents[1] / "examples" / "custom_operator"
COLOURS = {"rushlight": "#2a6f97", "torch": "#b5543a", "plain": "#8d99a6"}


def measured(words: list[str]) -> Any:
    """Return the rows of one `rushlight bench` command."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.json")
        if bench.main([*words, "--json", str(file)]):
            sys.exit(1)
        return json.loads(file.read_text())


def measure(file: str) -> None:
    """Measure everything and write it down."""
    sys.path.insert(0, str(EXAMPLES))
    import conv_relu

    import rushlight

    rushlight.manual_seed(0)
    rushlight.set_num_threads(1)
    found = {
        "extension": measured(["extension"]),
        "kernels": [(name, time) for name, _, time in conv_relu.measured_kernels(28)],
        "networks": [row for framework in ("rushlight", "torch") for row in step_rows(framework)],
    }
    Path(file).write_text(json.dumps(found, indent=1) + "\n")


def step_rows(framework: str) -> Any:
    """Measure the steps of a framework's networks in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.custom_operators", "steps", framework]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def steps(framework: str) -> None:
    """Print the milliseconds of a training step, forward and backward, of each network."""
    T = importlib.import_module(framework)
    T.set_num_threads(1)
    x, y = T.randn(64, 1, 28, 28), T.randint(0, 10, (64,))
    names = ("CNNBaseline", "CNNFused") if framework == "rushlight" else ("CNNBaseline",)
    rows = []
    for count in (2, 10):
        for name in names:
            model = network(T, count, name == "CNNFused")
            rounds = [_step(T, model, x, y) for _ in range(60)]
            forward, backward = (1e3 * min(times) for times in zip(*rounds, strict=True))
            rows.append(
                {"framework": framework, "network": name, "count": count}
                | {"forward": forward, "backward": backward}
            )
    print(json.dumps(rows))


def _step(T: Any, model: Any, x: Any, y: Any) -> tuple[float, float]:
    model.zero_grad()
    start = time.process_time()
    loss = T.nn.functional.cross_entropy(model(x), y)
    middle = time.process_time()
    loss.backward()
    return middle - start, time.process_time() - middle


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
    figure.savefig(picture, metadata={"Date": None})


def _bars(ax: Any, names: list[str], values: list[float], colours: list[str], unit: str) -> None:
    """Draw bars on a logarithmic axis, the first on top, each with its value."""
    places = range(len(names))
    ax.barh(places, values, color=colours, height=0.62)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlim(min(values) / 2, max(values) * 30)
    for place, value in zip(places, values, strict=True):
        ax.text(value * 1.15, place, f"{_short(value)} {unit}", va="center")
    ax.minorticks_off()


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _draw_builds(ax: Any, rows: list[dict[str, Any]]) -> None:
    names, values, colours = [], [], []
    for state in ("cold", "warm"):
        for row in rows:
            names.append(f"{row['framework']}, {state}")
            values.append(row[state])
            colours.append(COLOURS[row["framework"]])
    _bars(ax, names, values, colours, "s")
    ax.set_title("Building a C++ extension, seconds", loc="left", fontsize=10)


def _draw_kernels(ax: Any, rows: list[tuple[str, float]]) -> None:
    names = [name for name, _ in rows]
    own = {"F.relu(F.conv2d)": "plain", "fused.ConvReLU2d": "plain"}
    colours = [COLOURS[own.get(name, "rushlight")] for name in names]
    _bars(ax, names, [time for _, time in rows], colours, "ns")
    ax.set_title("Conv+ReLU kernels, nanoseconds a pixel", loc="left", fontsize=10)


def _draw_networks(ax: Any, rows: list[dict[str, Any]]) -> None:
    names = [f"{row['network']}\n{row['framework']}" for row in rows]
    start = [0.0] * len(rows)
    for part, alpha in (("forward", 1.0), ("backward", 0.6)):
        values = [row[part] for row in rows]
        colours = [COLOURS[row["framework"]] for row in rows]
        ax.barh(names, values, left=start, color=colours, alpha=alpha, height=0.62)
        start = [a + b for a, b in zip(start, values, strict=True)]
    for place, total in enumerate(start):
        ax.text(total * 1.02, place, f"{total:.2f} ms", va="center")
    ax.set_xlim(0, max(start) * 1.2)
    ax.invert_yaxis()
    ax.set_title(
        "Ten convolutions, a training step:\nforward (dark) and backward, ms",
        loc="left",
        fontsize=10,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    for name, words in (
        ("measure", ["file"]),
        ("plot", ["file", "picture"]),
        ("steps", ["framework"]),
    ):
        command = commands.add_parser(name)
        for word in words:
            command.add_argument(word)
    options = vars(parser.parse_args())
    {"measure": measure, "plot": plot, "steps": steps}[options.pop("what")](**options)


if __name__ == "__main__":
    main()
