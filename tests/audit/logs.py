"""Audit logs for tests: records, and the lines of a chain that has them."""

import json
from datetime import timedelta
from pathlib import Path

from rollout.audit.verify import File
from rollout.edges.auditlog import FileLog, lines
from rollout.model.audit import Act, Proof, Record
from tests import make


def a_record(number: int, **changes: object) -> Record:
    """The ``number``-th decision of the rollout shop/shop."""
    plain: dict[str, object] = {
        "id": f"u1.1.{number}",
        "at": make.START + timedelta(minutes=number),
        "act": Act.DECISION,
        "kind": "Rollout",
        "object": "shop/shop",
        "uid": "u1",
        "proof": Proof.CONTROLLER,
        "because": f"decision {number}",
        "epoch": number,
    }
    return Record(**{**plain, **changes})  # type: ignore[arg-type]


def a_log(path: Path, name: str = "c1") -> FileLog:
    return FileLog(path, name, lambda: make.START)


def written(path: Path, count: int) -> list[bytes]:
    """The lines of a log with so many records, after two of its own."""
    log = a_log(path)
    log.open()
    log.append([a_record(number) for number in range(1, count + 1)])
    log.close()
    return list(lines(path))


def a_file(log: list[bytes], name: str = "audit.jsonl") -> File:
    return File(name, log)


def acts(path: Path) -> list[str]:
    """What the lines of a log are, by name or by the record's id."""

    bodies = (json.loads(line) for line in lines(path))
    return [str(body.get("id", body["act"])) for body in bodies]
