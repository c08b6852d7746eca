from __future__ import annotations

# Programs that the tests run, not tests.
collect_ignore = ["scripts"]
