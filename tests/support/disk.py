"""A file system so small that a test can fill it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_at(
    where: Path, megabytes: int, ballast_bytes: int = 0
) -> Iterator[Path]:
    """A disk of its own; the file ``ballast`` on it can be thrown off to make room."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system that is small enough")
    where.mkdir()
    size = f"size={megabytes}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(where)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        if ballast_bytes:
            (where / "ballast").write_bytes(b"x" * ballast_bytes)
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)
