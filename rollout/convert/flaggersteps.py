"""Flagger's kinds of releases as steps: rising weights, A/B tests, blue-green; and its webhooks.

Source of their meaning: flagger, ``pkg/controller/scheduler.go``; docs.flagger.app, "Deployment
Strategies" and "Webhooks".
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rollout import lenient
from rollout.convert import durations
from rollout.convert.fields import Fate, Fields, Log
from rollout.convert.result import GATED, approval

SHORTEST = 10  # seconds between two checks of Flagger's


def journey(analysis: Fields, log: Log) -> dict[str, Any]:
    """``strategy`` and ``traffic`` of ours, with the approvals that its webhooks ask for."""
    every = max(durations.seconds(analysis.peek("interval")) or 60, SHORTEST)
    rounds = analysis.changed("iterations", int, "bake: so many intervals, and until certified")
    steps = _steps(analysis, every, rounds if rounds and rounds > 0 else 0)
    made: dict[str, Any]
    if steps is None:
        bake, warm = durations.written(every * (rounds or 1)), durations.written(every)
        made = {"blueGreen": {"bake": bake, "keepWarm": warm}}
    else:
        how = GATED if steps else "no weights: our default steps are taken"
        log.add(analysis.path or "spec.analysis", Fate.CHANGED, how)
        made = {"canary": {"steps": steps} if steps else {}}
    _gates(analysis, made, weights=not rounds)
    return {"strategy": made, **_sticky(analysis.sub("sessionAffinity"))}


def _steps(analysis: Fields, every: int, rounds: int) -> list[dict[str, Any]] | None:
    """None: a blue-green, in which nobody meets the new pods before everyone does."""
    bake = durations.written(every * (rounds or 1))
    mirrors = analysis.converted("mirror", bool, "a step that mirrors, before any other")
    share = analysis.peek("mirrorWeight")
    if mirrors:
        analysis.converted("mirrorWeight", int, "how much of it")
        mirror = [{"mirror": f"{share if isinstance(share, int) else 100}%", "bake": bake}]
    else:
        analysis.lost("mirrorWeight", "nothing is mirrored without mirror")
        mirror = []
    if not rounds:
        analysis.lost("match", "Flagger reads it beside iterations alone")
        return [*mirror, *_weights(analysis, durations.seconds(bake) or every)]
    for key in ("stepWeights", "stepWeight", "maxWeight"):
        analysis.lost(key, "Flagger reads it without iterations alone")
    cohorts = [marks for one in analysis.each("match") if (marks := _cohort(one))]
    if cohorts:
        if mirrors:
            analysis.log.add(analysis.at("mirror"), Fate.LOST, "Flagger mirrors in no A/B test")
        return [{"cohorts": cohorts, "bake": bake}]
    return mirror or None


def _weights(analysis: Fields, every: int) -> list[dict[str, Any]]:
    """The rising weights below everyone, each for an interval."""
    analysis.lost("stepWeightPromotion", "everyone is switched at once; the proxies' ack is waited")
    listed = analysis.peek("stepWeights")
    if isinstance(listed, list) and listed:
        analysis.lost("stepWeight", "stepWeights go before it")
        analysis.lost("maxWeight", "the last of stepWeights is the most")
        return [*_listed(analysis, listed, every)]
    step = analysis.converted("stepWeight", int, "weights of the steps")
    most = analysis.converted("maxWeight", int, "the first weight that reaches it is the last")
    wanted = range(step, (most or 100) + step, step) if step and step > 0 else range(0)
    bake = durations.written(every)
    return [{"weight": weight, "bake": bake} for weight in wanted if 0 < weight < 100]


def _listed(analysis: Fields, listed: Sequence[Any], every: int) -> Iterator[dict[str, Any]]:
    """``stepWeights``: one that comes again lasts longer, one that falls is left out."""
    known = [w for w in listed if isinstance(w, int) and not isinstance(w, bool) and 0 < w <= 100]
    rising = [w for n, w in enumerate(known) if w >= max(known[:n], default=0)]
    left = [w for w in listed if w not in rising]
    fate = Fate.CHANGED if left else Fate.CONVERTED
    more = f"; left out, as weights rise: {str(left)[1:-1][:60]}" if left else ""
    analysis.tell("stepWeights", fate, f"weights of the steps; 100 is the promotion{more}")
    for weight in dict.fromkeys(w for w in rising if w < 100):
        yield {"weight": weight, "bake": durations.written(every * rising.count(weight))}


def _cohort(match: Fields) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    headers = match.converted("headers", dict, "a cohort's headers")
    if headers:
        made["headers"] = {str(k).lower(): v for k, v in headers.items()}
    for key, ours_ in (("uri", "path"), ("method", "method")):
        value = match.converted(key, dict, f"a cohort's {ours_}")
        if value:
            made[ours_] = value
    query = match.converted("queryParams", dict, "a cohort's query")
    if query:
        made["query"] = query
    match.lost("ignoreUriCase", "a path is matched as it is written")
    wider = [match.lost(key, _WIDER) for key in _NARROWED_BY]
    return made if made and not any(each is not None for each in wider) else None


_NARROWED_BY = ("sourceLabels", "gateways", "withoutHeaders", "port", "authority", "scheme")
_WIDER = "no cohort can say it, and without it more users would be in it: it is not written"


def _sticky(sticky: Fields) -> dict[str, Any]:
    """``traffic.stickiness``; nothing without a cookie."""
    how = "spec.traffic.stickiness.cookie: stable's users stay where they are, too"
    cookie = sticky.changed("cookieName", str, how)
    age = sticky.converted("maxAge", int, "spec.traffic.stickiness.for")
    sticky.lost("primaryCookieName", "one cookie names the version, for both sides")
    for key in ("domain", "httpOnly", "secure", "partitioned", "path", "sameSite"):
        sticky.lost(key, "our cookie has the attributes that Envoy gives it")
    if not cookie:
        return {}
    kept = {"for": durations.written(age)} if age else {}
    return {"traffic": {"stickiness": {"cookie": cookie, **kept}}}


# People


def _gates(analysis: Fields, made: dict[str, Any], *, weights: bool) -> None:
    """Webhooks: those that confirm become approvals; the rest ask for what only a person knows.

    ``weights``: the release has rising weights, so that an increase may be asked about.
    """
    blue, canary = made.get("blueGreen"), made.get("canary")
    stops: list[dict[str, Any]] = [blue] if blue else (canary or {}).get("steps", [])
    before = False
    for hook in analysis.each("webhooks"):
        kind = lenient.text(hook.peek("type")) or "rollout"
        hook.ignored("name", "type", "url", "timeout", "metadata", "muteAlert", "retries")
        hook.ignored("disableTLS")
        asked = _CONFIRM.get(kind)
        if asked is None or not stops or (kind == "confirm-traffic-increase" and not weights):
            hook.log.add(hook.path, Fate.LOST, _HOOKS.get(kind, _HOOKS["rollout"]))
            continue
        before |= kind != "confirm-promotion"
        rollout_only = kind == "confirm-rollout" and not blue
        at_each = kind == "confirm-traffic-increase"
        for stop in () if rollout_only else stops if at_each else stops[-1:]:
            stop["approval"] = approval()
        hook.log.add(hook.path, Fate.CHANGED, f"{asked}; its URL is not asked: {_ASKED}")
    if before and not blue:
        # Its pods are there and nobody is sent to them.
        stops.insert(0, {"name": "before", "weight": 0, "bake": "0s", "approval": approval()})


_CONFIRM = {
    "confirm-rollout": "an approval before anybody meets the new pods, which are there by then",
    "confirm-promotion": "an approval at the last step",
    "confirm-traffic-increase": "an approval before the first step and at each",
}
_ASKED = "rollout approve, Slack, or an HTTP gate of ours"
_HOOKS = {
    "rollout": "a load test is started by your own pipeline; an HTTP gate (webhook of a step) asks",
    "pre-rollout": "a test before requests: an HTTP gate (webhook) of a first step of weight 0",
    "post-rollout": "spec.notify.webhook is told how it ended",
    "rollback": "rollout abort, by your pipeline or from Slack",
    "event": "spec.notify.webhook is told what happens, signed",
    "confirm-rollout": "no step is known to put an approval in: write approval",
    "confirm-promotion": "no step is known to put an approval in: write approval",
    "confirm-traffic-increase": "Flagger asks it where weights rise: write approval at a step",
}
