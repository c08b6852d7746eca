"""Who takes part: the default group, and groups within it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

_UNINITIALIZED = (
    "Default process group has not been initialized, please make sure to call init_process_group."
)


class Backend(str):
    """The name of what carries messages, in lower case."""

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    UCC = "ucc"
    MPI = "mpi"

    def __new__(cls, name: str) -> Backend:
        """Take a name."""
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, not {name!r}")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """A group that this process is the only member of."""

    def __init__(self, backend: Backend):
        self.backend = backend

    def rank(self) -> int:
        """Return this process's place."""
        return 0

    def size(self) -> int:
        """Return the number of processes."""
        return 1

    def name(self) -> str:
        """Return the name of the backend."""
        return str(self.backend)


class _World(type):
    """Gives `group.WORLD` its value, which changes."""

    default: ProcessGroup | None = None

    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The default group; None before `init_process_group`."""
        return _World.default


class group(metaclass=_World):
    """Holds the default group: `group.WORLD`."""


class GroupMember(metaclass=_World):
    """Holds the default group, and what stands for "no member"."""

    NON_GROUP_MEMBER = -100


def is_available() -> bool:
    """Tell whether there are process groups."""
    return True


def is_initialized() -> bool:
    """Tell whether `init_process_group` has run."""
    return _World.default is not None


def is_nccl_available() -> bool:
    """Tell whether NCCL carries messages: it does not."""
    return False


def is_gloo_available() -> bool:
    """Tell whether a group can be made under the name `gloo`."""
    return True


def is_mpi_available() -> bool:
    """Tell whether MPI carries messages: it does not."""
    return False


def is_torchelastic_launched() -> bool:
    """Tell whether torchrun has started this process."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Make the default group, of this process alone.

    Args:
        backend: a name, for `get_backend`.
        init_method: how processes find each other. With the default, `env://`, the variables RANK
            and WORLD_SIZE say what the arguments do not.
        timeout: accepted for torch's sake, as are `store`, `group_name`, `pg_options` and
            `device_id`.
        world_size: the number of processes.
        rank: this process's place among them.
        store: see `timeout`.
        group_name: see `timeout`.
        pg_options: see `timeout`.
        device_id: see `timeout`.

    Raises:
        ValueError: there is a default group already, or a variable is missing.
        RuntimeError: there are more processes than one.

    Example:
        >>> rushlight.distributed.init_process_group("gloo", rank=0, world_size=1)
        >>> rushlight.distributed.get_rank(), rushlight.distributed.get_world_size()
        (0, 1)
        >>> rushlight.distributed.destroy_process_group()
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    by_environment = store is None and (init_method is None or init_method.startswith("env://"))
    place = _given(rank, "RANK", by_environment)
    size = _given(world_size, "WORLD_SIZE", by_environment)
    if size != 1:
        raise RuntimeError(
            f"init_process_group: groups of one process are all there is so far, got world_size = "
            f"{size}"
        )
    if place != 0:
        raise ValueError(f"init_process_group: expected rank 0 of 1, got {place}")
    _World.default = ProcessGroup(Backend(backend or "gloo"))


def _given(value: int, variable: str, by_environment: bool) -> int:
    if value != -1:
        return value
    if not by_environment:
        raise ValueError(f"init_process_group: {variable.lower()} is not given")
    if variable not in os.environ:
        raise ValueError(
            "Error initializing torch.distributed using env:// rendezvous: environment variable "
            f"{variable} expected, but not set"
        )
    return int(os.environ[variable])


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Forget a group; without an argument, the default one."""
    default = member_of(group)
    if group is None or default is _World.default:
        _World.default = None


def member_of(group: ProcessGroup | None) -> ProcessGroup:
    """Return the group meant: the default one for None.

    Raises:
        ValueError: there is no default group.
    """
    if _World.default is None:
        raise ValueError(_UNINITIALIZED)
    return _World.default if group is None else group


def new_group(ranks: Sequence[int] | None = None, *args: Any, **kwargs: Any) -> ProcessGroup:
    """Return a group of some members of the default group: of this process."""
    return ProcessGroup(member_of(None).backend)


def get_rank(group: ProcessGroup | None = None) -> int:
    """Return this process's place in a group."""
    return member_of(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """Return the number of members of a group."""
    return member_of(group).size()


def get_backend(group: ProcessGroup | None = None) -> Backend:
    """Return the name of a group's backend."""
    return member_of(group).backend


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """Return a member's place in the default group."""
    return group_rank


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """Return the place in a group of a member of the default group."""
    return global_rank


def get_process_group_ranks(group: ProcessGroup | None = None) -> list[int]:
    """Return the places in the default group of a group's members."""
    return list(range(member_of(group).size()))
