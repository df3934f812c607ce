"""Works of a peer that end together: the first failure is that of all."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any


async def first_to_fail(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends; end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, Exception):
            raise each


def os_words(error: OSError) -> str:
    """What the system calls it; asyncio puts words of its own in its place."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
