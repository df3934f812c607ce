"""Engine images that go wrong, built on the real one for a test, removed after it."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

import docker

LABEL = "heddle.test=bad-engine"
CRASHES = 'import sys\nsys.exit("the rotor fell off")\n'
HANGS = "import time\ntime.sleep(3600)\n"
EATS_LATER = """
import os, sys, threading, time
def eat():
    while not os.path.exists(sys.argv[1] + "/engine.sock"):
        time.sleep(0.1)
    time.sleep(2)
    hoard = []
    while True:
        hoard.append(bytearray(4 << 20))
if sys.argv[1:2] != ["health"]:
    threading.Thread(target=eat, daemon=True).start()
from edge_agent.engine.real import main
main()
"""  # it serves for a moment first


@contextmanager
def bad_image(name: str, program: str, base: str) -> Iterator[str]:
    """An image whose engine is this program; the real one is module ``real``."""
    client = docker.from_env()
    tag = f"heddle-test/{name}:dev"
    try:
        client.images.build(
            fileobj=_context(program, base), custom_context=True, tag=tag, rm=True
        )
        try:
            yield tag
        finally:
            for container in client.containers.list(
                all=True, filters={"ancestor": tag}
            ):
                container.remove(force=True)
            client.images.remove(tag, force=True)
    finally:
        client.close()


def _context(program: str, base: str) -> io.BytesIO:
    place = '$(python3 -c "import edge_agent.engine as e; print(e.__path__[0])")'
    files = {
        "Dockerfile": f"FROM {base}\nLABEL {LABEL}\nUSER root\nCOPY bad.py /bad.py\n"
        f"RUN mv {place}/__main__.py {place}/real.py "
        f"&& cp /bad.py {place}/__main__.py && chmod a+r {place}/*.py\n",
        "bad.py": program,
    }
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    found.seek(0)
    return found
