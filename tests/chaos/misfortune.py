"""Makes the plan's misfortunes happen, each in a thread, and ends every one of them.

What cannot be done here (no root, no firewall) or to nobody (it is dead just now) is
noted with its reason, and left out.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psutil

from tests.chaos.fleet import Fleet
from tests.chaos.happened import Happened, Happening
from tests.chaos.plan import OWN, Fault, Kind, Plan
from tests.support.firewall import pulled
from tests.support.neighbours import firewall

DELAY_S, JITTER_S = 0.15, 0.35


class Misfortune:
    """Plays a plan."""

    def __init__(self, fleet: Fleet, plan: Plan, happened: Happened) -> None:
        self._fleet = fleet
        self._plan = plan
        self._happened = happened
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def play(self, tell: Callable[[str], None]) -> None:
        """Make it all happen; returns when the last has ended."""
        began = time.monotonic()
        try:
            for fault in self._plan.faults:
                wait_s = began + fault.at_s - time.monotonic()
                if self._over.wait(max(wait_s, 0.0)):
                    break
                tell(str(fault).strip())
                thread = threading.Thread(target=self._make, args=(fault,))
                thread.start()
                self._threads.append(thread)
        finally:
            for thread in self._threads:
                thread.join()

    def stop(self) -> None:
        """No more; what lasts ends now."""
        self._over.set()

    def _make(self, fault: Fault) -> None:
        happening = self._happened.begins(fault)
        try:
            with ExitStack() as undone:
                self._begin(fault, happening, undone)
        except (psutil.Error, OSError, subprocess.CalledProcessError) as error:
            happening.note = happening.note or str(error)
        finally:
            happening.ended_at = time.time()

    def _begin(self, fault: Fault, happening: Happening, undone: ExitStack) -> None:
        """Do it, wait as long as it lasts; ``undone`` knows how it is ended."""
        make: dict[Kind, Callable[[Fault, ExitStack], str]] = {
            Kind.KILL: self._kill,
            Kind.STOP: self._hold,
            Kind.CUT: self._cut,
            Kind.FREEZE: self._freeze,
            Kind.SLOW: self._slow,
            Kind.CLOCK: self._set_clock,
            Kind.FILL: self._fill,
            Kind.CABLE: self._pull,
        }
        happening.note = make[fault.kind](fault, undone)
        if not happening.note and fault.kind is not Kind.FREEZE:  # which has waited
            self._over.wait(fault.for_s)

    def _victims(self, fault: Fault) -> list[psutil.Process]:
        """One process, and what belongs to the database when it stands still."""
        if fault.target.startswith("engine of "):
            engines = self._fleet.engines(fault.target.removeprefix("engine of "))
            return engines[int(fault.amount * len(engines)) :][:1]
        process = self._fleet.process(fault.target)
        if process is None:
            return []
        return [process, *(process.children() if fault.target == "database" else ())]

    def _kill(self, fault: Fault, _: ExitStack) -> str:
        if fault.target in OWN:
            self._fleet.agents[fault.target].kill()
            return ""
        victims = self._victims(fault)[:1]
        for process in victims:
            process.kill()
        return "" if victims else "it was dead already"

    def _hold(self, fault: Fault, undone: ExitStack) -> str:
        victims = self._victims(fault)
        for process in victims:
            undone.callback(_go_on, process)
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
        return "" if victims else "it was dead just then"

    def _cut(self, fault: Fault, _: ExitStack) -> str:
        self._fleet.agents[fault.target].wire.cut()
        return ""

    def _freeze(self, fault: Fault, _: ExitStack) -> str:
        self._fleet.agents[fault.target].wire.freeze(fault.for_s)
        return ""

    def _set_clock(self, fault: Fault, undone: ExitStack) -> str:
        clock = self._fleet.clocks[fault.target]
        undone.callback(clock.set, 0.0)
        clock.set(fault.amount)
        return ""

    def _slow(self, fault: Fault, undone: ExitStack) -> str:
        wire = self._fleet.agents[fault.target].wire
        undone.callback(wire.fast)
        if fault.amount:
            wire.slow(0.0, bytes_per_s=fault.amount)
        else:
            wire.slow(DELAY_S, JITTER_S)
        return ""

    def _fill(self, fault: Fault, undone: ExitStack) -> str:
        disk = self._fleet.disks.get(fault.target)
        if disk is None:
            return "only root may make a small disk"
        undone.callback(disk.relieve)
        disk.fill(fault.amount)
        return ""

    def _pull(self, fault: Fault, undone: ExitStack) -> str:
        if firewall() is None:
            return "no firewall, or not root"
        undone.enter_context(pulled(self._fleet.ports()[fault.target]))
        return ""


def _go_on(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)
