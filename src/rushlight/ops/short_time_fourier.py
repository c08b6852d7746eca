"""The short-time Fourier transform: spectra of overlapping windows of a signal."""

from __future__ import annotations

import warnings

import numpy as np

from .._tensor import Tensor, wrap
from ..backend import dtype as dtypes
from ..errors import RushlightWarning
from ._arguments import require_tensor
from ._autocast import autocast
from ._export import export
from .complex import ViewAsReal
from .fourier import fft, ifft, irfft, rfft
from .indexing import along
from .padding import Pad, pad
from .strides import UnfoldGrad


def _check_hop_and_window(
    name: str, n_fft: int, hop: int, length: int, window: Tensor | None
) -> None:
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and window.array.shape != (length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={length}, but got "
            f"window with size {list(window.shape)}"
        )


def _is_complex(x: Tensor | None) -> bool:
    return x is not None and x.array.dtype.kind == "c"


def _widened(window: Tensor, n_fft: int) -> Tensor:
    """Return the window with zeros on both sides, up to the length of the transform."""
    missing = n_fft - window.array.shape[0]
    if not missing:
        return window
    return Pad.apply(window, widths=((missing // 2, missing - missing // 2),), value=0)


@export(method=True)
@autocast("float32")
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Return the Fourier transforms of windows that slide along a signal.

        y[k, t] = sum_j window[j] x[t hop_length + j] exp(-2 pi i j k / n_fft)

    Args:
        input: the signal, or a batch of signals.
        n_fft: the length of each transform.
        hop_length: how far the window moves (default n_fft // 4).
        win_length: the length of the window (default n_fft), placed in the middle of n_fft.
        window: the window (default: ones).
        center: pad the signal so that window t is centred at t hop_length.
        pad_mode: how: see `nn.functional.pad`.
        normalized: multiply by 1 / sqrt(n_fft).
        onesided: only the first n_fft // 2 + 1 frequencies (default for real input and window).
        return_complex: False gives real and imaginary part in a new last dimension; must be given
            for real input.
        align_to_window: without `center`, let win_length and not n_fft decide how many windows fit.

    Shape:
        input (L) or (B, L); result (F, T) or (B, F, T).

    Raises:
        RuntimeError: an argument does not fit, or `return_complex` is missing.

    Note:
        torch warns if no window is given and if `return_complex` is False; this does not.

    Example:
        >>> x, w = rushlight.ones(4), rushlight.ones(2)
        >>> rushlight.stft(x, 2, 1, window=w, center=False, return_complex=True).shape
        torch.Size([2, 3])
    """
    x = require_tensor("stft", input)
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    any_complex = _is_complex(x) or _is_complex(window)
    if return_complex is None:
        if not any_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will "
                "further require that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    if center and align_to_window is not None:
        raise RuntimeError(
            "stft align_to_window should only be set when center = false. If center = true, each "
            "frame starts at a multiple of hop_length."
        )
    if x.array.dtype.kind in "iub":
        raise RuntimeError("stft: expected a tensor of floating point or complex values")
    if x.array.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got {x.array.ndim}D")
    signals = x.unsqueeze(0) if x.array.ndim == 1 else x
    if center:
        around = (n_fft // 2, n_fft // 2)
        signals = pad(signals.unsqueeze(1), around, mode=pad_mode).squeeze(1)
    total = signals.array.shape[-1]
    if not 0 < n_fft <= total:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {total}, but got n_fft={n_fft}")
    _check_hop_and_window("stft", n_fft, hop, length, window)
    if align_to_window and length < n_fft:
        # Windows then start where their first value that is not padding lies.
        before = (n_fft - length) // 2
        signals = pad(signals, (before, n_fft - length - before))
    frames = signals.unfold(-1, n_fft, hop)
    if window is not None:
        frames = frames * _widened(window, n_fft)
    elif length < n_fft:
        ones = wrap(np.ones(length, np.dtype(x.array.real.dtype)))
        frames = frames * _widened(ones, n_fft)
    if onesided is None:
        onesided = not any_complex
    elif onesided and any_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    y = (rfft if onesided else fft)(frames, norm=norm).transpose(-2, -1)
    y = y.squeeze(0) if x.array.ndim == 1 else y
    return y if return_complex else ViewAsReal.apply(y)


def _check_spectrum(x: Tensor, n_fft: int, onesided: bool | None) -> bool:
    """Check the input of `istft`; return whether it is one-sided."""
    if x.array.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if x.array.ndim not in (2, 3):
        raise RuntimeError(
            f"istft: expected a tensor with 2 or 3 dimensions, but got {x.array.ndim}"
        )
    if not x.array.size:
        raise RuntimeError("istft: input tensor cannot be empty.")
    have = x.array.shape[-2]
    half = (have != n_fft) if onesided is None else onesided
    expected = n_fft // 2 + 1 if half else n_fft
    if have != expected:
        words = "n_fft / 2 + 1 when onesided=True" if half else "n_fft when onesided=False"
        raise RuntimeError(
            f"istft: expected the frequency dimension of the input tensor to match {words}, "
            f"but got {have}"
        )
    return half


@export(method=True)
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """Return the signal that `stft` with the same arguments gave these spectra for.

    Overlapping windows are added and divided by the sum of the windows' squares.

    Args:
        input: the spectra, (F, T) or (B, F, T).
        n_fft: the length of each transform.
        hop_length: how far the window moves (default n_fft // 4).
        win_length: the length of the window (default n_fft).
        window: the window (default: ones).
        center: whether `stft` padded the signal.
        normalized: whether the spectra were multiplied by 1 / sqrt(n_fft).
        onesided: whether they hold half the frequencies (default: as the size says).
        length: the length of the signal, cut or filled with zeros to it.
        return_complex: return a complex signal.

    Raises:
        RuntimeError: an argument does not fit, or the windows leave gaps.

    Example:
        >>> x = rushlight.arange(6.0)
        >>> w = rushlight.ones(4)
        >>> spectra = rushlight.stft(x, 4, window=w, return_complex=True)
        >>> rushlight.istft(spectra, 4, window=w).round()
        tensor([0., 1., 2., 3., 4., 5.])
    """
    x = require_tensor("istft", input)
    half = _check_spectrum(x, n_fft, onesided)
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if not 0 < hop <= width:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got {hop}")
    _check_hop_and_window("istft", n_fft, hop, width, window)
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and _is_complex(window):
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    spectra = (x.unsqueeze(0) if x.array.ndim == 2 else x).transpose(-2, -1)
    norm = "ortho" if normalized else None
    # A real signal is decided by the first half of its spectrum; irfft cuts the rest off.
    frames = ifft(spectra, norm=norm) if return_complex else irfft(spectra, n_fft, norm=norm)
    if window is None:
        window = wrap(np.ones(width, dtypes.from_numpy(x.array.dtype).to_real().numpy))
    window = _widened(window, n_fft)
    y = _overlap_add(frames * window, window, n_fft, hop, center, length)
    return y.squeeze(0) if x.array.ndim == 2 else y


def _overlap_add(
    frames: Tensor, window: Tensor, n_fft: int, hop: int, center: bool, length: int | None
) -> Tensor:
    """Add overlapping frames up and divide by the squares of their windows."""
    batch, count = frames.array.shape[:2]
    total = n_fft + hop * (count - 1)
    y = UnfoldGrad.apply(frames, shape=(batch, total), window=(1, n_fft, hop))
    squares = (window * window).expand(1, count, n_fft)
    weight = UnfoldGrad.apply(squares, shape=(1, total), window=(1, n_fft, hop))
    start = n_fft // 2 if center else 0
    end = (total - start) if length is None else start + length
    y, weight = along(y, 1, start, min(end, total)), along(weight, 1, start, min(end, total))
    smallest = np.absolute(weight.array).min(initial=np.inf)
    if not smallest > 1e-11:
        raise RuntimeError(f"istft: window overlap add min: {smallest}, must not be zero")
    y = y / weight
    if end <= total:
        return y
    warnings.warn(
        "The length of signal is shorter than the length parameter. Result is being padded with "
        "zeros in the tail. Please check your center and hop_length settings.",
        RushlightWarning,
        stacklevel=4,
    )
    return Pad.apply(y, widths=((0, 0), (0, end - total)), value=0)
