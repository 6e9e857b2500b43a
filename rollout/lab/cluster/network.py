"""The pods' network: every pod has an address of its own, and a loopback address behind it.

An API server refuses loopback addresses in Endpoints, and a laptop without root has no others.
So the objects say 10.x.y.z and the sockets are on 127.x.y.z, which Linux routes without set-up.
"""

import itertools
import socket

from rollout.errors import OutsideError


class Network:
    """Addresses 10.x.y.z from a /16 that no other lab on this machine uses."""

    def __init__(self) -> None:
        for second in range(16, 255):
            self._lock = socket.socket()
            try:
                self._lock.bind((f"127.{second}.0.1", 15999))
                self._lock.listen()
            except OSError:
                self._lock.close()
                continue
            self._free = (f"10.{second}.{n // 250}.{n % 250 + 2}" for n in itertools.count(250))
            return
        raise OutsideError("127.16.0.0/12: every network is taken; some lab must end first")

    def address(self) -> str:
        """One that no pod of this lab ever had, so that an old connection meets nobody new."""
        return next(self._free)

    def close(self) -> None:
        self._lock.close()


def loopback(address: str) -> str:
    """Where the sockets of a pod's ``address`` are; any other address stays as it is."""
    return f"127.{address.removeprefix('10.')}" if address.startswith("10.") else address
