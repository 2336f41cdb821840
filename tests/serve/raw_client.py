"""A client that speaks HTTP by itself: as rude as it likes, with little of the processor that the server needs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from tests.serve.served import CHAT

Body = dict[str, Any]
_SMALL = 2048  # bytes that a slow reader takes at a time


class Gone(Exception):  # noqa: N818
    """The server closed the connection."""


class Client:
    """One connection, opened anew where it was closed."""

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, data: bytes, length: int | None = None, *, small: bool = False) -> None:
        """Send the body of a request to a chat, or its beginning, with the length that it claims to have."""
        head = f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data) if length is None else length}"
        await self.send_raw(head.encode() + b"\r\n\r\n" + data, small=small)

    async def send_raw(self, data: bytes, *, small: bool = False) -> None:
        """Send bytes; a small connection takes few of the answer at a time."""
        if small:
            self.close()
        if self._writer is None:
            sock = socket.socket()
            sock.setblocking(False)
            if small:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            await asyncio.get_running_loop().sock_connect(sock, self._where)
            self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=_SMALL if small else 2**16)
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Read status and headers."""
        assert self._reader
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines if line)

    async def body(self, headers: dict[str, str], pause: Callable[[], float] | None = None) -> bytes:
        """Read all that follows, waiting after each piece as long as a slow reader does."""
        assert self._reader
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        parts = []
        while size := int(await self._reader.readline() or b"0", 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
            await asyncio.sleep(pause() if pause else 0)
        await self._reader.readline()
        return b"".join(parts)

    async def pieces(self, n: int) -> None:
        """Read a little, of an answer that is not read to its end."""
        assert self._reader
        for _ in range(n):
            await self._reader.readline()

    def close(self, *, reset: bool = False) -> None:
        """Leave; with a reset the server hears of it at once."""
        if self._writer is None:
            return
        if reset:
            self._writer.transport.abort()
        else:
            self._writer.close()
        self._reader = self._writer = None

    async def ask(self, body: Body, pause: Callable[[], float] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Ask, and read the whole answer."""
        try:
            await self.send(json.dumps(body).encode(), small=pause is not None)
            status, headers = await self.head()
            told = await self.body(headers, pause)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.close()
            raise Gone(repr(error)) from error
        if headers.get("connection") == "close" or pause:
            self.close()
        return status, headers, told
