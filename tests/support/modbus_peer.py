"""A Modbus TCP device: pymodbus's server with four tables, told what to hold.

Unit 1 has coils and discrete inputs 0 to 63, input registers 0 to 49 and holding
registers 0 to 199, but no holding registers 50 to 59. Other units are not there.
"""

import asyncio
import logging
import sys
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.support.peer_process import obey

FUNCTIONS = {"coil": 15, "discrete": 2, "input": 4, "holding": 16}  # to set values by
BITS = 64


class Device:
    """What the device has, was asked, and refuses."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.refused: dict[int, int] = {}  # function -> exception
        self.orders = False  # it is we who read and write

    async def action(
        self, function: int, _start: int, address: int, count: int, *_: Any
    ) -> ExcCodes | None:
        """pymodbus asks before each access."""
        if self.orders:
            return None
        self.asked.append([function, address, count])
        code = self.refused.get(function)
        return None if code is None else ExcCodes(code)

    def sim(self) -> SimDevice:
        """Its tables."""
        bits = [SimData(0, values=[False] * BITS, datatype=DataType.BITS)]
        return SimDevice(
            1,
            simdata=(
                bits,
                bits,
                [
                    SimData(0, count=50, datatype=DataType.REGISTERS),
                    SimData(50, count=10, datatype=DataType.INVALID),
                    SimData(60, count=140, datatype=DataType.REGISTERS),
                ],
                [SimData(0, count=50, datatype=DataType.REGISTERS)],
            ),
            action=self.action,
        )

    async def do(self, server: ModbusTcpServer, order: dict[str, Any]) -> Any:
        """Obey an order."""
        self.orders = True
        try:
            if "set" in order:
                table, address, values = order["set"]
                await server.context.async_setValues(
                    1, FUNCTIONS[table], address, values
                )
            if "refuse" in order:
                self.refused = {int(f): c for f, c in order["refuse"].items()}
            if "get" in order:
                table, address, count = order["get"]
                function = {"coil": 1, "holding": 3}.get(table, FUNCTIONS[table])
                return await server.context.async_getValues(1, function, address, count)
        finally:
            self.orders = False
        asked, self.asked = self.asked, []
        return asked


async def serve(port: int) -> None:
    """Serve until stdin ends."""
    device = Device()
    server = ModbusTcpServer(device.sim(), address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    await obey(lambda order: device.do(server, order))
    await server.shutdown()


if __name__ == "__main__":
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
    asyncio.run(serve(int(sys.argv[1])))
