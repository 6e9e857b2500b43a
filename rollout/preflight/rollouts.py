"""The ROL rules as a table: what is looked at before a journey starts, and what a finding does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rollout.model.observation import Finding, Severity
from rollout.preflight import pods, policies, routes, subsets
from rollout.preflight.snapshot import Case

PAGE = "docs/rules.md"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; its sources are in the docstring of ``check`` and in ``facts/istio.md`` 5.

    ``check``: one sentence per finding, each with its object in front.
    """

    id: str
    severity: Severity
    check: Callable[[Case], Iterator[str]]


BLOCK, WARN, INFO = Severity.BLOCK, Severity.WARN, Severity.INFO

RULES = (
    Rule("ROL-001", BLOCK, pods.version_label),
    Rule("ROL-001", WARN, pods.app_label),
    Rule("ROL-002", BLOCK, pods.tcp_port),
    Rule("ROL-002", WARN, pods.unnamed_port),
    Rule("ROL-003", WARN, pods.clashing_services),
    Rule("ROL-004", WARN, pods.no_proxy),
    Rule("ROL-005", WARN, pods.reserved),
    Rule("ROL-006", WARN, pods.headless),
    Rule("ROL-010", BLOCK, subsets.missing_subset),
    Rule("ROL-010", BLOCK, subsets.unknown_elsewhere),
    Rule("ROL-011", BLOCK, subsets.empty_subset),
    Rule("ROL-012", WARN, subsets.several_rules),
    Rule("ROL-013", WARN, subsets.elsewhere),
    Rule("ROL-013", WARN, subsets.hidden),
    Rule("ROL-014", WARN, subsets.overlapping),
    Rule("ROL-020", WARN, routes.no_mesh),
    Rule("ROL-021", WARN, routes.past_us),
    Rule("ROL-023", BLOCK, routes.dead),
    Rule("ROL-024", WARN, routes.spelling),
    Rule("ROL-025", WARN, routes.unlisted),
    Rule("ROL-026", BLOCK, routes.ignored_header),
    Rule("ROL-027", WARN, routes.not_re2),
    Rule("ROL-028", WARN, routes.whole_cookie),
    Rule("ROL-029", BLOCK, routes.same_host),
    Rule("ROL-030", WARN, subsets.hashing),
    Rule("ROL-031", INFO, routes.propagation),
    Rule("ROL-032", WARN, subsets.ejection),
    Rule("ROL-033", WARN, subsets.pools),
    Rule("ROL-034", BLOCK, routes.leftover_fault),
    Rule("ROL-034", WARN, routes.leftover_mirror),
    Rule("ROL-035", WARN, routes.many_retries),
    Rule("ROL-036", BLOCK, routes.odd_weights),
    Rule("ROL-036", BLOCK, routes.which_port),
    Rule("ROL-036", WARN, routes.any_port),
    Rule("ROL-037", BLOCK, routes.unmanageable),
    Rule("ROL-037", BLOCK, routes.unwritable),
    Rule("ROL-037", BLOCK, routes.orphan),
    Rule("ROL-040", WARN, subsets.plain_text),
    Rule("ROL-041", WARN, pods.probes),
    Rule("ROL-042", WARN, policies.uncovered),
    Rule("ROL-043", WARN, policies.hidden),
    Rule("ROL-044", WARN, pods.mesh_revisions),
    Rule("ROL-046", WARN, subsets.locality),
    Rule("ROL-050", BLOCK, routes.reverted),
    Rule("ROL-050", WARN, routes.perhaps_reverted),
    Rule("ROL-051", BLOCK, pods.no_hand_over),
    Rule("ROL-051", WARN, pods.autoscaler),
    Rule("ROL-051", WARN, pods.left_behind),
    Rule("ROL-052", WARN, pods.unready),
    Rule("ROL-054", WARN, policies.lost_tags),
    Rule("ROL-060", BLOCK, routes.claimed),
    Rule("ROL-061", WARN, routes.pinned),
)
"""In the order of their ids; an id comes twice where one rule can block or warn."""

_ORDER = (BLOCK, WARN, INFO)


def findings(case: Case) -> tuple[Finding, ...]:
    """What the rules find, blocks first, each sentence once; empty when all is well.

    A rule that stumbles over an object it cannot read says so and stops no other rule.
    """
    found = {f: None for rule in RULES for f in _found(rule, case)}
    return tuple(sorted(found, key=lambda f: (_ORDER.index(f.severity), f.rule)))


def _found(rule: Rule, case: Case) -> list[Finding]:
    try:
        return [Finding(rule.id, rule.severity, text) for text in rule.check(case)]
    except Exception as broken:
        # The API server checks shapes, but not of every field; one odd object must not end a look.
        found = f"{type(broken).__name__}: {broken}"
        text = f"could not be judged: an object has an unexpected shape ({found})"
        return [Finding(rule.id, WARN, text)]


def page(rule: str) -> str:
    """Where the rule is explained, in the repository."""
    return f"{PAGE}#{rule.lower()}"
