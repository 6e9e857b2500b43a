"""The ROL rules as a table: what is looked at before a journey starts, and what a finding does."""

from collections.abc import Iterable

from rollout.model.finding import Finding
from rollout.model.spec import UNAVOIDABLE
from rollout.preflight import (
    effect,
    matching,
    owners,
    pods,
    policies,
    ports,
    routes,
    subsets,
    templates,
)
from rollout.preflight.snapshot import Case
from rollout.rules import BLOCK, INFO, WARN, Book, Rule

PAGE = "docs/rules.md"


RULES: tuple[Rule[Case], ...] = (
    Rule("ROL-001", BLOCK, pods.version_label),
    Rule("ROL-001", WARN, pods.app_label),
    Rule("ROL-002", BLOCK, ports.no_http),
    Rule("ROL-002", WARN, ports.half_http),
    Rule("ROL-002", WARN, ports.deaf),
    Rule("ROL-002", WARN, ports.unnamed),
    Rule("ROL-003", WARN, pods.clashing_services),
    Rule("ROL-004", WARN, pods.no_proxy),
    Rule("ROL-005", WARN, pods.reserved),
    Rule("ROL-006", WARN, pods.headless),
    Rule("ROL-010", BLOCK, subsets.missing_subset),
    Rule("ROL-010", BLOCK, subsets.unknown_elsewhere),
    Rule("ROL-010", WARN, subsets.unused_subset),
    Rule("ROL-011", BLOCK, subsets.empty_subset),
    Rule("ROL-012", WARN, subsets.several_rules),
    Rule("ROL-013", WARN, subsets.elsewhere),
    Rule("ROL-013", WARN, subsets.hidden),
    Rule("ROL-014", WARN, subsets.overlapping),
    Rule("ROL-020", WARN, routes.no_mesh),
    Rule("ROL-021", WARN, routes.past_us),
    Rule("ROL-023", BLOCK, effect.dead, by_files=True),
    Rule("ROL-023", WARN, effect.half_dead),
    Rule("ROL-024", WARN, routes.spelling),
    Rule("ROL-025", WARN, routes.unlisted),
    Rule("ROL-026", BLOCK, matching.field_as_header, by_files=True),
    Rule("ROL-026", WARN, matching.half_as_header),
    Rule("ROL-026", WARN, matching.underscore),
    Rule("ROL-027", WARN, matching.not_re2),
    Rule("ROL-028", WARN, matching.whole_cookie),
    Rule("ROL-029", BLOCK, routes.same_host),
    Rule("ROL-030", WARN, subsets.hashing),
    Rule("ROL-031", INFO, routes.propagation),
    Rule("ROL-032", WARN, subsets.ejection),
    Rule("ROL-033", WARN, subsets.pools),
    Rule("ROL-034", BLOCK, routes.leftover_fault),
    Rule("ROL-034", WARN, routes.leftover_mirror),
    Rule("ROL-035", WARN, routes.many_retries),
    Rule("ROL-036", BLOCK, routes.odd_weights),
    Rule("ROL-036", BLOCK, ports.which),
    Rule("ROL-036", WARN, ports.any_of_several),
    Rule("ROL-037", BLOCK, routes.unmanageable, by_files=True),
    Rule("ROL-037", BLOCK, routes.unwritable, by_files=True),
    Rule("ROL-037", BLOCK, routes.orphan),
    Rule("ROL-038", BLOCK, effect.empty_step, by_files=True),
    Rule("ROL-038", WARN, effect.lost_cohort),
    Rule("ROL-038", WARN, effect.unsent, by_files=True),
    Rule("ROL-040", WARN, subsets.plain_text),
    Rule("ROL-041", WARN, pods.probes),
    Rule("ROL-042", WARN, policies.uncovered),
    Rule("ROL-043", WARN, policies.hidden),
    Rule("ROL-044", WARN, pods.mesh_revisions),
    Rule("ROL-046", WARN, subsets.locality),
    Rule("ROL-050", BLOCK, owners.reverted),
    Rule("ROL-050", WARN, owners.perhaps_reverted),
    Rule("ROL-051", BLOCK, pods.no_hand_over),
    Rule("ROL-051", WARN, pods.autoscaler),
    Rule("ROL-051", WARN, pods.left_behind),
    Rule("ROL-052", WARN, pods.unready),
    Rule("ROL-054", WARN, policies.lost_tags),
    Rule("ROL-055", BLOCK, effect.no_counters, by_files=True),
    Rule("ROL-056", BLOCK, templates.unusable),
    Rule("ROL-060", BLOCK, routes.claimed),
    Rule("ROL-061", WARN, routes.pinned),
    Rule("ROL-062", WARN, matching.claim_in_mesh),
    Rule("ROL-063", BLOCK, pods.mesh_moves),
)
"""In the order of their ids; an id comes twice where one rule can block or warn."""

BOOK = Book(RULES, UNAVOIDABLE)


def findings(case: Case, rules: Iterable[Rule[Case]] = RULES) -> tuple[Finding, ...]:
    """What the rules find, blocks first, each sentence once; empty when all is well.

    A block that a person has overruled is a warning with the reason.
    """
    return BOOK.findings(case, case.overruled, rules)


def page(rule: str) -> str:
    """Where the rule is explained, in the repository."""
    return f"{PAGE}#{rule.lower()}"
