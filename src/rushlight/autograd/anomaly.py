"""Anomaly detection: an error or NaN in a reverse pass names the line of the forward pass.

While it is on, every node remembers the stack it was made from, and the node that was running
when it was made in a reverse pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from .._tensor import Tensor
from ..errors import RushlightWarning
from .interception import Proceed, add_interceptor, remove_interceptor
from .node import Node

_PACKAGE = __file__.rpartition("autograd")[0]
_TRACE, _PARENT = "traceback_", "parent_"

enabled = False
check_nan = True
_running: ContextVar[Node | None] = ContextVar("running_node", default=None)


def is_anomaly_enabled() -> bool:
    """Tell whether anomaly detection is on."""
    return enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Tell whether anomaly detection also looks for NaN."""
    return check_nan


def _switch(on: bool, look_for_nan: bool) -> None:
    global enabled, check_nan
    if on != enabled:
        (add_interceptor if on else remove_interceptor)(_remember_origin)
    enabled, check_nan = on, look_for_nan


class set_detect_anomaly:
    """Switch anomaly detection on or off: a function call, or a context manager.

    Args:
        mode: on or off.
        check_nan: raise where a gradient is NaN.

    Example:
        >>> with rushlight.autograd.set_detect_anomaly(True):
        ...     rushlight.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.before = enabled, globals()["check_nan"]
        _switch(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _switch(*self.before)


class detect_anomaly:
    """Within the context, an error in a reverse pass also shows the forward line it came from.

    A gradient that is NaN counts as an error. Programs run much slower meanwhile.

    Args:
        check_nan: raise where a gradient is NaN.
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            RushlightWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self.before = enabled, check_nan
        _switch(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        _switch(*self.before)


def _remember_origin(
    op: Any, inputs: tuple[Any, ...], params: dict[str, Any], proceed: Proceed
) -> Any:
    """Note in the node of each new tensor where it was made."""
    result = proceed(op, inputs, params)
    first = result[0] if isinstance(result, tuple) and result else result
    node = first._node if isinstance(first, Tensor) else None
    if node is not None and _TRACE not in node.metadata:
        node.metadata[_TRACE] = _users_stack()
        node.metadata[_PARENT] = _running.get()
    return result


def _users_stack() -> list[str]:
    """Return the lines of the stack up to where the user's program called the library."""
    import traceback  # takes a while to load

    frames = traceback.extract_stack()
    while frames and frames[-1].filename.startswith(_PACKAGE):
        frames.pop()
    return traceback.format_list(frames)


def run_node(node: Node, grads: Sequence[Any]) -> Any:
    """Run a node in a reverse pass; on an error or NaN tell where the node comes from."""
    token = _running.set(node)
    try:
        results = node.run(grads)
    except Exception:
        _warn_of(node)
        raise
    finally:
        _running.reset(token)
    if check_nan:
        for index, grad in enumerate(results if isinstance(results, (tuple, list)) else [results]):
            if isinstance(grad, Tensor) and _has_nan(grad if grad._dense else grad._values()):
                _warn_of(node)
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {index}th output."
                )
    return results


def _warn_of(node: Node) -> None:
    trace = node.metadata.get(_TRACE)
    if trace is None:
        message = (
            f"Error detected in {node.name()}. No forward pass information available. Enable "
            "detect anomaly during forward pass for more information."
        )
    else:
        message = (
            f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
            + "".join(trace)
        )
    parent = node.metadata.get(_PARENT)
    while parent is not None:
        message += (
            f"\n\nPrevious calculation that was induced by {parent.name()}. Traceback of forward "
            "call that induced the previous calculation:\n"
            + "".join(parent.metadata.get(_TRACE, ["(not recorded)\n"]))
        )
        parent = parent.metadata.get(_PARENT)
    warnings.warn(message, RushlightWarning, stacklevel=2)


def _has_nan(tensor: Tensor) -> bool:
    return bool((tensor.array != tensor.array).any())
