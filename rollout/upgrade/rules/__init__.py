"""The UPG and GW rules as a table: what is looked at before the mesh is upgraded."""

from collections.abc import Iterable

from rollout.model.finding import Finding
from rollout.model.upgrade import UNAVOIDABLE
from rollout.rules import BLOCK, INFO, WARN, Book, Rule
from rollout.upgrade.rules import dataplane, gateways, injection, paths, planes, remarks
from rollout.upgrade.rules.case import Case

PAGE = "docs/upgrade-preflight.md"

RULES: tuple[Rule[Case], ...] = (
    Rule("UPG-000", BLOCK, paths.unread),
    Rule("UPG-000", WARN, paths.half_read),
    Rule("UPG-001", BLOCK, paths.old_kubernetes),
    Rule("UPG-002", BLOCK, paths.not_allowed),
    Rule("UPG-003", BLOCK, paths.names),
    Rule("UPG-004", BLOCK, paths.in_place),
    Rule("UPG-005", BLOCK, paths.jump),
    Rule("UPG-005", BLOCK, paths.skew),
    Rule("UPG-005", WARN, paths.unknown_version),
    Rule("UPG-006", WARN, paths.young),
    Rule("UPG-010", BLOCK, injection.unreachable),
    Rule("UPG-011", BLOCK, injection.two_labels),
    Rule("UPG-012", BLOCK, injection.dangling),
    Rule("UPG-012", WARN, injection.dangling_and_empty),
    Rule("UPG-013", BLOCK, injection.twice),
    Rule("UPG-014", BLOCK, injection.no_default),
    Rule("UPG-014", BLOCK, injection.split_default),
    Rule("UPG-014", WARN, injection.half_carried),
    Rule("UPG-015", WARN, injection.raw_labels),
    Rule("UPG-015", WARN, injection.own_labels),
    Rule("UPG-016", WARN, injection.every_namespace),
    Rule("UPG-020", BLOCK, injection.deaf_webhooks),
    Rule("UPG-020", BLOCK, injection.judged_by_the_old),
    Rule("UPG-021", WARN, injection.pruned_tags),
    Rule("UPG-022", BLOCK, planes.weak),
    Rule("UPG-022", WARN, planes.unguarded),
    Rule("UPG-023", WARN, planes.heavy_wave),
    Rule("UPG-024", BLOCK, paths.definitions),
    Rule("UPG-024", WARN, paths.adoption),
    Rule("UPG-025", WARN, injection.reset_by_base),
    Rule("UPG-030", BLOCK, planes.filters_of_others),
    Rule("UPG-030", WARN, planes.fragile_filters),
    Rule("UPG-031", BLOCK, planes.labelled),
    Rule("UPG-032", BLOCK, planes.other_root),
    Rule("UPG-032", BLOCK, planes.short_lived),
    Rule("UPG-032", WARN, planes.rotating),
    Rule("UPG-033", BLOCK, planes.breaking_config),
    Rule("UPG-033", WARN, planes.other_config),
    Rule("UPG-033", WARN, planes.unread_config),
    Rule("UPG-034", WARN, planes.strict),
    Rule("UPG-035", BLOCK, planes.no_root_in_namespace),
    Rule("UPG-036", WARN, planes.node_agents),
    Rule("UPG-037", WARN, planes.other_shape),
    Rule("UPG-038", INFO, paths.told),
    Rule("UPG-039", WARN, paths.gateway_api),
    Rule("UPG-040", WARN, remarks.dated),
    Rule("UPG-041", WARN, remarks.broken),
    Rule("UPG-050", BLOCK, dataplane.refused),
    Rule("UPG-050", BLOCK, dataplane.waiting),
    Rule("UPG-050", BLOCK, dataplane.two_proxies),
    Rule("UPG-050", WARN, dataplane.without_proxy),
    Rule("UPG-051", WARN, dataplane.leftovers),
    Rule("UPG-052", WARN, dataplane.immovable),
    Rule("UPG-052", WARN, dataplane.one_by_one),
    Rule("UPG-053", WARN, dataplane.downtime),
    Rule("UPG-053", WARN, dataplane.never_free),
    Rule("UPG-054", BLOCK, dataplane.machines),
    Rule("UPG-054", WARN, dataplane.perhaps_machines),
    Rule("UPG-055", BLOCK, dataplane.clusters),
    Rule("UPG-056", WARN, dataplane.own_proxies),
    Rule("UPG-057", WARN, dataplane.uncovered),
    Rule("UPG-057", WARN, dataplane.missing),
    Rule("UPG-060", BLOCK, dataplane.under_way),
    Rule("UPG-060", WARN, dataplane.woken),
    Rule("UPG-061", BLOCK, dataplane.reverted),
    Rule("UPG-061", WARN, dataplane.perhaps_reverted),
    Rule("UPG-062", WARN, paths.no_metrics),
    Rule("UPG-063", WARN, paths.no_debug),
    Rule("UPG-064", WARN, planes.kept_by_sail),
    Rule("UPG-065", BLOCK, paths.frozen),
    Rule("UPG-066", BLOCK, paths.others),
    Rule("GW-001", BLOCK, gateways.bundled),
    Rule("GW-002", WARN, gateways.not_injected),
    Rule("GW-003", WARN, gateways.scaled),
    Rule("GW-004", BLOCK, gateways.unselected),
    Rule("GW-005", BLOCK, gateways.unguarded),
    Rule("GW-006", BLOCK, gateways.one_owner),
    Rule("GW-007", BLOCK, gateways.follows_the_default),
    Rule("GW-008", WARN, gateways.alone),
    Rule("GW-009", BLOCK, gateways.deaf_to_the_pod),
    Rule("GW-009", WARN, gateways.moved_in_place),
    Rule("GW-010", WARN, gateways.cut_off),
    Rule("GW-011", BLOCK, gateways.by_revision),
    Rule("GW-012", WARN, remarks.clashing),
    Rule("GW-013", BLOCK, gateways.follows_a_wave),
)
"""In the order of their ids; an id comes twice where one rule can block or warn."""

BOOK = Book(RULES, UNAVOIDABLE)


def findings(case: Case, rules: Iterable[Rule[Case]] = RULES) -> tuple[Finding, ...]:
    """What the rules find, blocks first, each sentence once; empty when all is well.

    A block that ``spec.preflight.overrule`` names is a warning with its reason.
    """
    reasons = {each.rule: each.reason for each in case.spec.preflight.overrule}
    return BOOK.findings(case, reasons, rules)


def page(rule: str) -> str:
    """Where the rule is explained, in the repository."""
    return f"{PAGE}#{rule.lower()}"
