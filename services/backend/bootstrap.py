"""The first start: an administrator, a project, a code for the virtual device.

Done once, while there is no user at all; later changes of these settings change
nothing. Only the virtual device's code is renewed, as long as it was not redeemed.
"""

from twisted.logger import Logger

from heddle.contract.declare import Role, check_id
from heddle.contract.devices import DeviceKind
from heddle.wamp.process import ConfigError, read_secret
from services.backend.accounts.passwords import Passwords
from services.backend.accounts.sessions import is_key
from services.backend.audit import Entry, record
from services.backend.config import Config
from services.backend.fleet.enrolment import LONGEST_VALID_S, keep_code
from services.backend.store import devices, people, projects
from services.backend.store.database import Connection, Database

log = Logger()

_SHORTEST_CODE = 12


async def bootstrap(config: Config, database: Database, passwords: Passwords) -> None:
    """Make what a new fleet needs. Raises ``ConfigError``, ``InvalidId``."""
    if not await database(people.anyone):
        if config.admin_password_file is None:
            raise ConfigError(
                "setting BACKEND_ADMIN_PASSWORD_FILE is missing: there is no user yet, "
                "and the first one needs a password"
            )
        user = check_id("BACKEND_ADMIN_USER", config.admin_user)
        if is_key(user):
            raise ConfigError(
                f"setting BACKEND_ADMIN_USER is unusable: {user} is a key"
            )
        project = check_id("BACKEND_PROJECT", config.project)
        hashed = await passwords.hash(read_secret(config.admin_password_file))
        await database(_first, user, hashed, project)
        log.info("made user {user} and project {project}", user=user, project=project)
    if config.virtual_device_code_file is not None:
        code = read_secret(config.virtual_device_code_file)
        if sum(c.isalnum() for c in code) < _SHORTEST_CODE:
            raise ConfigError(
                f"secret file {config.virtual_device_code_file}: an enrolment code has "
                f"{_SHORTEST_CODE} letters and digits at least"
            )
        device = check_id("BACKEND_VIRTUAL_DEVICE", config.virtual_device)
        await database(_expect_virtual, code, config.project, device)


def _first(connection: Connection, user: str, hashed: str, project: str) -> None:
    people.insert(connection, user, hashed, administrator=True)
    if projects.insert(connection, project, ""):  # and not another backend just now
        people.join(connection, project, user, Role.OWNER.value)
        made = Entry("backend", Role.BACKEND.value, "project.create", project)
        record(connection, project, made)


def _expect_virtual(
    connection: Connection, code: str, project: str, device: str
) -> None:
    if project not in (row.project for row in projects.every(connection)):
        raise ConfigError(
            f"setting BACKEND_PROJECT is unusable: there is no project {project!r}"
        )
    if not devices.exists(connection, project, device):
        keep_code(
            connection,
            code,
            project,
            device,
            DeviceKind.VIRTUAL.value,
            "backend",
            LONGEST_VALID_S,
        )
