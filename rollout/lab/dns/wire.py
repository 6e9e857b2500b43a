"""DNS messages, written and read (RFC 1035); names are compared in lower case, without a last dot.

As much as authoritative answers of A, AAAA, CNAME and SOA need, and a stub resolver's questions.
"""

import ipaddress
import struct
from dataclasses import dataclass, field

A, CNAME, SOA, AAAA, ANY = 1, 5, 6, 28, 255
TYPES = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "SOA": SOA}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100
IN = 1
_HEADER = struct.Struct("!HHHHHH")
_LONGEST = 63  # bytes of a label
_HOPS = 20  # compression pointers followed; more are a loop


class WireError(ValueError):
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One record: ``text`` is an address or a name; of a SOA, its serial number."""

    name: str
    type: int
    ttl: int
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A question, or an answer to one."""

    id: int
    name: str
    type: int
    flags: int = 0
    answers: tuple[Answer, ...] = field(default_factory=tuple)

    @property
    def code(self) -> int:
        """The response code."""
        return self.flags & 0xF


def written(message: Message) -> bytes:
    """``message`` as it goes over the wire."""
    head = _HEADER.pack(message.id, message.flags, 1, len(message.answers), 0, 0)
    question = _name(message.name) + struct.pack("!HH", message.type, IN)
    return head + question + b"".join(_record(one) for one in message.answers)


def _record(one: Answer) -> bytes:
    data = _data(one)
    head = struct.pack("!HHIH", one.type, IN, one.ttl, len(data))
    return _name(one.name) + head + data


def _data(one: Answer) -> bytes:
    if one.type in (A, AAAA):
        return ipaddress.ip_address(one.text).packed
    if one.type == SOA:
        numbers = struct.pack("!IIIII", int(one.text), 7200, 900, 1209600, 60)
        return _name("ns." + one.name) + _name("hostmaster." + one.name) + numbers
    return _name(one.text)


def _name(text: str) -> bytes:
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    if any(len(label) > _LONGEST for label in labels):
        raise WireError(f"{text!r}: a label is longer than {_LONGEST} bytes")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def read(data: bytes) -> Message:
    """The message in ``data``. Errors: ``WireError``."""
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise WireError(f"no message: {error}") from error


def _read(data: bytes) -> Message:
    number, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if questions != 1:
        raise WireError(f"{questions} questions; one is wanted")
    name, at = _name_at(data, _HEADER.size)
    kind, _ = struct.unpack_from("!HH", data, at)
    at += 4
    found = []
    for _ in range(answers):
        one, at = _answer_at(data, at)
        found.append(one)
    return Message(number, name, kind, flags, tuple(found))


def _answer_at(data: bytes, at: int) -> tuple[Answer, int]:
    name, at = _name_at(data, at)
    kind, _, ttl, length = struct.unpack_from("!HHIH", data, at)
    at += 10
    if kind in (A, AAAA):
        text = str(ipaddress.ip_address(data[at : at + length]))
    elif kind == SOA:
        _, after = _name_at(data, _name_at(data, at)[1])
        text = str(struct.unpack_from("!I", data, after)[0])
    else:
        text = _name_at(data, at)[0]
    return Answer(name, kind, ttl, text), at + length


def _name_at(data: bytes, at: int) -> tuple[str, int]:
    """The name at ``at``, and where what follows it begins."""
    labels, end, hops = [], 0, 0
    while (length := data[at]) != 0:
        if length & 0xC0 == 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", data, at)[0] & 0x3FFF
            hops += 1
            if hops > _HOPS:
                raise WireError("a name without an end")
            continue
        labels.append(data[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), end or at + 1
