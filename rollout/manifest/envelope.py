"""What surrounds a spec: apiVersion, kind and metadata; and whose document it is."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.manifest import complaints, schema
from rollout.manifest.scan import Mistake, show
from rollout.model.spec import GROUP, VERSION

API_VERSION = f"{GROUP}/{VERSION}"

LONGEST = 53  # names made from it stay under 63
NAME = r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?"
_NAME = re.compile(NAME)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123, a label
_PREFIX = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?"
_KEY = re.compile(_PREFIX + r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_TOP = ("apiVersion", "kind", "metadata", "spec")
_METADATA = ("name", "namespace", "labels", "annotations")


def stranger(value: object) -> str:
    """Why the document is none of ours, in words; empty when it is, or was meant to be."""
    if not isinstance(value, Mapping):
        return "is no Kubernetes object"
    version, kind = value.get("apiVersion"), value.get("kind")
    group = version.partition("/")[0][:64] if isinstance(version, str) else ""
    if difflib.SequenceMatcher(None, group, GROUP).ratio() > 0.8:
        return ""
    if not group and schema.is_kind(kind):
        return ""
    if is_namesake(value):
        whose = f"Argo's {kind}" if group == "argoproj.io" else f"a {kind} of {show(group)}"
        return f"is {whose} and not ours, which is of {API_VERSION}"
    if not group or not isinstance(kind, str):
        return "is no Kubernetes object"
    return f"{show(kind)} of {show(version)} is not ours"


def is_namesake(value: object) -> bool:
    """Whether it is another project's kind of a name that ours has, too: Argo's Rollout."""
    if not isinstance(value, Mapping) or not schema.is_kind(value.get("kind")):
        return False
    version = value.get("apiVersion")
    return isinstance(version, str) and "/" in version and version.partition("/")[0] != GROUP


def mistakes(value: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong around the spec of a document of ours."""
    if (version := value.get("apiVersion")) != API_VERSION:
        found = "is missing" if version is None else f"is {show(version)}"
        yield Mistake(("apiVersion",), found, f"{API_VERSION} is wanted")
    kind = value.get("kind")
    if not schema.is_kind(kind):
        found = "is missing" if kind is None else f"is {show(kind)}"
        wanted = complaints.did_you_mean(str(kind), tuple(schema.KINDS))
        yield Mistake(("kind",), found, wanted)
    if "spec" not in value:
        yield Mistake(("spec",), "is missing", "it is required")
    if "status" in value:
        yield Mistake(("status",), "is the controller's to write", "leave it out")
    for key in value:
        if key not in (*_TOP, "status"):
            yield Mistake((key,), "is unknown", complaints.did_you_mean(key, _TOP))
    metadata = value.get("metadata")
    yield from _metadata(metadata)
    if (
        schema.is_kind(kind)
        and not schema.KINDS[kind].namespaced
        and "namespace" in lenient.mapping(metadata)
    ):
        wanted = f"leave it out: a {kind} is the whole cluster's"
        yield Mistake(("metadata", "namespace"), "is not taken", wanted)


def _metadata(value: object) -> Iterator[Mistake]:
    if not isinstance(value, Mapping):
        yield Mistake(("metadata",), "is missing or no mapping", "metadata with a name is wanted")
        return
    for key in value:
        if key not in _METADATA:
            wanted = complaints.did_you_mean(key, _METADATA)
            yield Mistake(("metadata", key), "is unknown", wanted)
    yield from _name("name", value.get("name"), _NAME, LONGEST)
    if "namespace" in value:
        yield from _name("namespace", value["namespace"], _NAMESPACE, 63)
    for field in ("labels", "annotations"):
        yield from _words(field, value.get(field))


def _name(field: str, value: object, pattern: re.Pattern[str], most: int) -> Iterator[Mistake]:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        found = "is missing" if value is None else f"is {complaints.kind_of(value)}"
        wanted = f"a-z, 0-9 and -, at most {most} characters"
        yield Mistake(("metadata", field), found, wanted)


def _words(field: str, value: object) -> Iterator[Mistake]:
    if value is not None and not isinstance(value, Mapping):
        yield Mistake(("metadata", field), f"is {show(value)}", "a mapping is wanted")
    for key, word in lenient.mapping(value).items():
        here = ("metadata", field, key)
        if not isinstance(word, str):
            yield Mistake(
                here, f"is {complaints.kind_of(word)}", "text is wanted: put it in quotes"
            )
        elif _KEY.fullmatch(key) is None:
            yield Mistake(
                here, "has a key Kubernetes refuses", "a key like team or example.com/team"
            )
        elif key.partition("/")[0] == GROUP and "/" in key:
            yield Mistake(here, "is the controller's to write", "leave it out")
        elif field == "labels" and _LABEL.fullmatch(word) is None:
            yield Mistake(here, f"is {show(word)}", "at most 63 of A-Z, a-z, 0-9, -, _ and .")
