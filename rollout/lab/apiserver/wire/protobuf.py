"""Bodies in Kubernetes' protobuf form, as ``kubectl create`` and ``kubectl auth`` send them.

Only the fields that such clients fill in are known; a body with any other is refused, never cut.
Answers are JSON, which these clients take as well.
Source: Kubernetes docs, "Kubernetes API Concepts", section "Kubernetes Protobuf encoding"; field
numbers as in the generated.proto of each API group, compared with a real server by tests/contract.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from rollout.lab.apiserver.problems import Problem

JsonObject = dict[str, Any]

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# A field is "name type": s text, i whole number, i0 the same with zero kept, b truth, n a number or
# a text, map text by text, bytes binary by text, - what only the server writes and nobody may send,
# or a message; * is a list.
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "ObjectMeta": {
        1: "name s",
        2: "generateName s",
        3: "namespace s",
        4: "selfLink s",
        5: "uid s",
        6: "resourceVersion s",
        7: "generation i",
        8: "creationTimestamp -",
        11: "labels map",
        12: "annotations map",
        14: "finalizers *s",
        17: "managedFields -",
    },
    "Namespace": {1: "metadata ObjectMeta", 2: "spec NamespaceSpec", 3: "status NamespaceStatus"},
    "NamespaceSpec": {1: "finalizers *s"},
    "NamespaceStatus": {1: "phase s"},
    "ConfigMap": {1: "metadata ObjectMeta", 2: "data map", 3: "binaryData bytes", 4: "immutable b"},
    "Secret": {
        1: "metadata ObjectMeta",
        2: "data bytes",
        3: "type s",
        4: "stringData map",
        5: "immutable b",
    },
    "ServiceAccount": {1: "metadata ObjectMeta"},
    "Service": {1: "metadata ObjectMeta", 2: "spec ServiceSpec", 3: "status Empty"},
    "ServiceSpec": {
        1: "ports *ServicePort",
        2: "selector map",
        3: "clusterIP s",
        4: "type s",
        7: "sessionAffinity s",
        8: "loadBalancerIP s",
        10: "externalName s",
        18: "clusterIPs *s",
    },
    "ServicePort": {1: "name s", 2: "protocol s", 3: "port i", 4: "targetPort n", 5: "nodePort i"},
    "Deployment": {1: "metadata ObjectMeta", 2: "spec DeploymentSpec", 3: "status Empty"},
    "DeploymentSpec": {
        1: "replicas i0",
        2: "selector LabelSelector",
        3: "template PodTemplate",
        4: "strategy Strategy",
        5: "minReadySeconds i",
        6: "revisionHistoryLimit i0",
        7: "paused b",
        9: "progressDeadlineSeconds i0",
    },
    "LabelSelector": {1: "matchLabels map"},
    "Strategy": {1: "type s", 2: "rollingUpdate RollingUpdate"},
    "RollingUpdate": {1: "maxUnavailable n", 2: "maxSurge n"},
    "PodTemplate": {1: "metadata ObjectMeta", 2: "spec PodSpec"},
    "PodSpec": {
        2: "containers *Container",
        3: "restartPolicy s",
        4: "terminationGracePeriodSeconds i0",
        6: "dnsPolicy s",
        8: "serviceAccountName s",
        9: "serviceAccount s",
        14: "securityContext Empty",
        19: "schedulerName s",
    },
    "Container": {
        1: "name s",
        2: "image s",
        3: "command *s",
        4: "args *s",
        5: "workingDir s",
        6: "ports *ContainerPort",
        7: "env *EnvVar",
        8: "resources Empty",
        13: "terminationMessagePath s",
        14: "imagePullPolicy s",
        20: "terminationMessagePolicy s",
    },
    "ContainerPort": {1: "name s", 2: "hostPort i", 3: "containerPort i", 4: "protocol s"},
    "EnvVar": {1: "name s", 2: "value s"},
    "PodDisruptionBudget": {1: "metadata ObjectMeta", 2: "spec BudgetSpec", 3: "status Empty"},
    "BudgetSpec": {1: "minAvailable n", 2: "selector LabelSelector", 3: "maxUnavailable n"},
    "SelfSubjectAccessReview": {1: "metadata ObjectMeta", 2: "spec ReviewSpec", 3: "status Empty"},
    "ReviewSpec": {1: "resourceAttributes Attributes", 2: "nonResourceAttributes Path"},
    "Attributes": {
        1: "namespace s",
        2: "verb s",
        3: "group s",
        4: "version s",
        5: "resource s",
        6: "subresource s",
        7: "name s",
    },
    "Path": {1: "path s", 2: "verb s"},
    "Empty": {},
    # The wrapper around every body, and its parts.
    "Unknown": {1: "typeMeta TypeMeta", 2: "raw raw", 3: "contentEncoding s", 4: "contentType s"},
    "TypeMeta": {1: "apiVersion s", 2: "kind s"},
    "IntOrString": {1: "type i", 2: "intVal i", 3: "strVal s"},
    "MapEntry": {1: "key s", 2: "value s"},
    "BytesEntry": {1: "key s", 2: "value raw"},
}

Value = int | bytes


def parsed(body: bytes) -> JsonObject:
    """The object in ``body``; raises a 415 for a kind or a field that is not known here."""
    if not body.startswith(_MAGIC):
        raise _refused("the body does not start with the four bytes that every one starts with")
    try:
        whole = _message(body[len(_MAGIC) :], "Unknown")
        kind = whole["typeMeta"]["kind"]
        found = _message(whole.get("raw", b""), kind)
    except (KeyError, IndexError, UnicodeDecodeError) as error:
        raise _refused(f"{error!r:.80} is unknown; send JSON") from error
    return {**whole["typeMeta"], **found}


def _refused(why: str) -> Problem:
    return Problem(415, "UnsupportedMediaType", f"protobuf: {why}")


def _message(data: bytes, name: str) -> JsonObject:
    """``data`` as the message ``name``; a KeyError for a message or a field that is not known."""
    rules = _MESSAGES[name]
    found: JsonObject = {}
    for number, value in _fields(data):
        if number not in rules:
            if value not in (0, b""):
                raise KeyError(f"field {number} of {name}")
            continue
        field, rule = rules[number].split()
        _add(found, field, rule, value)
    return found


def _add(found: JsonObject, field: str, rule: str, value: Value) -> None:
    if rule.startswith("*"):
        found.setdefault(field, []).append(_value(rule[1:], value))
    elif rule in ("map", "bytes"):
        entry = _message(_raw(value), "MapEntry" if rule == "map" else "BytesEntry")
        content = entry.get("value", "")
        text = content if rule == "map" else b64encode(content or b"").decode()
        found.setdefault(field, {})[entry.get("key", "")] = text
    elif (one := _value(rule, value)) not in ("", 0, False, None) or rule in ("i0", "n"):
        found[field] = one


def _value(rule: str, value: Value) -> Any:
    match rule:
        case "s":
            return _raw(value).decode()
        case "raw":
            return value
        case "i" | "i0":
            return value
        case "b":
            return bool(value)
        case "-":
            return None
        case "n":
            number = _message(_raw(value), "IntOrString")
            return number.get("strVal", "") if number.get("type") else number.get("intVal", 0)
    return _message(_raw(value), rule)


def _raw(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Field numbers and contents; whole numbers are varints, all else has a length before it.

    Source: protobuf.dev, "Encoding".
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise IndexError("a field is cut off")
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise KeyError(f"wire type {tag & 7}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
