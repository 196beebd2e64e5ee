"""The wire of one host, in this process' hands: what goes over it can be held back, and lost between two hosts.

Frames go between two interfaces by packet sockets, with the headers that tell of segments and checksums that the kernel
has left to the hardware. Nobody is told that a frame is lost, as on a network that is cut. The kernel's own ways to do
either are modules that many machines do not have.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

from tests.deploy.network import HOSTS, run

__all__ = ["Wire"]

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 15, 23, 3
MOST_BYTES = 1 << 17
ADDRESSES = slice(10 + 14 + 12, 10 + 14 + 20)
"""Sender and receiver of an IPv4 packet, behind the headers of offloads and of Ethernet."""

BUFFER_BYTES = 1 << 23


class Wire:
    """Between one host and the network, from entering to leaving.

    Parameters
    ----------
    host
        Whose wire it is.
    delay_s
        Seconds that every frame is held back, in either direction.
    cut_from
        A host with which nothing is exchanged any more.
    """

    def __init__(self, host: str, delay_s: float = 0.0, cut_from: str | None = None) -> None:
        self._host, self._delay_s, self._ended = host, delay_s, threading.Event()
        ends = () if cut_from is None else (HOSTS[host], HOSTS[cut_from])
        first, second = (socket.inet_aton(end) for end in ends) if ends else (b"", b"")
        self._lost = {first + second, second + first} if ends else set()

    def __enter__(self) -> Self:
        own, near, far = f"v-{self._host}", f"n-{self._host}", f"f-{self._host}"
        run("ip", *f"link add {near} type veth peer name {far}".split())
        run("ip", *f"link set {far} master br0 up".split())
        run("ip", *f"link set {near} up".split())
        run("ip", *f"link set {own} nomaster".split())
        ends = _open(own), _open(near)
        self._thread = threading.Thread(target=self._carry, args=ends, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        run("ip", *f"link del n-{self._host}".split())
        run("ip", *f"link set v-{self._host} master br0".split())

    def _carry(self, own: socket.socket, near: socket.socket) -> None:
        waiting: deque[tuple[float, socket.socket, bytes]] = deque()
        with own, near:
            while not self._ended.is_set():
                next_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.05
                for came in select.select([own, near], [], [], next_s)[0]:
                    frame = came.recv(MOST_BYTES)
                    if frame[ADDRESSES] not in self._lost:
                        waiting.append((time.monotonic() + self._delay_s, near if came is own else own, frame))
                while waiting and waiting[0][0] <= time.monotonic():
                    _send(*waiting.popleft()[1:])


def _send(end: socket.socket, frame: bytes) -> None:
    try:
        end.send(frame)
    except OSError:  # too much at a time, or its host is gone: lost, as frames are
        return


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    opened.bind((interface, 0))
    return opened
