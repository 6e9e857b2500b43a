"""The cluster as a command sees it: connected, read once or followed, asked by annotation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollout import lenient, yamltext
from rollout.cli import output, settings
from rollout.cli.settings import Settings
from rollout.controller.keeping import asking
from rollout.controller.seeing import concerns
from rollout.edges import kube
from rollout.edges.proxy import Proxy
from rollout.errors import ManifestError, Outside, OutsideError, RefusedError, RolloutError, why
from rollout.manifest import objects, record
from rollout.model import spec
from rollout.model.reasons import Verb
from rollout.model.spec import AnalysisTemplateSpec, Rollout
from rollout.model.status import RolloutStatus

if TYPE_CHECKING:
    from rollout.edges.kube import Kube
    from rollout.model.source import RolloutSource

Json = Mapping[str, Any]
Templates = Mapping[tuple[str, str], AnalysisTemplateSpec | spec.Unread]
"""By namespace and name."""

PATIENCE = 10.0  # seconds until the first list is given up
COMPLAINING = 1.0  # seconds that a complaint may be a passing one
LASTING = 3.0  # seconds of complaint until a person who waits hears of it
_GLANCE = 0.02


@dataclass(frozen=True, slots=True)
class SeenRollout:
    """One Rollout as it is in the cluster."""

    obj: Json
    rollout: Rollout
    status: RolloutStatus


@dataclass(frozen=True, slots=True)
class UnreadRollout:
    """One Rollout of the cluster that cannot be read, and why."""

    obj: Json
    error: ManifestError

    @property
    def problem(self) -> str:
        return str(self.error)

    @property
    def status(self) -> RolloutStatus | None:
        """What the controller remembers, which drives it on as it was; None when it is new."""
        with contextlib.suppress(ManifestError):
            return record.status(self.obj) if self.obj.get("status") else None
        return None

    @property
    def key(self) -> str:
        return f"{self.obj['metadata'].get('namespace', '')}/{self.name}"

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def because(self) -> str:
        """The problem without the name that stands before it."""
        return self.problem.removeprefix(f"rollout {self.key}: ")


@asynccontextmanager
async def connected(given: Settings, *, name: str = "") -> AsyncIterator["Kube"]:
    """The cluster, all kinds in the namespace of ``given`` alone (empty: in all).

    ``name``: Rollouts of this name only.
    """
    path = settings.kubeconfig(given.kubeconfig)
    proxy = Proxy.of(settings.proxies())
    api = await kube.connect(path, given.context or None, proxy)
    scopes = dict(kube.scopes(given.namespace))
    scopes["Rollout"] = kube.Scope(given.namespace, fields=f"metadata.name={name}" if name else "")
    async with kube.Kube(api, concerns.of, scopes) as connection:
        yield connection


def in_namespace(given: Settings, namespace: str) -> Settings:
    """``given`` for one namespace: the one named, else the context's, else ``default``."""
    path = settings.kubeconfig(given.kubeconfig)
    return replace(given, namespace=namespace or given.namespace or _of_context(path, given))


def _of_context(path: str | None, given: Settings) -> str:
    """Source: kubernetes.io, "Organizing cluster access using kubeconfig files"."""
    return str(_context(path, given).get("namespace") or "default")


def _user(path: str | None, given: Settings) -> str:
    """The name that the kubeconfig has for whoever uses its context."""
    return str(_context(path, given).get("user") or "")


def _context(path: str | None, given: Settings) -> Mapping[str, Any]:
    found = _kubeconfig(path)
    wanted = given.context or found.get("current-context")
    for one in lenient.mappings(found.get("contexts")):
        if one.get("name") == wanted:
            return lenient.mapping(one.get("context"))
    return {}


def _kubeconfig(path: str | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        found = yamltext.read(Path(path).read_bytes())
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read as a kubeconfig ({why(error)})") from error
    if found is None:
        raise RefusedError(f"{path}: is no kubeconfig; YAML is wanted")
    return lenient.mapping(next(iter(found), None))


async def listed(cluster: "Kube", kind: str) -> Sequence[Json]:
    """All objects of ``kind``, as soon as the API server has told them.

    Errors: ``RefusedError`` for a kind that it does not know, ``OutsideError`` without an answer.
    """
    clock = asyncio.get_running_loop().time
    began, complaining = clock(), 0.0
    while True:
        try:
            return cluster.list(kind)
        except OutsideError as error:
            complaining = 0.0 if error.kind is Outside.STARTING else complaining or clock()
            long = complaining and clock() - complaining > COMPLAINING
            if long or clock() - began > PATIENCE:
                raise _plainly(error) from error
        await asyncio.sleep(_GLANCE)


def _plainly(error: OutsideError) -> Exception:
    """The error in the words of somebody who does not look again by himself."""
    if error.kind is Outside.UNKNOWN_KIND:
        return RefusedError(f"{error.what}: rollout crds | kubectl apply -f -")
    return OutsideError(f"{error.what}; is the cluster up, and is it the right one?")


async def rollouts(cluster: "Kube") -> list[SeenRollout]:
    """Every Rollout in scope that can be read, by namespace and name."""
    return [one for one in await everything(cluster) if isinstance(one, SeenRollout)]


async def everything(cluster: "Kube") -> list[SeenRollout | UnreadRollout]:
    """Every Rollout in scope; one that cannot be read hides no other."""
    templates: dict[tuple[str, str], AnalysisTemplateSpec | spec.Unread] = {}
    for obj in await listed(cluster, "AnalysisTemplate"):
        key = str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
        try:
            templates[key] = objects.template(obj)
        except ManifestError as error:
            templates[key] = spec.Unread(str(error))
    return [_perhaps(obj, templates) for obj in await listed(cluster, "Rollout")]


def _perhaps(obj: Json, templates: Templates) -> SeenRollout | UnreadRollout:
    try:
        return seen(obj, templates)
    except ManifestError as error:
        return UnreadRollout(obj, error)


def seen(obj: Json, templates: Templates | None = None) -> SeenRollout:
    """``obj`` as nouns. Errors: ``ManifestError`` when it cannot be read."""
    mine = {
        name: template
        for (namespace, name), template in (templates or {}).items()
        if namespace == obj["metadata"].get("namespace", "")
    }
    return SeenRollout(obj, objects.rollout(obj, mine), record.status(obj))


async def one(cluster: "Kube", namespace: str, name: str) -> SeenRollout:
    """The Rollout of that name.

    Errors: ``RefusedError`` when there is none, ``ManifestError`` when it cannot be read.
    """
    return seen(await there(cluster, namespace, name))


async def either(cluster: "Kube", namespace: str, name: str) -> SeenRollout | UnreadRollout:
    """As ``one``, also where its spec cannot be read."""
    return _perhaps(await there(cluster, namespace, name), {})


SWITCHOVER = "ClusterSwitchover"
KINDS = {"rollout": "Rollout", "switchover": SWITCHOVER}
"""What may stand before a name, as in ``switchover/edge``, and the kind that it means."""


UPGRADE = "upgrade/"
"""What stands before the name of an upgrade of the mesh, which is the whole cluster's."""


def upgrade_named(text: str) -> str:
    """The upgrade that ``upgrade/NAME`` names; empty: it names no upgrade."""
    return text.removeprefix(UPGRADE) if text.startswith(UPGRADE) else ""


def named(text: str) -> tuple[str, str]:
    """The kind and the name that ``kind/name`` means; a Rollout's where no kind is written.

    Errors: ``RefusedError`` for a kind that is none of ours.
    """
    before, slash, name = text.partition("/")
    if not slash:
        return "Rollout", text
    if before not in KINDS:
        raise RefusedError(f"{text}: {before} is no kind of ours; {', '.join(KINDS)} are")
    return KINDS[before], name


async def there(cluster: "Kube", namespace: str, name: str, kind: str = "Rollout") -> Json:
    """The object of that name as it is stored. Errors: ``RefusedError`` when there is none."""
    for obj in await listed(cluster, kind):
        if (obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) == (namespace, name):
            return obj
    if kind != "Rollout":
        where, plural = f"{namespace}/{name}" if namespace else name, f"{kind.lower()}s"
        raise RefusedError(f"{kind.lower()} {where}: not found; kubectl get {plural} shows all")
    raise RefusedError(f"rollout {namespace}/{name}: not found; `rollout status -A` shows all")


async def follow(
    cluster: "Kube", namespace: str, name: str, tell: Callable[[SeenRollout], Awaitable[bool]]
) -> None:
    """``tell`` hears of the Rollout now and after every change, until it answers True.

    Errors: as ``one``, also when it is deleted meanwhile.
    """
    await follow_stored(cluster, namespace, name, lambda obj: tell(seen(obj)))


async def follow_either(
    cluster: "Kube",
    namespace: str,
    name: str,
    tell: Callable[[SeenRollout | UnreadRollout], Awaitable[bool]],
) -> None:
    """As ``follow``; one that cannot be read now is told as such, since somebody may mend it."""
    await follow_stored(cluster, namespace, name, lambda obj: tell(_perhaps(obj, {})))


async def follow_stored(
    cluster: "Kube",
    namespace: str,
    name: str,
    tell: Callable[[Json], Awaitable[bool]],
    kind: str = "Rollout",
) -> None:
    """As ``follow``, for whoever needs no spec: it may be one that cannot be read.

    Also after every change of a source, where sources are watched.
    """
    changed = asyncio.Event()
    kinds = (kind, "RolloutSource")
    cluster.listen(lambda touched, _: changed.set() if touched in kinds else None)
    while True:
        changed.clear()
        if await tell(await there(cluster, namespace, name, kind)):
            return
        await _news(cluster, changed, kind)


async def _news(cluster: "Kube", changed: asyncio.Event, kind: str) -> None:
    """``changed`` is set; until then a person hears why nothing is heard, each new reason once."""
    clock, told, since = asyncio.get_running_loop().time, "", 0.0
    while not changed.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), COMPLAINING)
        text = cluster.complaint(kind)
        since = (since or clock()) if text else 0.0
        if not text and told:
            output.say("the API server answers again")
        elif text not in ("", told) and clock() - since >= LASTING:
            output.say(f"{text}; asking again")
        else:
            continue
        told = text


async def source_of(cluster: "Kube", obj: Json) -> "RolloutSource | None":
    """The source that keeps ``obj`` in force; None where there is none, or none can be read."""
    from rollout.controller.sources import apply  # noqa: PLC0415 - for one Rollout alone
    from rollout.manifest import sources  # noqa: PLC0415 - as above
    from rollout.model.source import LABEL  # noqa: PLC0415 - as above

    owner = (obj["metadata"].get("labels") or {}).get(LABEL)
    if not owner:
        return None
    with contextlib.suppress(RolloutError):
        for source in map(sources.source, await listed(cluster, "RolloutSource")):
            if apply.label(source) == owner:
                return source
    return None


async def ask(
    cluster: "Kube",
    namespace: str,
    name: str,
    verb: Verb,
    kind: str = "Rollout",
    claim: asking.Claim = asking.NOBODY,
) -> str:
    """As ``asking.ask``, of a cluster that may not have told us of its objects yet."""
    await there(cluster, namespace, name, kind)
    return await asking.ask(cluster, namespace, name, verb, kind, claim)


async def claim(cluster: "Kube", given: Settings, reason: str) -> asking.Claim:
    """Who we are to the API server, else by the kubeconfig, and why we ask.

    The controller sees an annotation that anybody could have written: to it, it is a claim.
    """
    known = ""
    with contextlib.suppress(RolloutError):  # servers before 1.28 do not say
        known = await cluster.whoami()
    return asking.Claim(known or _user(settings.kubeconfig(given.kubeconfig), given), reason)
