"""An agent of our own beside a stack, behind a link that can be cut.

Its outbox keeps an audit of all that it ever took (``tests.soak.audit``).
"""

import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge_agent.budget import Budget
from tests.soak.audit import prepare
from tests.soak.wire import Wire
from tests.support.stack import RunningStack, agent_process, eventually

TYPED = "typed_1"
SAMPLES_PER_S = 2_000
ENROLLED_WITHIN_S = 120


class OwnAgent:
    """One device. ``folder`` gets its data, ``logs`` its log."""

    def __init__(
        self,
        stack: RunningStack,
        folder: Path,
        device: str,
        settings: Mapping[str, str],
        *,
        outbox_mb: int = 256,
        logs: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.device = device
        self.folder = folder / device
        self.wire = Wire(stack.router)
        self.log = (logs or folder) / f"{device}.log"
        self._env = {
            "AGENT_ROUTER_URL": self.wire.url,
            "AGENT_DATA": str(self.folder),
            "AGENT_CODE": stack.ask("device", "code", device)["code"],
            "AGENT_KIND": "virtual",
            "AGENT_RUNTIME": "process",
            "AGENT_OUTBOX_MAX_MB": str(outbox_mb),
            **settings,
            **(environ or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()  # of who ends it and who starts it
        prepare(self.folder, Budget(outbox_mb << 20))

    def start(self) -> None:
        """Start the agent, as after a boot."""
        self.process = agent_process(self.log, self._env)

    @contextmanager
    def running(self) -> Iterator[None]:
        """An enrolled agent for a while, with its link."""
        if self.process is None:
            self.start()
        try:
            enrolled = self.folder / "enrolled.json"
            eventually(enrolled.exists, f"{self.device} is enrolled", ENROLLED_WITHIN_S)
            yield
        finally:
            self.end()
            self.wire.close()

    def kill(self) -> None:
        """``kill -9``, and another takes its place."""
        with self._turn:
            self.end(signal.SIGKILL)
            self.start()

    def look_after(self) -> int | None:
        """Start it again if it has ended by itself, as an init would; its exit code."""
        with self._turn:
            code = None if self.process is None else self.process.poll()
            if code is not None:
                self.start()
            return code

    def end(self, how: int = signal.SIGTERM) -> None:
        """End the agent."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None


def typed_agent(
    stack: RunningStack,
    folder: Path,
    outbox_mb: int,
    *,
    samples_per_s: int = SAMPLES_PER_S,
    logs: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> OwnAgent:
    """A device with tags of every type, replayed from a file."""
    recording, tags = folder / "recording.csv", folder / "tags.toml"
    recording.write_text("\n".join(_recording(samples_per_s)) + "\n")
    tags.write_text(
        '[tags.count_0]\ntype = "integer"\n[tags.recipe_0]\ntype = "json"\n'
    )
    settings = {"AGENT_DRIVER": f"csv:{recording}", "AGENT_TAGS": str(tags)}
    return OwnAgent(
        stack,
        folder,
        TYPED,
        settings,
        outbox_mb=outbox_mb,
        logs=logs,
        environ=environ,
    )


def set_alarms(stack: RunningStack, file: Path, samples_per_s: int) -> None:
    """Alarms that the typed device judges itself; its tags rise for 10 s, then fall."""
    levels = range(5, 50, 5)
    limit = samples_per_s / 40  # of a tag that reaches 10 * samples_per_s / 7
    file.write_text(
        "".join(
            f'[[rules]]\nalarm = "high_{n}"\ntag = "level_{n}"\nkind = "hi"\n'
            f'limit = {n * limit}\nplace = "edge"\n'
            for n in levels
        )
    )
    stack.ask("alarm", "set", str(file), "--device", TYPED)


def _recording(samples_per_s: int) -> Iterator[str]:
    yield "time,tag,value"
    for n in range(10 * samples_per_s):
        at_s = n / samples_per_s
        match n % 50:
            case 0:
                yield f"{at_s:.3f},mode_{n // 50 % 3},läuft {n}"
            case 1:
                yield f'{at_s:.3f},recipe_0,"{{""step"": {n}}}"'
            case 2:
                yield f"{at_s:.3f},count_0,{n}"
            case 3:
                yield f"{at_s:.3f},valve_{n // 50 % 5},{'true' if n % 4 else 'false'}"
            case 4:
                yield f"{at_s:.3f},broken_0,"
            case place:
                yield f"{at_s:.3f},level_{place},{n / 7:.4f}"
