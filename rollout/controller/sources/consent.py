"""A commit that lets fewer or other people approve is no word of theirs: their rule stays.

Who may push to a repository is not who approves releases from it. So all else of such a commit is
in force at once, a way back above all, and the strategy with its approvals stays as it was, until
a person who may change the source lets the commit through.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rollout import approvals, strategies
from rollout.approvals import Guard
from rollout.errors import ManifestError
from rollout.manifest import objects
from rollout.model.source import Document
from rollout.model.spec import Rollout

Json = Mapping[str, Any]


def kept(document: Document, live: Json | None) -> tuple[Document, str]:
    """What of ``document`` may be in force now, and which approval it would ease; empty: none.

    ``live``: the object as it is in the cluster; None: there is none, and so no rule.
    """
    if live is None or document.kind != "Rollout":
        return document, ""
    spec = live.get("spec")
    if not isinstance(spec, Mapping) or spec.get("strategy") == document.spec.get("strategy"):
        return document, ""
    eased = approvals.eased(guards(spec), guards(document.spec))
    if eased is None:
        return document, ""
    mixed = {**document.spec, "strategy": spec["strategy"]}
    whole = mixed if _read(mixed) else spec
    return replace(document, spec=whole), f"asks less of people than {_words(eased)}"


def lost(live: Json) -> str:
    """Which approval goes with the object ``live``; empty: none."""
    spec = live.get("spec")
    found = guards(spec) if live.get("kind") == "Rollout" and isinstance(spec, Mapping) else ()
    return f"asks nobody any more: {_words(found[0])} goes with it" if found else ""


def guards(spec: Json) -> tuple[Guard, ...]:
    """The approvals of a Rollout's spec in order; of one that cannot be read, none."""
    rollout = _read(spec)
    return tuple(
        Guard(stop.route.split.canary, stop.step.approval)
        for stop in (strategies.plan(rollout.spec.strategy).stops if rollout else ())
        if stop.step.approval is not None
    )


def _read(spec: Json) -> Rollout | None:
    """None: it cannot be read."""
    try:
        return objects.rollout({"metadata": {}, "spec": spec})
    except ManifestError:
        return None


def _words(guard: Guard) -> str:
    people = ", ".join(guard.approval.approvers) or "anyone"
    return f"the approval at {guard.share}% (quorum {guard.approval.quorum} of {people})"
