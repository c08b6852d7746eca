"""Fetching a file and making sure it is the right one."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path


def md5_of(path: Path) -> str:
    """Return a file's MD5 sum."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def fetch(urls: list[str], target: Path, md5: str) -> None:
    """Download a file from the first of `urls` that gives the right bytes.

    The file appears under its name only once it is complete and its sum is right.

    Raises:
        RuntimeError: no source gave the right file; each one's answer is told.
    """
    if target.exists() and md5_of(target) == md5:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    answers = []
    for url in urls:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=30) as reply:
                while block := reply.read(1 << 20):
                    file.write(block)
            found = md5_of(partial)
            if found == md5:
                partial.replace(target)
                return
            answers.append(f"{url}: wrong file (MD5 {found}, expected {md5})")
        except (OSError, urllib.error.URLError) as error:
            answers.append(f"{url}: {error}")
        finally:
            partial.unlink(missing_ok=True)
    raise RuntimeError(f"could not download {target.name}:\n  " + "\n  ".join(answers))
