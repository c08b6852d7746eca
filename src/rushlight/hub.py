"""`torch.hub`: weights by their address, kept in a folder; models of a `hubconf.py`."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .serialization import load as _read

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "load_url",
    "set_dir",
]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # weights-1a2b3c4d.pth
_BLOCK = 1 << 20
_chosen: list[str] = []


def get_dir() -> str:
    """Return the folder for downloads: `set_dir`, `$TORCH_HOME/hub` or `~/.cache/torch/hub`."""
    if _chosen:
        return _chosen[0]
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Choose the folder for downloads."""
    _chosen[:] = [os.path.expanduser(os.fspath(d))]


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Download a file. It appears under its name once it is complete.

    Args:
        url: where from.
        dst: where to.
        hash_prefix: what the SHA-256 sum of the file has to begin with.
        progress: accepted for torch's sake.

    Raises:
        RuntimeError: the sum is another one.
    """
    target, digest = Path(os.path.expanduser(dst)), hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "torch.hub"})
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(request) as reply:
            while block := reply.read(_BLOCK):
                file.write(block)
                digest.update(block)
        found = digest.hexdigest()
        if hash_prefix is not None and not found.startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got "{found[: len(hash_prefix)]}")'
            )
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> dict[str, Any]:
    """Load a file of weights by its address; the download is kept.

    Args:
        url: where the file is.
        model_dir: where downloads are kept (default: `checkpoints` in `get_dir()`).
        map_location: as for `load`.
        progress: tell on standard error what is downloaded.
        check_hash: the file's name ends in the beginning of its SHA-256 sum, which is checked.
        file_name: the name of the copy (default: that in the address).
        weights_only: as for `load`.

    Returns:
        What the file holds.
    """
    folder = Path(model_dir if model_dir is not None else os.path.join(get_dir(), "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    target = folder / name
    if not target.exists():
        if progress:
            sys.stderr.write(f'Downloading: "{url}" to {target}\n')
        match = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, target, match.group(1) if match else None, progress)
    state: dict[str, Any] = _read(target, map_location, weights_only=weights_only)
    return state


load_url = load_state_dict_from_url  # its name in torch.utils.model_zoo


def _hubconf(folder: str | os.PathLike[str], source: str) -> Any:
    if source != "local":
        raise ValueError(
            f"hub: repositories are not downloaded; give the folder of a copy and "
            f"source='local', got source={source!r}"
        )
    path = os.path.expanduser(os.fspath(folder))
    spec = importlib.util.spec_from_file_location("hubconf", os.path.join(path, "hubconf.py"))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.path.insert(0, path)
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    finally:
        sys.path.remove(path)
    return module


def _entry(module: Any, name: str) -> Any:
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """Call an entry point of a folder's `hubconf.py`, and return what it returns.

    Args:
        repo_or_dir: the folder.
        model: the entry point's name.
        args: arguments of the entry point.
        source: "local"; repositories are not downloaded.
        kwargs: arguments of the entry point; torch's own options are accepted.

    Raises:
        ValueError: `source` is not "local".
        RuntimeError: there is no such entry point.
    """
    for option in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(option, None)
    return _entry(_hubconf(repo_or_dir, source), model)(*args, **kwargs)


def help(github: str, model: str, *, source: str = "github", **options: Any) -> Any:
    """Return the docstring of an entry point; see `load`."""
    return _entry(_hubconf(github, source), model).__doc__


def list(github: str, *, source: str = "github", **options: Any) -> Any:
    """Return the names of the entry points of a folder's `hubconf.py`; see `load`."""
    names = vars(_hubconf(github, source)).items()
    return [name for name, value in names if callable(value) and not name.startswith("_")]
