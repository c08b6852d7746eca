"""Cases of `ops/fourier.py` and `ops/short_time_fourier.py`."""

from __future__ import annotations

import numpy as np

from . import Err, OpCase, S, ints, lit

# NumPy's functions take `axis` or `axes` where torch's take `dim`.
Z = ints([[0.5 + 1j, -2j, 1 + 0j, 3 - 1j], [-1.5 + 0.2j, 2 - 1j, 0.1 + 0.1j, 1j]], "complex128")
WRONG_NORM = Err(S((4,), norm="unit"), RuntimeError, "Invalid normalization mode")
NO_DATA = Err(S((4,), n=0), RuntimeError, "Invalid number of data points")


def _one(name, **options):
    function = getattr(np.fft, name)

    def ref(x, n=None, dim=-1, norm=None):
        return function(x, n, dim, norm)

    samples = [
        S((3, 5)),
        S((3, 5), n=4),
        S((3, 4), 6, 0, "ortho"),
        S((4, 3), dim=0, norm="forward"),
    ]
    return OpCase(f"fft.{name}", samples, ref, errors=[WRONG_NORM, NO_DATA], **options)


def _hermitian_one():
    def ref(x, n=None, dim=-1, norm=None):
        return np.fft.hfft(x, n, dim, norm)

    samples = [
        S((3, 5)),
        S((3, 5), n=7),
        S((3, 4), 5, 0, "ortho"),
        S((4, 3), dim=0, norm="forward"),
    ]
    return OpCase("fft.hfft", samples, ref, errors=[WRONG_NORM, NO_DATA])


def _several(name, ref):
    samples = [S((2, 3, 4)), S((2, 3, 4), dim=lit((0, 2))), S((3, 4), s=[2, 6], norm="ortho")]
    errors = [
        Err(S((3, 4), s=[2], dim=lit((0, 1))), RuntimeError, "must have the same length"),
        Err(S((3, 4), dim=lit((1, 1))), RuntimeError, "must be unique"),
        Err(S((3,), s=[2, 2]), RuntimeError, "only has 1 dimensions"),
    ]
    return OpCase(f"fft.{name}", samples, ref, errors=errors)


def _two(name, ref):
    errors = [Err(S((4,)), IndexError, "Dimension out of range")]
    return OpCase(f"fft.{name}", [S((2, 3, 4)), S((3, 4), lit((2, 5)))], ref, errors=errors)


def _by_axes(name):
    function = getattr(np.fft, name)
    default = None if name.endswith("n") else (-2, -1)
    return lambda x, s=None, dim=default, norm=None: function(
        x, s, tuple(range(x.ndim)) if dim is None else dim, norm
    )


def _hfftn(x, s=None, dim=None, norm=None):
    dim = tuple(range(x.ndim)) if dim is None else dim
    swapped = {"ortho": "ortho", None: "forward", "backward": "forward"}[norm]
    return np.fft.irfftn(np.conj(x), s, dim, swapped)


def _ihfftn(x, s=None, dim=None, norm=None):
    dim = tuple(range(x.ndim)) if dim is None else dim
    swapped = {"ortho": "ortho", None: "forward", "backward": "forward"}[norm]
    return np.conj(np.fft.rfftn(x, s, dim, swapped))


def _stft(x, n_fft, hop_length=None, window=None, center=True, normalized=False, **_):
    hop = hop_length or n_fft // 4
    if center:
        around = [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        x = np.pad(x, around, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(x, n_fft, -1)[..., ::hop, :]
    y = np.fft.rfft(frames * window, norm="ortho" if normalized else None)
    return np.swapaxes(y, -1, -2)


STFT = [
    S((9,), 4, window=(4,), return_complex=True),
    S((2, 9), 4, 2, window=(4,), center=False, normalized=True, return_complex=True),
]

CASES = [
    *[_one(name) for name in ("fft", "ifft", "rfft", "irfft", "ihfft")],
    _hermitian_one(),
    *[_several(name, _by_axes(name)) for name in ("fftn", "ifftn", "rfftn", "irfftn")],
    _several("hfftn", _hfftn),
    _several("ihfftn", _ihfftn),
    *[_two(name, _by_axes(name)) for name in ("fft2", "ifft2", "rfft2", "irfft2")],
    _two("hfft2", lambda x, s=None: _hfftn(x, s, (-2, -1))),
    _two("ihfft2", lambda x, s=None: _ihfftn(x, s, (-2, -1))),
    OpCase(
        "fft.fft",
        [S(Z), S(Z, dim=0)],
        lambda x, dim=-1: np.fft.fft(x, axis=dim),
        dtypes=("float64",),
        differentiable=False,
    ),
    OpCase(
        "fft.fftshift", [S((3, 4)), S((3, 4), dim=0)], lambda x, dim=None: np.fft.fftshift(x, dim)
    ),
    OpCase(
        "fft.ifftshift", [S((3, 5)), S((3, 5), dim=1)], lambda x, dim=None: np.fft.ifftshift(x, dim)
    ),
    OpCase(
        "stft",
        STFT,
        _stft,
        low=0.5,
        high=2.0,
        method=True,
        errors=[
            Err(S((9,), 4), RuntimeError, "return_complex"),
            Err(S((9,), 4, 0, return_complex=True), RuntimeError, "hop_length"),
            Err(S((9,), 4, win_length=5, return_complex=True), RuntimeError, "win_length"),
            Err(S((9,), 4, window=(3,), return_complex=True), RuntimeError, "window"),
        ],
    ),
    OpCase(
        "istft",
        [S(ints(np.fft.rfft(np.arange(12.0).reshape(3, 4)).T, "complex128"), 4, 2, window=(4,))],
        method=True,
        low=0.5,
        errors=[Err(S((3, 4), 4), RuntimeError, "complex-valued")],
    ),
    OpCase(
        "fft.fftfreq", [S(5), S(4, 0.5)], np.fft.fftfreq, dtypes=("float32",), differentiable=False
    ),
    OpCase(
        "fft.rfftfreq", [S(5), S(4, 2)], np.fft.rfftfreq, dtypes=("float32",), differentiable=False
    ),
]
