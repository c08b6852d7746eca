"""Who is measured, with which settings, and the rounds they take in turn."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .processes import WorkerFailed, progress, run_worker

# PyTorch as somebody runs it who knows glibc: freed memory stays mapped, so that large activations
# do not meet the kernel's page faults in every step.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


@dataclass(frozen=True)
class Contender:
    """A framework and how it is set up."""

    framework: str
    environment: Mapping[str, str] = field(default_factory=dict)
    channels_last: bool = False  # of models and inputs with images
    compiled: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What a worker has to know."""
        return {
            "framework": self.framework,
            "channels_last": self.channels_last,
            "compiled": self.compiled,
        }

    def variables(self, compiling: Compiling) -> dict[str, str]:
        """Return the variables of its process."""
        return {**self.environment, **(compiling.environment if self.compiled else {})}


OURS = "rushlight"
DEFAULT_TORCH = "torch"
COMPILED_TORCH = "torch-compile"
CONTENDERS = {
    OURS: Contender("rushlight"),
    DEFAULT_TORCH: Contender("torch"),
    "torch-malloc": Contender("torch", _MALLOC),
    "torch-channels-last": Contender("torch", _MALLOC, channels_last=True),
    COMPILED_TORCH: Contender("torch", _MALLOC, compiled=True),
    "rushlight-channels-last": Contender("rushlight", channels_last=True),
}
USUAL = tuple(name for name in CONTENDERS if name != "rushlight-channels-last")


def installed(names: Iterable[str], without: Iterable[str] = ()) -> list[str]:
    """Return those contenders whose framework is installed and not left out.

    Args:
        names: keys of `CONTENDERS`.
        without: contenders or frameworks to leave out.
    """
    unwanted = set(without)
    return [
        name
        for name in names
        if name not in unwanted
        and CONTENDERS[name].framework not in unwanted
        and (name == OURS or importlib.util.find_spec(CONTENDERS[name].framework) is not None)
    ]


@dataclass(frozen=True)
class Compiling:
    """How contenders that compile take part.

    Args:
        rounds: in how many rounds; compiling takes far longer than the steps that are timed.
        folder: where they keep what they compiled, so that only the first round is slow.
    """

    rounds: int = 2
    folder: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name the folder."""
        return {"TORCHINDUCTOR_CACHE_DIR": self.folder} if self.folder else {}


@dataclass
class Round:
    """What a round of one contender came to: the results of its worker, or why there are none."""

    contender: str
    found: dict[str, Any] | None
    failure: str = ""


def rounds(
    worker: str,
    settings: Mapping[str, Any],
    names: Iterable[str],
    count: int,
    *,
    title: str = "",
    compiling: Compiling = Compiling(),
    run: Callable[..., dict[str, Any]] = run_worker,
) -> list[Round]:
    """Run each contender once per round, one after the other; one that fails is not asked again.

    A machine's speed changes over minutes (other programs, temperature), so contenders that take
    turns meet the same conditions.
    """
    done: list[Round] = []
    failed: set[str] = set()
    for number in range(count):
        for name in names:
            contender = CONTENDERS[name]
            if name in failed or (contender.compiled and number >= compiling.rounds):
                continue
            shown = f"{title}, round {number + 1} of {count}: {name}"
            try:
                found = run(
                    worker,
                    {**settings, **contender.settings},
                    title=shown,
                    environment=contender.variables(compiling),
                    quiet=True,
                )
            except WorkerFailed as failure:
                failed.add(name)
                done.append(Round(name, None, failure.reason))
            else:
                done.append(Round(name, found))
    progress("")
    return done
