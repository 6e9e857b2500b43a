"""PromQL for counters: one expression for many workloads, and arguments that stay arguments.

Labels and counters as in Istio's documentation, "Istio Standard Metrics".
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from rollout.model.observation import View

REQUESTS = "istio_requests_total"
DURATIONS = "istio_request_duration_milliseconds"
BY = "pod, instance, destination_workload, destination_workload_namespace"
BY_GATEWAY = "pod, instance, cluster, source_workload, source_workload_namespace"
_BY = {View.SOURCE: BY, View.DESTINATION: BY, View.GATEWAY: BY_GATEWAY}
_POD = {
    View.SOURCE: "pod, instance",
    View.DESTINATION: "pod, instance",
    View.GATEWAY: "pod, instance, cluster",  # pods of two clusters may well be called alike
}
PART = "rollout_part"  # our label: which part of the union a series belongs to
BAD, TOTAL, SEEN = "bad", "total", "seen"

# UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS:
# the server's faults among grpc/grpc's status codes.
GRPC_FAULTS = "2|4|8|12|13|14|15"
FAULTS = (
    'response_code=~"5.."',
    'response_code="0",response_flags!~"(.*,)?DC(,.*)?"',  # no answer, and not the client that left
    f'request_protocol="grpc",grpc_response_status=~"{GRPC_FAULTS}"',
)


class TemplateError(ValueError):
    """A ``{{name}}`` that is unknown, or whose value cannot be one token where it stands."""


SPACES = "pod, instance, destination_workload_namespace"  # whole namespaces, whatever is in them


def errors(view: View, workloads: Collection[tuple[str, str]]) -> str:
    """All and bad requests of ``workloads`` (namespace, name), by reporting pod, in one query.

    Names that are empty, as all or none are: of whole namespaces.
    """
    where, by, pod = _where(view, workloads), _by(view, workloads), _POD[view]
    bad = " or ".join(f"{REQUESTS}{{{where},{fault}}}" for fault in FAULTS)
    series = f"{REQUESTS}{{{where}}}"
    return _union(
        (TOTAL, f"sum by ({by}) ({series})"),
        (BAD, f"sum by ({by}) ({bad})"),
        (SEEN, f"max by ({pod}) (timestamp({series}))"),
    )


def slow(view: View, workloads: Collection[tuple[str, str]], bounds: Sequence[timedelta]) -> str:
    """Requests up to each of ``bounds`` and all of them (``le="+Inf"``), by reporting pod.

    No bounds: every bucket there is.
    """
    where, by, pod = _where(view, workloads), _by(view, workloads), _POD[view]
    buckets = f",le=~{quoted(_les(bounds))}" if bounds else ""
    ends = f'{DURATIONS}_bucket{{{where},le="+Inf"}}'
    return _union(
        (TOTAL, f"sum by ({by}, le) ({DURATIONS}_bucket{{{where}{buckets}}})"),
        (SEEN, f"max by ({pod}) (timestamp({ends}))"),
    )


NO_ENDPOINT = "UH|UF|NR|NC|UO"  # Envoy: no healthy host, no connection, route or cluster, overflow


def unreached(hosts: Iterable[str]) -> str:
    """All requests to services, and those that found no endpoint, as their clients saw it.

    Their workload is "unknown" (istio #28387), so that they can only be told apart by service.
    """
    where = f'reporter="source",destination_service=~{_one_of(sorted(set(hosts)))}'
    lost = f'destination_workload="unknown",response_flags=~"(.*,)?({NO_ENDPOINT})(,.*)?"'
    by = "pod, instance, destination_service"
    series = f"{REQUESTS}{{{where}}}"
    return _union(
        (TOTAL, f"sum by ({by}) ({series})"),
        (BAD, f"sum by ({by}) ({REQUESTS}{{{where},{lost}}})"),
        (SEEN, f"max by (pod, instance) (timestamp({series}))"),
    )


def custom(bad: str, total: str, names: Mapping[str, str]) -> str:
    """A metric's own two counters for one revision; ``names`` fills in what they leave open."""
    return _union((TOTAL, fill(total, names)), (BAD, fill(bad, names)))


def _union(*parts: tuple[str, str]) -> str:
    """One query for several vectors, told apart by our own label."""
    return " or ".join(
        f'label_replace({promql}, "{PART}", "{part}", "", "")' for part, promql in parts
    )


def _by(view: View, workloads: Collection[tuple[str, str]]) -> str:
    """The labels by which counters are summed: of workloads, or of whole namespaces."""
    whole = view is not View.GATEWAY and not any(name for _, name in workloads)
    return SPACES if whole else _BY[view]


def _where(view: View, workloads: Collection[tuple[str, str]]) -> str:
    """The selector of many workloads; the pair is checked again when the answer is read."""
    pairs = sorted(set(workloads))
    if view is View.GATEWAY:
        return _where_gateways(name for _, name in pairs)
    spaces = _one_of(sorted({namespace for namespace, _ in pairs}))
    names = _one_of([name for _, name in pairs])
    where = f"reporter={quoted(view.value)},destination_workload_namespace=~{spaces}"
    if not any(name for _, name in pairs):
        return where
    return f"{where},destination_workload=~{names}"


def _where_gateways(names: Iterable[str]) -> str:
    """The selector of gateways by ``cluster/namespace/workload``: what they passed on, or not."""
    clusters, spaces, workloads = zip(*(name.split("/") for name in names), strict=True)
    return (
        f'reporter="source",cluster=~{_one_of(clusters)},'
        f"source_workload_namespace=~{_one_of(spaces)},source_workload=~{_one_of(workloads)}"
    )


def _one_of(names: Sequence[str]) -> str:
    return quoted("|".join(re.escape(name).replace("\\-", "-") for name in dict.fromkeys(names)))


def _les(bounds: Sequence[timedelta]) -> str:
    """Prometheus 3 writes ``le="500.0"`` where 2 wrote ``le="500"``; both are matched."""
    numbers = [f"{bound / timedelta(milliseconds=1):.10g}" for bound in bounds]
    forms = [n.replace(".", "\\.") if "." in n else f"{n}(\\.0)?" for n in numbers]
    return "|".join([*forms, "\\+Inf"])


def quoted(value: str) -> str:
    """``value`` as one PromQL string; its syntax is Go's."""
    return '"' + _escaped(value, '"') + '"'


def _escaped(value: str, quote: str) -> str:
    """``value`` for between two ``quote``; Go refuses an escape of the other kind of quote."""
    escapes = {"\\": "\\\\", quote: "\\" + quote, "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    special = {ord(char): escapes.get(char) or _plain(char) for char in set(value)}
    return value.translate(special)  # thousands of characters at every look, few different ones


def _plain(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_PLACE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_.-]*)\s*\}\}")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)|"""
    r"""(?P<place>\{\{\s*[a-zA-Z_][a-zA-Z0-9_.-]*\s*\}\})|(?P<open>["'`])""",
)
_NUMBER_OR_DURATION = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?|([0-9]{1,9}(ms|[smhdwy])){1,7}")


def fill(template: str, values: Mapping[str, str], left: Collection[str] = ()) -> str:
    """``template`` with every ``{{name}}`` replaced by its value, which stays within one token.

    Inside quotes the value is escaped; outside it must be a number or a duration.
    ``left``: which names stay as they are, for a later fill.
    Errors: ``TemplateError``.
    """

    def token(match: re.Match[str]) -> str:
        text = match[0]
        if match["open"]:
            raise TemplateError(f"a string that begins at {text!r} has no end")
        if match["string"]:
            return _PLACE.sub(lambda place: _inside(place, text[0], values, left), text)
        return _bare(match, values, left) if match["place"] else " "

    return _TOKEN.sub(token, template)


def names(template: str) -> tuple[str, ...]:
    """Every ``name`` that ``template`` has a place for, in order."""
    return tuple(_PLACE.findall(template))


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        known = ", ".join(sorted(values)) or "none"
        raise TemplateError(f"{{{{{name}}}}} is unknown; known are {known}")
    return values[name]


def _inside(
    place: re.Match[str], quote: str, values: Mapping[str, str], left: Collection[str]
) -> str:
    if place[1] in left:
        return place[0]
    value = _value(place[1], values)
    if quote == "`":
        if "`" in value or not value.isprintable():
            raise TemplateError(f"{{{{{place[1]}}}}} holds {value!r}; not within back quotes")
        return value
    return _escaped(value, quote)


def _bare(match: re.Match[str], values: Mapping[str, str], left: Collection[str]) -> str:
    name = match[0].strip("{} \t\n")
    if name in left:
        return match[0]
    value = _value(name, values)
    if not _NUMBER_OR_DURATION.fullmatch(value):
        raise TemplateError(
            f"{{{{{name}}}}} is {value!r}; outside quotes a number or a duration is wanted"
        )
    return value
