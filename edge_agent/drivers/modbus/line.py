"""A Modbus TCP connection: reads and writes runs of addresses, or says what is wrong.

One request is on its way at a time. A peer that closes the connection, or that leaves a
request unanswered, is a lost link: an answer that comes late is never taken for another
one's. While nothing is asked, TCP's own probes watch the peer: one that vanished is
noticed within about ``PROBE_AFTER_S + PROBES * PROBE_EVERY_S``.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable
from typing import Any, Literal, TypeAlias

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from edge_agent.drivers.linked import LinkLost, PeerRefused
from edge_agent.drivers.racing import os_words

# What pymodbus would say is said by this module, once.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

Table: TypeAlias = Literal["coil", "discrete", "input", "holding"]

PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 10, 5, 3

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
_EXCEPTIONS = {
    ILLEGAL_FUNCTION: "illegal function",
    ILLEGAL_ADDRESS: "illegal data address",
    ILLEGAL_VALUE: "illegal data value",
    4: "device failure",
    5: "acknowledged, but not done yet",
    6: "device busy",
    7: "not done",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "no answer from the unit behind the gateway",
}


class Exceptional(PeerRefused):
    """The peer answered with an exception."""

    def __init__(self, code: int) -> None:
        known = _EXCEPTIONS.get(code, "unknown")
        super().__init__(f"exception {code}, {known}")
        self.code = code

    @property
    def of_place(self) -> bool:
        """It may be true of a part of what was asked, and not of the rest."""
        return self.code in {ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE}


class Line:
    """One connection, used once."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._where = f"{host}:{port}"
        self._timeout_s = timeout_s
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._failed = ""
        self._reached = False
        self._client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=timeout_s,
            retries=0,  # an answer that comes twice would be taken for the next one
            reconnect_delay=0,
            trace_connect=self._traced,
        )
        self._dial: Any = self._client.ctx.call_create
        self._client.ctx.call_create = self._dialled

    async def connect(self) -> None:
        """Reach the peer. Raises ``LinkLost``."""
        if not await self._client.connect():
            raise LinkLost(f"{self._where}: {self._failed or 'did not answer in time'}")
        transport: Any = self._client.ctx.transport
        _watch(transport.get_extra_info("socket"))
        self._reached = True

    async def lost(self) -> None:
        """Raises ``LinkLost`` as soon as the link is."""
        raise LinkLost(await asyncio.shield(self._lost))

    def close(self) -> None:
        """Let go; what still waits for an answer is told."""
        self._give_up("closed by the agent")
        self._client.close()

    async def read(
        self, table: Table, unit_id: int, start: int, count: int
    ) -> list[int]:
        """The registers, or bits as 0 and 1. Raises ``Exceptional`` or ``LinkLost``."""
        client, of = self._client, {"count": count, "device_id": unit_id}
        asked: dict[Table, Any] = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "input": client.read_input_registers,
            "holding": client.read_holding_registers,
        }
        answer = await self._ask(lambda: asked[table](start, **of))
        is_bits = table in {"coil", "discrete"}
        found = [int(each) for each in (answer.bits if is_bits else answer.registers)]
        if len(found) < count or (len(found) > count and not is_bits):
            raise PeerRefused(f"sent {len(found)} values where {count} were asked for")
        return found[:count]

    async def write_coil(
        self, unit_id: int, address: int, value: bool, *, multiple: bool
    ) -> None:
        """Function 5; with ``multiple`` function 15."""
        client: Any = self._client
        unit = {"device_id": unit_id}
        if multiple:
            await self._ask(lambda: client.write_coils(address, [value], **unit))
        else:
            await self._ask(lambda: client.write_coil(address, value, **unit))

    async def write_registers(
        self, unit_id: int, address: int, values: list[int], *, multiple: bool
    ) -> None:
        """Function 16; for one register function 6, unless ``multiple``."""
        client: Any = self._client
        unit = {"device_id": unit_id}
        if multiple or len(values) > 1:
            await self._ask(lambda: client.write_registers(address, values, **unit))
        else:
            await self._ask(lambda: client.write_register(address, values[0], **unit))

    async def write_masked(
        self, unit_id: int, address: int, mask: int, bits: int
    ) -> None:
        """Function 22: the bits of ``mask`` become those of ``bits``."""
        await self._ask(
            lambda: self._client.mask_write_register(
                address=address,
                and_mask=0xFFFF ^ mask,
                or_mask=bits & mask,
                device_id=unit_id,
            )
        )

    async def _ask(self, request: Any) -> ModbusPDU:
        if self._lost.done():
            raise LinkLost(self._lost.result())
        if not self._reached:
            raise LinkLost(f"{self._where} is not reached yet")
        asking = asyncio.ensure_future(self._answer(request))
        asking.add_done_callback(_seen)
        either: set[asyncio.Future[Any]] = {asking, self._lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not asking.done():
                asking.cancel()
        if not asking.done():
            raise LinkLost(self._lost.result())
        return asking.result()

    async def _answer(self, request: Any) -> ModbusPDU:
        asked: Awaitable[ModbusPDU]
        try:
            asked = request()
            answer = await asked
        except ModbusException:
            words = f"{self._where} left a request unanswered for {self._timeout_s:g} s"
            self._give_up(words)
            raise LinkLost(words) from None
        if isinstance(answer, ExceptionResponse):
            raise Exceptional(answer.exception_code)
        return answer

    async def _dialled(self) -> Any:
        try:
            return await self._dial()
        except OSError as error:
            self._failed = os_words(error)
            raise

    def _traced(self, connected: bool) -> None:
        if not connected:
            self._give_up(f"{self._where} closed the connection")

    def _give_up(self, words: str) -> None:
        if not self._lost.done():
            self._lost.set_result(words)


def _seen(asking: "asyncio.Future[ModbusPDU]") -> None:
    """Whoever asked may be gone: what came of it is no defect then."""
    if not asking.cancelled():
        asking.exception()


def _watch(of: socket.socket) -> None:
    of.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_AFTER_S)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_EVERY_S)
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
    silent_ms = (PROBE_AFTER_S + PROBES * PROBE_EVERY_S) * 1000
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silent_ms)
