"""JSON Patch (RFC 6902) on a document that is never changed in place.

Containers on the way to a change are copied, all others are shared with the old document, so that
comparing old and new later costs what the change costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MISSING = object()


class PatchFailedError(Exception):
    """The patch is well-formed and does not fit: a ``test`` failed, a path is gone."""


class PatchFormError(Exception):
    """What was sent is not a JSON Patch."""


def apply(document: Any, patch: Any) -> Any:
    """The patched document; raises PatchFormError or PatchFailedError and then changed nothing."""
    if not isinstance(patch, Sequence) or isinstance(patch, str):
        raise PatchFormError("a JSON Patch is a list of operations")
    for operation in patch:
        document = _step(document, operation)
    return document


def _step(document: Any, operation: Any) -> Any:
    if not isinstance(operation, Mapping) or not isinstance(operation.get("path"), str):
        raise PatchFormError(f"an operation is an object with op and path, got {operation!r:.80}")
    path = parts(operation["path"])
    match operation.get("op"):
        case "add":
            return _added(document, path, _value(operation))
        case "remove":
            return _removed(document, path)
        case "replace":
            return _replaced(document, path, _value(operation))
        case "test":
            return _tested(document, path, operation.get("value"))
        case "move":
            source = parts(str(operation.get("from")))
            return _added(_removed(document, source), path, _found(document, source))
        case "copy":
            return _added(document, path, _found(document, parts(str(operation.get("from")))))
        case other:
            raise PatchFailedError(f"there is no operation {other!r}")


def _value(operation: Mapping[str, Any]) -> Any:
    return operation.get("value")


def parts(text: str) -> list[str]:
    """RFC 6901: ``~1`` is a slash, ``~0`` a tilde, in this order."""
    if text == "":
        return []
    if not text.startswith("/"):
        raise PatchFailedError(f"path {text!r} does not start with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _tested(document: Any, path: list[str], wanted: Any) -> Any:
    found = _looked_up(document, path)
    if found is _MISSING and wanted is None:
        return document
    if found is _MISSING or not _same(found, wanted):
        raise PatchFailedError(f"testing value /{'/'.join(path)} failed: test failed")
    return document


def _same(left: Any, right: Any) -> bool:
    """JSON equality: Python holds ``True == 1``, JSON does not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _looked_up(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _MISSING
    return document


def _found(document: Any, path: list[str]) -> Any:
    found = _looked_up(document, path)
    if found is _MISSING:
        raise _gone("read", path)
    return found


def _gone(verb: str, path: list[str]) -> PatchFailedError:
    return PatchFailedError(
        f"{verb} operation does not apply: doc is missing path: /{'/'.join(path)}"
    )


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    return _changed(document, path, lambda holder, last: _insert(holder, last, value, path))


def _insert(holder: Any, last: str, value: Any, path: list[str]) -> None:
    if isinstance(holder, dict):
        holder[last] = value
        return
    index = len(holder) if last == "-" else _index(last, path)
    if index > len(holder):
        raise _gone("add", path)
    holder.insert(index, value)


def _removed(document: Any, path: list[str]) -> Any:
    if not path or _looked_up(document, path) is _MISSING:
        raise _gone("remove", path)
    return _changed(document, path, _delete)


def _delete(holder: Any, last: str) -> None:
    if isinstance(holder, dict):
        del holder[last]
    else:
        del holder[int(last)]


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    """As the real server does it: in a map ``replace`` also adds, in a list it does not.

    Source: evanphx/json-patch v4, partialDoc.get; seen by tests/contract.
    """
    if not path:
        return value
    holder = _looked_up(document, path[:-1])
    if not isinstance(holder, dict) and _looked_up(document, path) is _MISSING:
        raise _gone("replace", path)
    return _changed(document, path, lambda holder, last: _assign(holder, last, value))


def _assign(holder: Any, last: str, value: Any) -> None:
    holder[last if isinstance(holder, dict) else int(last)] = value


def _changed(document: Any, path: list[str], change: Any) -> Any:
    """``document`` with the container at the path's end copied and changed."""
    if not isinstance(document, dict | list):
        raise _gone("add", path)
    holder = document.copy()
    head, *rest = path
    if not rest:
        change(holder, head)
        return holder
    below = _looked_up(document, [head])
    if below is _MISSING:
        raise _gone("add", path)
    _assign(holder, head, _changed(below, rest, change))
    return holder


def _index(text: str, path: list[str]) -> int:
    if not text.isdecimal():
        raise _gone("add", path)
    return int(text)
