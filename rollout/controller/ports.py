"""What the controller needs of the outside, as small as it can be; the edges fit, so do the fakes.

Objects are Kubernetes' own JSON, as the API server sent it, and are never changed in place.
A *concern* is a name that objects share with the rollouts they matter to, such as
``host reviews.shop.svc.cluster.local``; ``seeing/concerns.py`` says who has which.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rollout.model.spec import Listener

if TYPE_CHECKING:  # of what most who use the cluster's port have nothing
    from rollout.model import chat
    from rollout.model.chat import Member, Words
    from rollout.model.forge import Place, Proposal, Standing
    from rollout.model.observation import (
        Counts,
        CountsQuestion,
        HookAnswer,
        HookQuestion,
        NoAnswer,
        ProxySync,
        Value,
        ValueQuestion,
    )
    from rollout.model.switching import DnsQuestion, Probed, Served
    from rollout.model.switchover import Probe, Side

Json = Mapping[str, Any]
"""One object of the API, or one operation of a JSON Patch."""

Changed = Callable[[str, tuple[str, ...]], None]
"""Told of every change: the kind, and the concerns of the object before and after it.

They come in the order of their names, so that the same things happen in each process.
"""


class Kube(Protocol):
    """The API server: reads come from the watch cache, writes go out and into the cache.

    Errors of reads: ``OutsideError`` while a kind has not been listed yet, since an object that
    is missing in an empty cache is not missing in the world (argo-rollouts #4804).
    Errors of writes: ``ConflictError`` when somebody wrote first, ``RefusedError`` when the answer
    is no, ``OutsideError`` when there is none; whether it was done, the next look sees.
    A read after a write of ours never shows the time before it.
    """

    def get(self, kind: str, namespace: str, name: str) -> Json | None: ...

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        """All objects of ``kind``, or those with ``concern``; by namespace and name."""

    def some(self, kind: str) -> Json | None:
        """One of ``kind``, whichever, however many there are; None: there is none."""

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        """The object after the JSON Patch ``ops``; a ``test`` that fails is a ConflictError."""

    async def create(self, obj: Json) -> Json:
        """The object as made; one of that name already there is a ConflictError."""

    async def delete(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """It is gone, or was; another object that has its name since (``uid``) is left alone."""


class Trials(Protocol):
    """The API server, asked what would become of an object."""

    async def attempt(self, obj: Json) -> Json:
        """``obj`` as it would be made by now, after all admission; nothing is made.

        Errors: ``RefusedError`` with what the API server or a webhook says; ``OutsideError``.
        """


class Leases(Protocol):
    """Single objects, asked for by name and never watched: so no right to list them is needed."""

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object as the API server has it now, past the cache; None: there is none.

        Errors: ``RefusedError`` when we may not, ``OutsideError`` when there is no answer.
        """

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json: ...

    async def create(self, obj: Json) -> Json: ...


class Watching(Protocol):
    """The watch behind the cache."""

    def listen(self, changed: Changed) -> None:
        """``changed`` is called for every change from now on, and must return at once."""

    def silence(self) -> float:
        """Seconds since the quietest watch last gave a sign of life; infinity: not begun.

        A watch that we may not have is not waited for: ``troubles`` names it.
        """

    def troubles(self) -> Mapping[str, str]:
        """Kind to why we do not see it as it is now; a kind that nobody has read is not there."""


class Reviews(Protocol):
    """The API server, asked what we may do, and how old it is."""

    async def version(self) -> str:
        """Its minor version, ``1.33``. Errors: ``OutsideError``, ``RefusedError``."""

    async def may(
        self, verb: str, kind: str, subresource: str = "", only: tuple[str, str] = ("", "")
    ) -> bool:
        """Whether it would let us; ``only``: for the object of that namespace and name.

        Empty ones: wherever we watch ``kind``.

        Errors: ``RefusedError`` of a server that does not tell, ``OutsideError`` without answer.
        """


class Objects(Protocol):
    """Objects of any kind, asked for when they are wanted and never watched.

    A kind is named by its ``apiVersion`` and ``kind``, as manifests do.
    Errors of all: ``OutsideError`` for a kind that the API server does not know, and when there
    is no answer; ``RefusedError`` when it is no.
    """

    async def in_namespaces(self, api_version: str, kind: str) -> bool:
        """Whether objects of the kind stand in namespaces."""

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        """The object as the API server has it now; None: there is none."""

    async def marked(
        self, api_version: str, kind: str, namespace: str, label: str
    ) -> Sequence[Json]:
        """All with ``label``, ``key=value``."""

    async def apply(self, obj: Json, *, force: bool = False, dry: bool = False) -> Json:
        """The object after a server-side apply of ``obj`` by the sources' own field manager.

        ``force``: fields of other managers are taken over. ``dry``: nothing is stored.
        Errors: ``OwnedError`` for fields of others; ``ConflictError`` where ``obj`` has a
        resourceVersion and somebody wrote first.
        """

    async def remove(self, obj: Json) -> None:
        """It is gone, or was, or is another one by now."""


class Cluster(Kube, Trials, Leases, Watching, Reviews, Protocol):
    """All of it: what ``app.run`` is given."""


Answers: TypeAlias = "tuple[tuple[Counts, ...], tuple[Value, ...], tuple[NoAnswer, ...]]"
"""What Prometheus said to one look's questions; each question has an answer or a reason."""


class Metrics(Protocol):
    """Prometheus, asked for many rollouts at once behind this door; it never raises."""

    async def ask(
        self, counts: "tuple[CountsQuestion, ...]", values: "tuple[ValueQuestion, ...]"
    ) -> Answers: ...


class Proxies(Protocol):
    """istiod, asked whether its proxies have what was written."""

    async def synced(self, since: datetime) -> "ProxySync | None":
        """None: nobody to ask, or no answer."""


class Istiods(Protocol):
    """Every istiod of every revision, asked for its proxies."""

    async def pages(
        self, revisions: Sequence[tuple[str, str, str]]
    ) -> Sequence[tuple[str, object]] | None:
        """What each replica's ``/debug/syncz`` says, beside its revision; None: one did not answer.

        ``revisions``: name, namespace and Service of each.
        """


class Webhooks(Protocol):
    """HTTP gates, asked once a call."""

    async def ask(
        self, question: "HookQuestion", entries: Mapping[str, bytes], now: datetime
    ) -> "HookAnswer":
        """What the gate says; ``entries``: of the Secret that the question names.

        Errors: ``OutsideError`` for no answer, ``RefusedError`` for one that may not be had.
        """


class Remote(Protocol):
    """An API server that is asked each time, past every cache; errors as ``Kube``."""

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None: ...

    async def all(self, kind: str, namespace: str = "") -> Sequence[Json]: ...

    async def patch(self, kind: str, namespace: str, name: str, ops: Sequence[Json]) -> Json: ...

    async def close(self) -> None:
        """Nothing is open any more."""


class Clusters(Protocol):
    """API servers besides the one that the controller is at."""

    @property
    def home(self) -> Remote:
        """That one, without its cache; never closed by whoever uses it."""

    async def connect(self, kubeconfig: bytes) -> Remote:
        """The cluster that a kubeconfig's text names.

        Errors: ``RefusedError`` for one that cannot be used, or that names files or programs.
        """


class NameServers(Protocol):
    """A zone's own name servers, past every cache."""

    async def ask(self, question: "DnsQuestion", types: Mapping[str, str]) -> "tuple[Served, ...]":
        """One answer per server and name; ``types``: of the records, by name. It never raises."""


class Gateways(Protocol):
    """Gateways of clusters, past DNS."""

    async def probe(self, side: "Side", probe: "Probe", address: str) -> "Probed":
        """What the one at ``address`` (host[:port]) answers. It never raises."""


class Chat(Protocol):
    """Channels of people, and what of ours stands in them; Slack.

    Errors of all: ``OutsideError`` when there is no answer, or none yet; ``RefusedError`` when a
    person must change something first.
    """

    async def find(self, channel: str, since: datetime) -> "Mapping[str, chat.Place]":
        """Our messages in ``channel`` by key, those since then."""

    async def replies(self, place: "chat.Place") -> "Mapping[str, chat.Place]":
        """Our messages in the thread of ``place`` by key."""

    async def post(
        self, channel: str, words: "Words", under: "chat.Place | None" = None
    ) -> "chat.Place":
        """It stands there now; an OutsideError leaves open whether it does."""

    async def update(self, place: "chat.Place", words: "Words") -> bool:
        """The message says ``words``; False: there is none any more."""


class People(Protocol):
    """Who is who in the chat, and how one of them is spoken to; errors as ``Chat``."""

    async def channel(self, name: str) -> str:
        """The id of ``#name``; an id is itself."""

    async def members(self, group: str) -> frozenset[str]:
        """Who is in the user group now."""

    async def named(self, email: str) -> str:
        """Whose address that is; empty: nobody's."""

    async def member(self, user: str) -> "Member | None":
        """None: nobody, or deactivated."""

    async def whisper(self, channel: str, user: str, text: str) -> None:
        """``user`` alone reads ``text``."""

    async def open(self, trigger: str, view: Json) -> None:
        """The modal is open for whoever pressed the button."""


class Forge(Protocol):
    """One repository at a forge. Everything is looked for before it is made.

    Errors of all: ``OutsideError`` when there is no answer, or none yet; ``RefusedError`` when a
    person must change something first.
    """

    async def put_status(self, standing: "Standing") -> None:
        """The commit's newest status of that context says so."""

    async def put_deployment(self, standing: "Standing", environment: str) -> None:
        """The commit's deployment says so; once it is in force, the one before is inactive."""

    async def default_branch(self) -> str:
        """What HEAD means."""

    async def parent(self, commit: str) -> str:
        """The commit before, along the branch; empty: it is the first."""

    async def text(self, path: str, ref: str) -> str | None:
        """A file at a commit or branch; None: there is none."""

    async def proposed(self, branch: str) -> str:
        """The address of the pull request of ``branch``, open or not; empty: there was none."""

    async def propose(self, proposal: "Proposal") -> str:
        """The address of the pull request, which is made if there was none."""


class Forges(Protocol):
    """Where repositories are kept, and people read what we say about a commit."""

    def at(self, place: "Place", secret: str, entries: Mapping[str, bytes]) -> Forge:
        """That repository; ``entries``: of the Secret of that name, which prove who we are."""


class Listeners(Protocol):
    """Other systems that are told what happened."""

    async def tell(
        self, news: Json, listener: Listener, entries: Mapping[str, bytes], now: datetime
    ) -> None:
        """It has been told, signed with ``entries``, of its Secret; errors as ``Webhooks``."""
