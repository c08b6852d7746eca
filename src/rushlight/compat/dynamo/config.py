"""`torch._dynamo.config`: takes any setting; nothing reads them."""

from __future__ import annotations

cache_size_limit = 8
suppress_errors = False
verbose = False
