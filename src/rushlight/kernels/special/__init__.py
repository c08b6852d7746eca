"""Special functions in NumPy, to double precision (float32 and half types are computed in float64).

Every function takes real arrays and returns a new one in the first one's dtype.
"""

from __future__ import annotations

from ._bessel import (
    airy_ai,
    i0,
    i0e,
    i1,
    i1e,
    j0,
    j1,
    k0,
    k0e,
    k1,
    k1e,
    spherical_j0,
    y0,
    y1,
)
from ._error import erfc, erfcx, erfinv, log_ndtr, ndtr, ndtri
from ._gamma import digamma, igamma, igammac, lgamma, polygamma, zeta
from ._polynomials import (
    chebyshev_t,
    chebyshev_u,
    chebyshev_v,
    chebyshev_w,
    hermite_h,
    hermite_he,
    laguerre_l,
    legendre_p,
    shifted_chebyshev_t,
    shifted_chebyshev_u,
    shifted_chebyshev_v,
    shifted_chebyshev_w,
)

__all__ = [
    "airy_ai",
    "chebyshev_t",
    "chebyshev_u",
    "chebyshev_v",
    "chebyshev_w",
    "digamma",
    "erfc",
    "erfcx",
    "erfinv",
    "hermite_h",
    "hermite_he",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "igamma",
    "igammac",
    "j0",
    "j1",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "laguerre_l",
    "legendre_p",
    "lgamma",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "polygamma",
    "shifted_chebyshev_t",
    "shifted_chebyshev_u",
    "shifted_chebyshev_v",
    "shifted_chebyshev_w",
    "spherical_j0",
    "y0",
    "y1",
    "zeta",
]
