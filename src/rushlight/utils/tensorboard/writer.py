"""`SummaryWriter`: TensorBoard event files, written without TensorBoard."""

from __future__ import annotations

import datetime
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _images, _summary
from ._graph import graph_def
from ._projector import write_config, write_embedding
from ._proto import blob, double, integer
from ._records import EventFile

_SESSION_START = 1
_MAX_PR_THRESHOLDS = 127


class FileWriter:
    """Writes events to one event file in `log_dir`."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ):
        self._log_dir = os.fspath(log_dir)
        self._file = EventFile(self._log_dir, max_queue, flush_secs, filename_suffix)

    def get_logdir(self) -> str:
        """Return the directory of the event file."""
        return self._log_dir

    def add_event(self, body: bytes, step: Any = None, walltime: float | None = None) -> None:
        """Add an encoded event; `body` holds its fields but for the time and the step."""
        event = double(1, time.time() if walltime is None else walltime)
        if step is not None:
            event += integer(2, int(step))
        self._file.add(event + body)

    def add_summary(
        self, value: bytes, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Add an event with one encoded `Summary.Value`."""
        self.add_event(blob(5, blob(1, value)), global_step, walltime)

    def flush(self) -> None:
        """Write all events that wait to be written."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()


class SummaryWriter:
    """Write scalars, histograms, images, text and more for TensorBoard to show.

    Args:
        log_dir: where the event files go; `runs/<date>_<host><comment>` if not given.
        comment: appended to the default `log_dir`.
        purge_step: for a run that crashed and resumes: TensorBoard hides what earlier event files
            in `log_dir` logged from this step on.
        max_queue: how many events may wait in memory.
        flush_secs: how long, in seconds, an event may wait while others arrive.
        filename_suffix: appended to the event files' names.

    Values are tensors, NumPy arrays or Python numbers. Events are appended to the file as whole
    records, so a killed process leaves a file that can be read.

    Note:
        Needs neither TensorBoard nor protobuf. `add_video`, `add_mesh`, `add_tensor`,
        `add_onnx_graph` and `add_image_with_boxes` do not exist.

    Example:
        >>> import os, tempfile
        >>> from rushlight.utils.tensorboard import SummaryWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with SummaryWriter(folder) as writer:
        ...         for step in range(3):
        ...             writer.add_scalar("loss", 1 / (step + 1), step)
        ...     print(os.listdir(folder)[0].startswith("events.out.tfevents"))
        True
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ):
        if not log_dir:
            now = datetime.datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._embeddings: list[str] = []
        self._get_file_writer()

    def _new_writer(self, folder: str) -> FileWriter:
        return FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)

    def _get_file_writer(self) -> FileWriter:
        """Return the writer of `log_dir` itself, a new one after `close`."""
        if self.file_writer is None:
            self.file_writer = self._new_writer(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
            if self.purge_step is not None:
                restart = blob(7, integer(1, _SESSION_START))
                self.file_writer.add_event(restart, self.purge_step)
                self.purge_step = None
        return self.file_writer

    def _add(self, value: bytes, step: Any, walltime: float | None) -> None:
        self._get_file_writer().add_summary(value, step, walltime)

    def get_logdir(self) -> str:
        """Return the directory that event files are written to."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Add a number.

        Args:
            tag: name of the curve; a `/` groups curves.
            scalar_value: a number or a tensor of one element.
            global_step: where on the horizontal axis.
            walltime: seconds since the epoch instead of now.
            new_style: store a tensor, which TensorBoard loads faster.
            double_precision: store a float64; needs `new_style`.

        Raises:
            AssertionError: there is more than one element.
        """
        number = _summary.to_float(scalar_value)
        if new_style:
            value = _summary.scalar_tensor(tag, number, double_precision)
        else:
            value = _summary.scalar(tag, number)
        self._add(value, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Add several numbers to one chart; each curve is a run in a directory of its own."""
        walltime = time.time() if walltime is None else walltime
        self._get_file_writer()
        writers = self.all_writers
        assert writers is not None
        for tag, number in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            if folder not in writers:
                writers[folder] = self._new_writer(folder)
            value = _summary.scalar(main_tag, _summary.to_float(number))
            writers[folder].add_summary(value, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: str | Sequence[float] | int = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Add the distribution of the values.

        Args:
            tag: name of the histogram.
            values: any shape; at least one element.
            global_step: where on the axis of steps.
            bins: edges that grow by a tenth (`"tensorflow"`), or what `numpy.histogram` takes.
            walltime: seconds since the epoch instead of now.
            max_bins: merge neighbours until about this many are left.

        Raises:
            ValueError: there are no values, or none within the bins.
        """
        self._add(_summary.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: int,
        sum: float,
        sum_squares: float,
        bucket_limits: Sequence[float],
        bucket_counts: Sequence[float],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Add a histogram that has been counted already; a bucket is given by its right edge."""
        if len(bucket_limits) != len(bucket_counts):
            raise ValueError(
                "add_histogram_raw: expected as many bucket_limits as bucket_counts, "
                f"got {len(bucket_limits)} and {len(bucket_counts)}"
            )
        moments = (min, max, num, sum, sum_squares)
        value = _summary.histogram_raw(tag, moments, bucket_limits, bucket_counts)
        self._add(value, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Add an image.

        Args:
            tag: name of the image.
            img_tensor: uint8 from 0 to 255, or other numbers from 0 to 1; 1, 3 or 4 channels.
            global_step: which step it belongs to.
            walltime: seconds since the epoch instead of now.
            dataformats: the order of the dimensions: `CHW`, `HWC`, `HW`, `NCHW` ...; a batch is
                shown as a grid.
        """
        pixels = _images.to_pixels(_summary.to_array(img_tensor), dataformats)
        self._add(_summary.image(tag, pixels), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Add a batch of images as a grid; see `add_image`."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: Any = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Add a matplotlib figure, or a list of them as a grid, as an image.

        Args:
            tag: name of the image.
            figure: `matplotlib.figure.Figure` or a list of figures of one size.
            global_step: which step it belongs to.
            close: close the figures afterwards.
            walltime: seconds since the epoch instead of now.
        """
        if isinstance(figure, list):
            pixels = np.stack([_images.figure_to_pixels(each, close) for each in figure])
            self.add_image(tag, pixels, global_step, walltime, dataformats="NHWC")
        else:
            pixels = _images.figure_to_pixels(figure, close)
            self.add_image(tag, pixels, global_step, walltime, dataformats="HWC")

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: Any = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Add one channel of sound, values between -1 and 1; louder ones are clipped."""
        self._add(_summary.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Add text, shown as Markdown."""
        self._add(_summary.text(tag, text_string), global_step, walltime)

    def add_graph(
        self,
        model: Any,
        input_to_model: Any = None,
        verbose: bool = False,
        use_strict_trace: bool = True,
    ) -> None:
        """Add the graph of operators that the model runs, grouped by module.

        Args:
            model: the module to run once, without a trace in its gradients.
            input_to_model: its input, or a tuple of them.
            verbose: print the graph's nodes as well.
            use_strict_trace: accepted; operators are recorded, not traced.
        """
        inputs = input_to_model if isinstance(input_to_model, (tuple, list)) else (input_to_model,)
        graph, listing = graph_def(model, inputs)
        if verbose:
            print(listing)
        self._get_file_writer().add_event(blob(4, graph))

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: Any = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Add vectors for the projector.

        Args:
            mat: one vector per row, (N, D).
            metadata: N labels, or N rows of them if there is a header.
            label_img: N thumbnails, (N, C, H, W).
            global_step: which step it belongs to.
            tag: name of the embedding.
            metadata_header: names of the columns of metadata.

        Raises:
            AssertionError: the numbers of vectors, labels and thumbnails differ.
        """
        self._get_file_writer()
        images = None if label_img is None else _summary.to_array(label_img)
        step = 0 if global_step is None else int(global_step)
        vectors = _summary.to_array(mat)
        self._embeddings.append(
            write_embedding(self.log_dir, vectors, metadata, images, metadata_header, tag, step)
        )
        write_config(self.log_dir, self._embeddings)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Add a precision-recall curve.

        Args:
            tag: name of the curve.
            labels: whether each element is positive: 0 or 1.
            predictions: the estimated probability that it is, from 0 to 1.
            global_step: which step it belongs to.
            num_thresholds: how many points the curve has, at most 127.
            weights: what each element counts; 1 if not given.
            walltime: seconds since the epoch instead of now.
        """
        thresholds = min(num_thresholds, _MAX_PR_THRESHOLDS)
        counts = _summary.pr_curve_counts(
            _summary.to_array(labels), _summary.to_array(predictions), thresholds, weights
        )
        self._add(_summary.pr_curve(tag, counts, thresholds), global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Add a precision-recall curve from its counts; `weights` is accepted and not used."""
        rows = (
            true_positive_counts, false_positive_counts, true_negative_counts,
            false_negative_counts, precision, recall,
        )  # fmt: skip
        counts = np.stack([_summary.to_array(row) for row in rows])
        thresholds = min(num_thresholds, _MAX_PR_THRESHOLDS)
        self._add(_summary.pr_curve(tag, counts, thresholds), global_step, walltime)

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Arrange scalars in charts of one's own.

        Args:
            layout: `{category: {title: [kind, tags]}}` with kind `"Multiline"` or `"Margin"`; a
                margin has three tags: value, lower and upper bound.
        """
        self._add(_summary.custom_scalars(layout), None, None)

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Show several scalars in one chart."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Show a scalar with its lower and upper bound, given by three tags."""
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: Any = None,
    ) -> None:
        """Add hyperparameters and what was reached with them, as a run of its own.

        Args:
            hparam_dict: bool, str, float, int or None by name; None is left out.
            metric_dict: results by name; they appear as scalars too.
            hparam_domain_discrete: all values that a hyperparameter may take, by name.
            run_name: the run's directory below `log_dir`; the time if not given.
            global_step: which step the metrics belong to.

        Raises:
            TypeError: an argument is no dictionary, or a domain does not fit its value.
            ValueError: a hyperparameter has another type.

        Note:
            A bool is shown as true or false; PyTorch shows 1 or 0.
        """
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        discrete = hparam_domain_discrete or {}
        if not isinstance(discrete, dict):
            raise TypeError("hparam_domain_discrete should be a dictionary.")
        for name, domain in discrete.items():
            kind = type(hparam_dict.get(name))
            if not isinstance(domain, list) or not all(isinstance(item, kind) for item in domain):
                raise TypeError(
                    f"hparam_domain_discrete[{name}] should be a list of same type as "
                    f"hparam_dict[{name}]."
                )
        messages = _summary.hparams(hparam_dict, metric_dict, discrete)
        with SummaryWriter(os.path.join(self.log_dir, run_name or str(time.time()))) as run:
            for message in messages:
                run._add(message, global_step, None)
            for name, metric in metric_dict.items():
                run.add_scalar(name, metric, global_step)

    def flush(self) -> None:
        """Write all events that wait to be written."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Flush and close all files; adding more afterwards starts new ones."""
        for writer in (self.all_writers or {}).values():
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
