"""Fourier transforms beyond single cases: round trips, complex gradients, dtypes, signals."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import gradcheck, gradgradcheck

NORMS = [None, "backward", "forward", "ortho"]


def _draw(*shape, complex_=False, grad=False):
    rng = np.random.default_rng(1)
    values = rng.standard_normal(shape)
    if complex_:
        values = values + 1j * rng.standard_normal(shape)
    return rl.tensor(values, requires_grad=grad)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [5, 6])
def test_inverses_undo(norm, n):
    x, z = _draw(3, n), _draw(3, n, complex_=True)
    pairs = [
        (z, rl.fft.ifft(rl.fft.fft(z, norm=norm), norm=norm)),
        (x, rl.fft.irfft(rl.fft.rfft(x, norm=norm), n, norm=norm)),
        (x, rl.fft.hfft(rl.fft.ihfft(x, norm=norm), n, norm=norm)),
        (z, rl.fft.ifft2(rl.fft.fft2(z, norm=norm), norm=norm)),
        (x, rl.fft.irfftn(rl.fft.rfftn(x, norm=norm), (3, n), norm=norm)),
        (x, rl.fft.hfftn(rl.fft.ihfftn(x, norm=norm), (3, n), norm=norm)),
    ]
    for expected, actual in pairs:
        np.testing.assert_allclose(actual.numpy(), expected.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", ["fft", "ifft", "irfft", "hfft", "fftn", "irfftn", "hfft2"])
def test_complex_gradients(name):
    z = _draw(2, 4, complex_=True, grad=True)
    function = getattr(rl.fft, name)
    assert gradcheck(function, (z,))
    assert gradgradcheck(function, (z,))


@pytest.mark.parametrize(
    ("given", "expected"),
    [("float32", "complex64"), ("float64", "complex128"), ("int64", "complex64")],
)
def test_dtypes(given, expected):
    x = rl.ones(4, dtype=getattr(rl, given))
    assert rl.fft.fft(x).dtype is getattr(rl, expected)
    assert rl.fft.rfft(x).dtype is getattr(rl, expected)
    assert rl.fft.irfft(x).dtype is getattr(rl, expected).to_real()


def test_half_precision_and_complex_input_of_real_transforms_are_refused():
    with pytest.raises(RuntimeError, match="Unsupported dtype Half"):
        rl.fft.fft(rl.ones(4, dtype=rl.float16))
    with pytest.raises(RuntimeError, match="expects a real input"):
        rl.fft.rfft(rl.ones(4, dtype=rl.complex64))
    with pytest.raises(RuntimeError, match="at least one axis"):
        rl.fft.rfftn(rl.ones(4), dim=())


def test_out_is_written():
    out = rl.empty(4, dtype=rl.complex64)
    assert rl.fft.fft(rl.ones(4), out=out) is out
    assert out.tolist() == [4, 0, 0, 0]


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_signals_come_back(center, normalized):
    x = _draw(2, 32)
    window = rl.hann_window(8, dtype=rl.float64) + 0.1
    options = {"hop_length": 2, "window": window, "center": center, "normalized": normalized}
    spectra = x.stft(8, return_complex=True, **options)
    assert spectra.shape == (2, 5, 17 if center else 13)
    back = rl.istft(spectra, 8, length=32, **options)
    np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-12)


def test_gradients_of_short_time_transforms():
    window = rl.hann_window(4, dtype=rl.float64) + 0.1

    def there_and_back(x):
        return rl.istft(rl.stft(x, 4, 2, window=window, return_complex=True).abs() + 0j, 4, 2,
                        window=window)  # fmt: skip

    assert gradcheck(there_and_back, (_draw(12, grad=True),))


def test_gaps_between_windows_are_refused():
    with pytest.raises(RuntimeError, match="window overlap add min"):
        rl.istft(rl.ones(3, 5) + 0j, 4, window=rl.zeros(4))
