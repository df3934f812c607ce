"""The API, declared once: every route, in the order of the manual."""

from services.gateway.route import Route
from services.gateway.table.accounts import ACCOUNTS
from services.gateway.table.dashboards import DASHBOARDS
from services.gateway.table.deployments import DEPLOYMENTS
from services.gateway.table.devices import DEVICES
from services.gateway.table.flows import FLOWS
from services.gateway.table.records import RECORDS

ROUTES: tuple[Route, ...] = (
    *FLOWS,
    *DEPLOYMENTS,
    *DEVICES,
    *RECORDS,
    *DASHBOARDS,
    *ACCOUNTS,
)
