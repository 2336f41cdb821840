"""`Behind`: where the thinking that a prompt began ends, told from the bytes of the reply."""

from __future__ import annotations


class Behind:
    """Lets through what a reply says behind its thinking.

    Args:
        end: what closes the thinking; "" if there is none.
    """

    def __init__(self, end: str) -> None:
        self._end = end.encode()
        self._tail = b""  # which may hold the beginning of the end

    @property
    def is_thinking(self) -> bool:
        """Whether the end is still to come."""
        return bool(self._end)

    def add(self, data: bytes) -> bytes:
        """Take more of the reply, and return what of it stands behind the end."""
        if not self._end:
            return data
        self._tail, found, behind = (self._tail + data).partition(self._end)
        if found:
            self._end = b""
        else:
            self._tail = self._tail[1 - len(self._end) :] if len(self._end) > 1 else b""
        return behind
