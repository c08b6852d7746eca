"""Compute the Chebyshev series behind the special functions: writes kernels/special/_tables.py.

    python tools/make_special_tables.py        # needs mpmath; takes a minute

Each function is made smooth (a factor or a change of variable takes out its singularity), sampled
at Chebyshev nodes with 40 digits and expanded; terms that do not reach double precision are
dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mpmath as mp

mp.mp.dps = 40
TARGET = Path(__file__).parents[1] / "src/rushlight/kernels/special/_tables.py"
HEADER = '''"""Chebyshev series of the special functions, made by tools/make_special_tables.py."""

from __future__ import annotations
'''


def series(
    function: Callable[[mp.mpf], mp.mpf], low: float, high: float, count: int = 90
) -> list[float]:
    """Return the Chebyshev coefficients of a function on [low, high]."""
    angles = [mp.pi * (k + mp.mpf(1) / 2) / count for k in range(count)]
    middle, half = (mp.mpf(low) + high) / 2, (mp.mpf(high) - low) / 2
    values = [function(middle + half * mp.cos(a)) for a in angles]
    terms = []
    for n in range(count):
        total = mp.fsum(v * mp.cos(n * a) for v, a in zip(values, angles, strict=True))
        terms.append(total * (1 if n == 0 else 2) / count)
    largest = max(abs(t) for t in terms)
    while terms and abs(terms[-1]) < largest * mp.mpf(10) ** -18:
        terms.pop()
    return [float(t) for t in terms]


def erfcx(t: mp.mpf) -> mp.mpf:
    """exp(x^2) erfc(x) (1 + x / 2) at t = 1 / (1 + x / 2)."""
    x = 2 / t - 2
    if x > 100:  # the asymptotic series: erfc itself has no digits left there
        total = mp.nsum(lambda n: (-1) ** int(n) * mp.fac2(2 * n - 1) / (2 * x * x) ** n, [0, 12])
        return total / (x * mp.sqrt(mp.pi)) / t
    return mp.exp(x * x) * mp.erfc(x) / t


def bessel_phase(order: int, part: int) -> Callable[[mp.mpf], mp.mpf]:
    """P or Q x of J = (2 / (pi x))^(1/2) (P cos w - Q sin w), at t = (8 / x)^2."""

    def function(t: mp.mpf) -> mp.mpf:
        x = 8 / mp.sqrt(t)
        w = x - mp.pi / 4 - order * mp.pi / 2
        root = mp.sqrt(mp.pi * x / 2)
        j, y = mp.besselj(order, x) * root, mp.bessely(order, x) * root
        if part == 0:
            return j * mp.cos(w) + y * mp.sin(w)
        return (y * mp.cos(w) - j * mp.sin(w)) * x

    return function


def airy_phase(part: int) -> Callable[[mp.mpf], mp.mpf]:
    """P or Q z of Ai(-x) = pi^(-1/2) x^(-1/4) (P cos w + Q sin w), w = z - pi/4, at t = 1 / z^2."""

    def function(t: mp.mpf) -> mp.mpf:
        z = 1 / mp.sqrt(t)
        x = (3 * z / 2) ** (mp.mpf(2) / 3)
        w = z - mp.pi / 4
        root = mp.sqrt(mp.pi) * x ** mp.mpf("0.25")
        a, b = mp.airyai(-x) * root, mp.airybi(-x) * root
        if part == 0:
            return a * mp.cos(w) - b * mp.sin(w)
        return (a * mp.sin(w) + b * mp.cos(w)) * z

    return function


def k_small(order: int) -> Callable[[mp.mpf], mp.mpf]:
    """K without its logarithm at t = x^2: K0 + ln(x/2) I0, and (K1 - ln(x/2) I1) x."""

    def function(t: mp.mpf) -> mp.mpf:
        x = mp.sqrt(t)
        if order == 0:
            return mp.besselk(0, x) + mp.log(x / 2) * mp.besseli(0, x)
        return (mp.besselk(1, x) - mp.log(x / 2) * mp.besseli(1, x)) * x

    return function


def y_small(order: int) -> Callable[[mp.mpf], mp.mpf]:
    """Y without its singularities at t = x^2: Y0 - 2/pi ln(x) J0, and (Y1 - 2/pi ln(x) J1) x."""

    def function(t: mp.mpf) -> mp.mpf:
        x = mp.sqrt(t)
        regular = mp.bessely(order, x) - 2 / mp.pi * mp.log(x) * mp.besselj(order, x)
        return regular * x if order else regular

    return function


def lgamma_core(x: mp.mpf) -> mp.mpf:
    """Return ln gamma(x) without its zeros at 1 and 2."""
    return mp.loggamma(x) / ((x - 1) * (x - 2))


def airy_decay(t: mp.mpf) -> mp.mpf:
    """Return Ai(x) 2 pi^(1/2) x^(1/4) exp(z) at t = 1 / z, z = 2/3 x^(3/2)."""
    z = 1 / t
    x = (3 * z / 2) ** (mp.mpf(2) / 3)
    return mp.airyai(x) * 2 * mp.sqrt(mp.pi) * x ** mp.mpf("0.25") * mp.exp(z)


def tables() -> dict[str, list[float]]:
    """Return every series by name."""
    z_from_2 = float(mp.mpf(2) / 3 * mp.mpf(2) ** mp.mpf("1.5"))
    z_from_4 = float(mp.mpf(2) / 3 * mp.mpf(4) ** mp.mpf("1.5"))
    found = {
        "ERFCX": series(erfcx, 0, 1),
        "LGAMMA_CORE": series(lgamma_core, 0.5, 3),
        "AIRY_MIDDLE_LOW": series(mp.airyai, -4, 0),
        "AIRY_MIDDLE_HIGH": series(mp.airyai, 0, 2),
        "AIRY_DECAY": series(airy_decay, 0, 1 / z_from_2),
        "AIRY_P": series(airy_phase(0), 0, 1 / z_from_4**2),
        "AIRY_Q": series(airy_phase(1), 0, 1 / z_from_4**2),
    }
    for n in (0, 1):
        found |= {
            f"I{n}E_SMALL": series(
                lambda x, n=n: mp.exp(-x) * mp.besseli(n, x) / (x if n else 1), 0, 8
            ),
            f"I{n}E_LARGE": series(lambda t, n=n: _scaled_i(n, 8 / t), 0, 1),
            f"K{n}_SMALL": series(k_small(n), 0, 4),
            f"K{n}E_LARGE": series(lambda t, n=n: _scaled_k(n, 2 / t), 0, 1),
            f"J{n}_SMALL": series(
                lambda t, n=n: mp.besselj(n, mp.sqrt(t)) / mp.sqrt(t) ** n, 0, 64
            ),
            f"Y{n}_SMALL": series(y_small(n), 0, 64),
            f"JY{n}_P": series(bessel_phase(n, 0), 0, 1),
            f"JY{n}_Q": series(bessel_phase(n, 1), 0, 1),
        }
    return found


def _scaled_i(n: int, x: mp.mpf) -> mp.mpf:
    return mp.sqrt(x) * mp.exp(-x) * mp.besseli(n, x)


def _scaled_k(n: int, x: mp.mpf) -> mp.mpf:
    return mp.sqrt(x) * mp.exp(x) * mp.besselk(n, x)


def main() -> None:
    """Write the file."""
    parts = [HEADER]
    for name, terms in tables().items():
        print(f"{name}: {len(terms)} terms, last {terms[-1]:.1e}")
        numbers = [repr(t) for t in terms]
        lines = [", ".join(numbers[i : i + 3]) for i in range(0, len(numbers), 3)]
        parts.append(
            f"{name} = (\n" + "".join(f"    {line},\n" for line in lines) + ")  # fmt: skip\n"
        )
    TARGET.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
