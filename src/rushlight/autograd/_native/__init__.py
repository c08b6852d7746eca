"""The native paths through the graph, put in place of the Python functions they shorten.

`Op.apply`, `Node.saved_tensors` and the reverse walk have a plain case, nearly every call, that the
extension carries out; each hands all others to the Python function, which stays the description
of what is done. Nothing is replaced without the extension, with RUSHLIGHT_KERNELS=reference, or on
an interpreter that the extension was not written for.
"""

from __future__ import annotations

from ...kernels._native import calls
from .. import anomaly, engine, interception, mode, node, saved, version

__all__: list[str] = []


def _install() -> None:
    reference = node.Op.__dict__["apply"].__func__
    parts = {
        "apply": reference, "finish": node._finish, "pack": node._pack, "failed": node._failed,
        "interception": vars(interception), "chain_done": interception.chain_done,
        "grad_mode": mode.grad_mode,
        "saved_hooks": mode.saved_hooks, "GRAD": mode.GRAD, "INFERENCE": mode.INFERENCE,
        "sequence": node.sequence_numbers, "INFERENCE_VERSION": version.INFERENCE_VERSION,
        "Version": version.Version, "Saved": saved.Saved, "View": version.View,
    }  # fmt: skip
    if not calls.install_apply(parts):
        return
    node.Op.apply = classmethod(calls.apply)  # type: ignore[assignment, method-assign]
    unpack = node.Node.__dict__["saved_tensors"]
    calls.install_saved_tensors(unpack.fget)
    node.Node.saved_tensors = property(calls.saved_tensors, doc=unpack.__doc__)  # type: ignore[assignment, method-assign]
    calls.install_walk(
        {
            "add": engine._add,
            "accumulate": engine._accumulate,
            "accumulating": engine._accumulating,
            "anomaly": vars(anomaly),
            "plain_run": node.Node.run,
        }
    )
    engine.count_edges, engine.run_walk = calls.count_edges, calls.run_walk


if calls is not None:
    _install()
