"""Durable steps with DBOS and SQLite: a step's outcome is on the disk when it ends.

DBOS leaves a new database without a write-ahead log; with the word ``wal`` it gets one
here, as ours has, which makes it faster. Its asynchronous workflows were the faster
ones. The program is given the database's path. A line ``WORKFLOWS STEPS`` is answered
with the seconds it took so many workflows, side by side, to do so many steps each, one
after the other.
"""

import asyncio
import sqlite3
import sys
import time

from dbos import DBOS, DBOSConfig

path = sys.argv[1]
if "wal" in sys.argv[2:]:
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode = wal")
    database.close()

config: DBOSConfig = {
    "name": "bench",
    "system_database_url": f"sqlite:///{path}",
    "run_admin_server": False,
    "log_level": "ERROR",
}
DBOS(config=config)


@DBOS.step()
async def work(number: int) -> int:
    """As little as can be."""
    return number


@DBOS.workflow()
async def steps(amount: int) -> int:
    """Steps, one after the other."""
    for number in range(amount):
        await work(number)
    return amount


async def seconds(workflows: int, amount: int) -> float:
    """How long so many workflows take."""
    begin = time.perf_counter()
    handles = [await DBOS.start_workflow_async(steps, amount) for _ in range(workflows)]
    done = await asyncio.gather(*(handle.get_result() for handle in handles))
    if done != [amount] * workflows:
        raise AssertionError(done)
    return time.perf_counter() - begin


async def main() -> None:
    """Answer line after line."""
    DBOS.launch()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await seconds(*map(int, line.split())), flush=True)


asyncio.run(main())
