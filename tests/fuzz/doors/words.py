"""Words to people: whatever an object says, nothing in Slack, Markdown or a terminal acts by it."""

import contextlib
import io
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from rollout.cli import output
from rollout.errors import RolloutError
from rollout.journeys import rollouts
from rollout.lab.slack import blocks
from rollout.manifest import objects, record
from rollout.messages import commits, explain, journeys, links, markdown, slack, terminal
from rollout.messages.page import rows, sheet
from rollout.model.spec import Approval, Canary, Notify, RolloutSpec, Step, Strategy
from tests import make
from tests.controller.shop import a_rollout
from tests.fuzz import oracle
from tests.fuzz.bites import Bites, spoilt
from tests.play import Play

NOW = make.START + timedelta(hours=1)
ACTS = re.compile(
    r"<(?!@[UW][A-Z0-9]{2,20}>|!subteam\^S[A-Z0-9]{2,20}>|https?://[^<>|\s]+\|[^<>]+>)"
)
"""What Slack would act on, and we never mean: a ``<`` that begins nothing of ours."""


@cache
def _sample() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A Rollout in mid-journey and its status, as the API server keeps them."""
    asking = Approval(slack="#releases", approvers=("U0ANN",))
    steps = (Step(weight=5, bake=make.MINUTE, approval=asking), Step(weight=50, bake=make.MINUTE))
    wanted: RolloutSpec = make.spec(Strategy(canary=Canary(steps)), notify=Notify(slack="#shop"))
    play = Play(wanted).push("v2").after(minutes=2)
    status = record.rollout_json(play.status, {}, NOW)
    spec = {**a_rollout()["spec"], "notify": {"slack": "#shop", "events": ["started"]}}
    return {**a_rollout(), "spec": spec}, status


def read(data: bytes) -> None:
    """One Rollout whose object and status say odd things, in all words that people read of it."""
    bites = Bites(data)
    if bites.byte() < 60:
        _alone(bites.text(), bites.text())
        return
    plain, status = _sample()
    meta = {**plain["metadata"], "annotations": {"rollout.dev/commit": bites.text()}}
    obj = {**plain, "metadata": meta, "status": spoilt(status, bites)}
    try:
        found = record.status(obj)
        journey = rollouts.read(obj)
        facts = rollouts.facts(obj, NOW)
    except RolloutError as error:
        oracle.refused(error)
        return
    for shown in journeys.shown(journey, bites.text()):
        for words in (shown.top, *shown.replies):
            _slack(words.text, words.blocks)
    oracle.lines(_printed(facts, terminal.row("shop", found)))
    rollout = objects.rollout(obj)
    _texts(rows.rollout(obj, found))
    _texts(sheet.sheet(sheet.FoundRollout(obj, found, rollout, repository=bites.text()), NOW))
    oracle.lines(_said(explain.explain(rollout, found, NOW)))


def _alone(text: str, other: str) -> None:
    oracle.sentences([slack.safe(text), slack.person(text), slack.mention(text)])
    _acts(slack.safe(text) + slack.person(text) + slack.mention(text) + slack.commit(text, other))
    ticks = markdown.fence([text, other])
    if any(ticks in line for line in (text, other)):
        raise oracle.Fault("a line that ends its block", text)
    cell = markdown.cell(text)
    if "\n" in cell or "<" in cell or re.search(r"(?<!\\)[|`\[\]]", re.sub(r"\\\\", "", cell)):
        raise oracle.Fault("a cell that ends, or is markup", cell)
    for page in (links.commit(text, other), links.diff(text, other, other)):
        if page and not page.startswith("https://"):
            raise oracle.Fault("a link to no page of a forge", page)
    commits.is_commit(text)


def _slack(text: str, made: Any) -> None:
    blocks.check(list(made))
    _acts(text)
    for one in _leaves(made):
        if one.get("type") == "mrkdwn":
            _acts(str(one["text"]))


def _acts(text: str) -> None:
    if found := ACTS.search(text):
        raise oracle.Fault("Slack would act on it", text[found.start() :])
    oracle.lines(text)


def _leaves(value: Any) -> Any:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)


def _texts(value: Any) -> None:
    """Of the page, each text is shown as text; still none may steer whoever copies it."""
    if isinstance(value, str):
        oracle.lines(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _texts(inner)


def _printed(facts: Any, row: Any) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as screen:
        output.facts(facts)
        output.table(terminal.HEAD, [row])
    return screen.getvalue()


def _said(text: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as screen:
        output.line(text)
    return screen.getvalue()
