"""VirtualServices as people write them: many kinds of match, of destination, of neighbour.

Each has the route ``main``, by which laws judge who has which share; the others go the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Shape = Callable[[str, Json], Json]
"""The spec of a VirtualService of the service ``name``, of its plain route ``main``."""


def _like(main: Json, called: str, *matches: Json, **more: Any) -> Json:
    """A route to the same destinations; without a name where ``called`` is empty."""
    route = {**main, "match": [*matches], **more}
    if not called:
        del route["name"]
    return {**route, "name": called} if called else route


def _to(host: str, weight: int | None = None, subset: str = "", **more: Any) -> Json:
    side: Json = {"destination": {"host": host} | ({"subset": subset} if subset else {}), **more}
    return side if weight is None else {**side, "weight": weight}


def _elsewhere(called: str, *matches: Json) -> Json:
    return {"name": called, "match": [*matches], "route": [_to("other")]}


COOKIE = {"headers": {"cookie": {"regex": r"^(.*?;)?(user=jason)(;.*)?$"}}}


def _matched(name: str, main: Json) -> Json:
    """Conditions that can be joined with those of ``marked``, or that nobody meets with them."""
    return {
        "http": [
            {"name": "old", "match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/"}},
            _elsewhere("other", {"uri": {"prefix": "/other"}}),
            _like(main, "api", {"uri": {"prefix": "/api"}}, {"uri": {"exact": "/health"}}),
            _like(main, "folded", {"uri": {"prefix": "/API/V2"}, "ignoreUriCase": True}),
            _like(main, "folded too", {"uri": {"exact": "/HEALTH"}, "ignoreUriCase": True}),
            _like(main, "spelt", {"uri": {"regex": "/api/.*"}}, {"uri": {"regex": "/heal(th)?"}}),
            _like(main, "spelt too", {"uri": {"regex": "/apis?/x"}}, {"uri": {"regex": "/api/x"}}),
            _like(main, "spelt more", {"uri": {"regex": "/api/v[0-9]"}}),
            _like(main, "folded, spelt", {"uri": {"regex": "/Api.*"}, "ignoreUriCase": True}),
            _like(main, "letters", {"headers": {"x-any": {"regex": "[a-z]+"}}}),
            _like(main, "jar", {"headers": {"cookie": {"exact": "x=1"}}}),
            _like(main, "all", {"headers": {"x-tester": {"exact": "1"}, "x-region": {}}}),
            _like(main, "wide", {"headers": {"x-tester": {}, "x-region": {"prefix": "eu-w"}}}),
            _like(main, "odd", {"headers": {"x-region": {"regex": ".*"}, "x-tester": {}}}),
            _like(main, "spelt out", {"headers": {"x-region": {"regex": "eu-.*"}}}),
            _like(main, "", {"headers": {"x-tester": {"exact": "2"}}}),
            _like(main, "", {"headers": {"x-tester": {"exact": "2"}}}, timeout="9s"),
            _like(main, "cookie", COOKIE),
            _like(main, "get", {"method": {"exact": "GET"}}, {"scheme": {"exact": "https"}}),
            _like(main, "query", {"queryParams": {"beta": {"exact": "1"}}}),
            _like(main, "labelled", {"sourceLabels": {"app": "web"}, "gateways": ["mesh"]}),
            _like(main, "not", {"withoutHeaders": {"x-bot": {}}, "port": 80}),
            _like(main, "any", {"uri": {"regex": ".*"}, "headers": {"x-team": {}}}),
            main,
        ]
    }


def _divided(name: str, main: Json) -> Json:
    """Destinations of others beside ours, hosts in every spelling, mirrors and headers."""
    first = main["route"][0]
    subset = first["destination"].get("subset", "")
    full = f"{name}.shop.svc.cluster.local"
    half = f"{name}.shop.svc"
    added = {"response": {"add": {"Set-Cookie": "theirs=1"}}}
    routes: list[Json] = [
        {"route": [_to(full, 60, subset), _to("other", 40)]},
        {"route": [_to("other", 98), _to(name, 2, subset)]},
        {"route": [_to("other", 97), _to(f"{name}.shop", 3, subset)]},
        {"route": [_to("other.web.svc", 10), _to(half, 90, subset)]},
        {"route": [_to(name, 100, subset), _to(name, 0, "canary")]},
        {"route": [_to(name, 0, "canary"), _to(name, 100, subset)]},
        {"route": [_to(name, 90, subset), _to("other", 10), _to(name, 0, "canary")]},
        {"route": [_to(name, None, subset, headers=added)], "mirror": {"host": "spy"}},
        {"route": [_to(name, None, subset)], "mirror": {"host": "spy"}, "mirrorPercent": 10},
        {
            "route": [_to(name, None, subset)],
            "mirror": {"host": "spy"},
            "mirrorPercentage": {"value": 12.5},
        },
        {"route": [_to(name, None, subset)], "mirrors": [{"destination": {"host": "spy"}}]},
        {"delegate": {"name": "elsewhere"}},
        {"directResponse": {"status": 200}},
    ]
    paths = [{"match": [{"uri": {"prefix": f"/{at}"}}], **one} for at, one in enumerate(routes)]
    return {"http": [*paths, main]}


def _shared(name: str, main: Json) -> Json:
    """Two routes of which others have a part, with the subset that the author names."""
    subset = main["route"][0]["destination"].get("subset", "")
    half = {"match": [{"uri": {"prefix": "/half"}}]}
    few = {"match": [{"uri": {"prefix": "/few"}}]}
    return {
        "http": [
            {**half, "route": [_to(name, 60, subset), _to("other", 40)]},
            {**few, "route": [_to("other", 97), _to(name, 3, subset)]},
            main,
        ]
    }


def _pinned_too(name: str, main: Json) -> Json:
    """As ``divided``, and a route to a subset that nobody drives."""
    eu = {"match": [{"uri": {"prefix": "/eu"}}], "route": [_to(name, None, "eu")]}
    canary = {"match": [{"uri": {"prefix": "/lab"}}], "route": [_to(name, None, "canary")]}
    return {"http": [eu, canary, *_divided(name, main)["http"]]}


def _passed(name: str, main: Json) -> Json:
    """Of streams, and of TLS that is passed through, beside HTTP."""
    side = main["route"][0]
    sni = {"match": [{"port": 443, "sniHosts": ["shop.example"]}], "route": [side]}
    return {"http": [main], "tls": [sni], "tcp": [{"match": [{"port": 9000}], "route": [side]}]}


def _streamed(name: str, main: Json) -> Json:
    return {"tcp": [{"match": [{"port": 9000}], "route": main["route"]}]}


def _pinned(name: str, main: Json) -> Json:
    """A route of its author's to the canary alone, and one to a subset that nobody drives."""
    match = {"headers": {"x-lab": {"exact": "1"}}}
    lab = {"name": "lab", "match": [match], "route": [_to(name, None, "canary")]}
    return {"http": [lab, main]}


def _named(name: str, main: Json) -> Json:
    """Of three routes to the service, those that a Rollout may name."""
    return {
        "http": [
            _elsewhere("other", {"uri": {"prefix": "/other"}}),
            _like(main, "more", {"uri": {"prefix": "/more"}}),
            main,
        ]
    }


def _handing(name: str, main: Json) -> Json:
    """Nothing but routes to delegates."""
    return {"http": [{"match": [{"uri": {"prefix": "/"}}], "delegate": {"name": "inner"}}]}


def _absent(name: str, main: Json) -> Json:
    """No route to the service."""
    return {"http": [_elsewhere("other", {"uri": {"prefix": "/other"}})]}


def _delegating(name: str, main: Json) -> Json:
    """One route that is handed over to another."""
    inner = {"match": [{"uri": {"prefix": "/in"}}], "delegate": {"name": "inner"}}
    return {"http": [inner, main]}


def _turned(name: str, main: Json) -> Json:
    """The sides of a step of half, the other way round."""
    return {"http": [{**main, "route": [_to(name, 50, "canary"), _to(name, 50, "stable")]}]}


def _mixed(name: str, main: Json) -> Json:
    """The sides of a step of half, with somebody else's between them."""
    sides = [_to(name, 45, "stable"), _to("other", 10), _to(name, 45, "canary")]
    return {"http": [{**main, "route": sides}]}


def _short(name: str, main: Json) -> Json:
    """As ``shared`` at a step of half, and weights that do not sum to a hundred."""
    half, few, _ = _shared(name, main)["http"]
    sides = [_to(name, 30, "stable"), _to(name, 20, "canary"), _to("other", 40)]
    return {"http": [{**half, "route": sides}, few, main]}


def _edited(name: str, main: Json) -> Json:
    """As ``shared`` at a step of half, under another match, or with more of it for others.

    A route is new, and stands before what somebody has moved.
    """
    _, few, _ = _shared(name, main)["http"]
    moved = [_to(name, 30, "stable"), _to(name, 30, "canary"), _to("other", 40)]
    more = [_to(name, 1, "stable"), _to(name, 1, "canary"), _to("other", 50), _to(name, 0)]
    new = {"match": [{"uri": {"prefix": "/new"}}], "route": [_to(name, None, "stable")]}
    halves = {"match": [{"uri": {"prefix": "/halves"}}], "route": moved}
    routes = [new, halves, {**few, "route": more}]
    return {"http": [*routes, main]}


def _labelled(name: str, main: Json) -> Json:
    """Catch-alls of some callers, and of one gateway."""
    return {
        "http": [
            _like(main, "of some", {"sourceLabels": {"app": "web"}}),
            _like(main, "of a gateway", {"gateways": ["edge"]}, {"gateways": ["shop/edge"]}),
            main,
        ]
    }


def _with(*matches: Json) -> Shape:
    """One route more, of which the conditions matter."""
    return lambda name, main: {"http": [_like(main, "more", *matches), main]}


def _sharing(*sides: tuple[str, int, str]) -> Shape:
    """One route more, whose destinations matter."""

    def shape(name: str, main: Json) -> Json:
        route = [_to(host or name, weight, subset) for host, weight, subset in sides]
        return {"http": [{"match": [{"uri": {"prefix": "/more"}}], "route": route}, main]}

    return shape


SHAPES: Mapping[str, Shape] = {
    "matched": _matched,
    "divided": _divided,
    "divided, and more": _pinned_too,
    "shared": _shared,
    "passed": _passed,
    "streamed": _streamed,
    "pinned": _pinned,
    "cookies": _with(COOKIE),
    "patterns": _with({"headers": {"x-region": {"regex": "[a-z]+-1"}}}),
    "choices": _with({"headers": {"x-region": {"regex": "us-1|eu-1"}}}),
    "prefixes": _with({"headers": {"x-tester": {"prefix": "1"}}}),
    "unknown words": _with({"headers": {"x-region": {"suffix": "-1"}}}),
    "another cookie": _with({"headers": {"cookie": {"regex": ".*session=a.*"}}}),
    "named": _named,
    "handing over": _handing,
    "absent": _absent,
    "delegating": _delegating,
    "turned round": _turned,
    "mixed": _mixed,
    "short": _short,
    "edited": _edited,
    "of three": _sharing(("", 3, "stable"), ("", 0, "canary")),
    "labelled": _labelled,
    "unreadable": _with({"headers": {"x-tester": {"regex": "(1"}}}),
    "all theirs": _sharing(("other", 100, ""), ("", 0, "stable")),
    "all but one": _sharing(("other", 99, ""), ("", 1, "stable")),
    "negative": _sharing(("other", -1, ""), ("", 101, "stable")),
    "no sum": _sharing(("other", 50, ""), ("", 30, "stable")),
    "no weights": _sharing(("", 0, "stable"), ("", 0, "canary")),
    "another sum": _sharing(("", 3, "stable"), ("", 1, "canary")),
    "twice": _sharing(("", 50, "stable"), ("", 50, "stable")),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What others have at the gateway ``edge``, where ours is, too.

    ``matches``: of another team's VirtualService ``called``, to a service of theirs.
    ``more``: other objects by kind and name. ``ours``: how our VirtualService is bound.
    """

    matches: Sequence[Json] = ()
    called: str = "{}-special"
    gateways: Sequence[str] = ("edge",)
    hosts: Sequence[str] = ("{}",)
    more: Sequence[tuple[str, str, Json]] = ()
    ours: Mapping[str, Any] | None = None

    def objects(self, name: str) -> list[tuple[str, str, Json]]:
        """Kind, name and spec of each, beside the service ``name``."""
        theirs = {
            "hosts": [host.format(name) for host in self.hosts],
            "gateways": [*self.gateways],
            "http": [{"match": [match], "route": [_to("other")]} for match in self.matches],
        }
        mine = [("VirtualService", self.called.format(name), theirs)] if self.matches else []
        return [*mine, *((kind, called.format(name), spec) for kind, called, spec in self.more)]


_SPECIAL = {"uri": {"prefix": "/special"}}
_ENTERED = {"gateways": ["edge", "mesh"]}
_TWO = {"hosts": ["shop", "www.shop.example"], "gateways": ["edge"]}
_LET_IN = {
    "selector": {"istio": "edge", "app": "web"},
    "servers": [
        {"port": {"number": 80}, "hosts": ["./shop.shop.svc.cluster.local", "web/*"]},
        {"port": {"number": 80}, "hosts": ["*/*.shop.example", "b.shop.example", "shop"]},
    ],
}


_PUT = {"exact": "PUT"}
_WEB = {"app": "web"}


def _root(*matches: Json) -> tuple[str, str, Json]:
    """Somebody's VirtualService that hands requests over to ours."""
    made = [{"match": [match], "delegate": {"name": "shop"}} for match in matches]
    return "VirtualService", "a-web", {"hosts": ["shop"], "gateways": ["edge"], "http": made}


_HANDED: Mapping[str, tuple[Json, Sequence[Json]]] = {
    "inner": ({"uri": {"prefix": "/in"}}, [{"uri": {"prefix": "/in/a"}}, {"method": _PUT}]),
    "outside": ({"uri": {"prefix": "/out"}}, [{"uri": {"prefix": "/in"}}]),
    "exact": ({"uri": {"exact": "/exact"}}, [{"uri": {"prefix": "/exact"}}]),
    "same": ({"uri": {"exact": "/same"}}, [{"uri": {"exact": "/same"}}]),
    "regex": ({"uri": {"regex": "/r.*"}}, [{"uri": {"exact": "/rr"}}, {"port": 80}]),
    "regexes": ({"uri": {"prefix": "/rs"}}, [{"uri": {"regex": "/rs.*"}}]),
    "headed": ({"headers": {"x-h": {"exact": "1"}}}, [{"headers": {"x-h": {"exact": "2"}}}]),
    "labels": ({"uri": {"prefix": "/l"}, "sourceLabels": _WEB}, [{"sourceLabels": {"app": "b"}}]),
    "spaced": ({"uri": {"prefix": "/s"}, "sourceNamespace": "a"}, [{"sourceNamespace": "b"}]),
    "unspaced": ({"uri": {"prefix": "/u"}}, [{"sourceNamespace": "b", "method": _PUT}]),
    "at home": ({"uri": {"prefix": "/a"}, "sourceNamespace": "a"}, [{"sourceNamespace": "a"}]),
    "ports": ({"uri": {"prefix": "/p"}, "port": 80}, [{"port": 81}]),
    "a port": ({"uri": {"prefix": "/ap"}, "port": 80}, [{"method": _PUT}, {"port": 80}]),
    "gates": ({"uri": {"prefix": "/g"}, "gateways": ["edge"]}, [{"gateways": ["edge", "mesh"]}]),
    "pair": ({"uri": {"prefix": "/t"}}, [{"uri": {"prefix": "/t/a"}}, {"uri": {"prefix": "/x"}}]),
    "a gate": ({"uri": {"prefix": "/ag"}, "gateways": ["edge"]}, [{"gateways": ["edge"]}]),
    "no gate": ({"uri": {"prefix": "/ng"}}, [{"gateways": ["edge"], "method": _PUT}]),
    "one gate": ({"uri": {"prefix": "/og"}, "gateways": ["edge"]}, [{"method": _PUT}]),
    "all": ({"uri": {"prefix": "/all"}}, []),
    "missing": ({"uri": {"prefix": "/no"}}, [{"uri": {"prefix": "/no"}}]),
    "hidden": ({"uri": {"prefix": "/hid"}}, [{"uri": {"prefix": "/hid"}}]),
    "home": ({"uri": {"prefix": "/home"}}, [{"uri": {"prefix": "/home"}}]),
    "folded": ({"uri": {"prefix": "/f"}, "ignoreUriCase": True}, []),
    "any": ({}, [{"uri": {"prefix": "/g"}, "ignoreUriCase": True}]),
}
"""What a route of a root matches, and what the routes of its delegate do."""


def _inner(called: str, matches: Sequence[Json]) -> tuple[str, str, Json]:
    shown = {"hidden": {"exportTo": ["~"]}, "home": {"exportTo": ["."]}}.get(called, {})
    routes = [{"match": [match], "route": [_to("other")]} for match in matches]
    routes = [{**routes[0], "match": [*matches]}] if called == "pair" else routes
    return "VirtualService", called, {**shown, "http": routes or [{"route": [_to("other")]}]}


_HUB = [
    (
        "VirtualService",
        "hub",
        {
            "hosts": ["shop"],
            "gateways": ["edge"],
            "http": [
                {"match": [root], "delegate": {"name": called}}
                for called, (root, _) in _HANDED.items()
            ],
        },
    ),
    *(_inner(called, leaves) for called, (_, leaves) in _HANDED.items() if called != "missing"),
]
_OPEN = {"selector": {"app": "b"}, "servers": [{"port": {"number": 80}, "hosts": ["*/*"]}]}
_ASIDE = {"hosts": ["aside.invalid"], "http": [{"route": [_to("shop", None, "stable")]}]}
BESIDE: Mapping[str, Beside] = {
    **{way: Beside([{"uri": {way: "/special"}}]) for way in ("prefix", "exact", "regex")},
    "conditions": Beside(
        [
            {"headers": {"x-a": {"exact": "1"}, "x-b": {}}},
            {"headers": {"x-tester": {"exact": "2"}}},
            {"withoutHeaders": {"x-c": {"exact": "1"}}, "method": {"exact": "PUT"}},
            {"uri": {"prefix": "/s"}, "scheme": {"exact": "https"}},
            {"headers": {"x-tester": {"exact": "3"}}},
            {},
            {"headers": {"x-late": {"exact": "1"}}},
        ]
    ),
    "paths": Beside(
        [
            {"uri": {"exact": "/one"}},
            {"uri": {"exact": "/Two"}, "ignoreUriCase": True},
            {"uri": {"prefix": "/Six"}, "ignoreUriCase": True},
            {"uri": {"regex": "/three.*"}},
            {"uri": {"regex": ".*"}, "headers": {"x-d": {"regex": "*"}}},
        ]
    ),
    "perhaps empty": Beside([{"headers": {"x-a": {"regex": "a?"}}}]),
    "oddities": Beside(
        [
            {"headers": {"x-a": None, "x-b": {"exact": "1"}}},
            {"withoutHeaders": {"x-e": {}}, "uri": {"regex": "*"}},
            {"uri": {"exact": "/one"}, "gateways": ["shop/edge"]},
        ],
    ),
    "all of it": Beside([{}], "a-{}", ours={"hosts": ["shop"], "gateways": ["edge"]}),
    "a cohort of it": Beside(
        [{"headers": {"x-tester": {"exact": "1"}}}],
        ours={"hosts": ["shop"], "gateways": ["shop/edge"]},
    ),
    "whatever host": Beside([_SPECIAL], hosts=("*",)),
    "authorities": Beside([{"authority": {"prefix": "shop"}}, {"method": {"regex": "P.*"}}]),
    "queries": Beside([{"queryParams": {"q": {"exact": "1"}}}]),
    "absent": Beside([{"withoutHeaders": {"x-a": {"regex": "a?"}}}]),
    "all": Beside([{"headers": {"x-tester": {"exact": "1"}}}]),
    "elsewhere": Beside([_SPECIAL], gateways=("web",)),
    "older": Beside([_SPECIAL, {}], "a-{}"),
    "older, and entered elsewhere": Beside(
        [{"gateways": ["web"]}, {"sourceLabels": {"app": "web"}}, _SPECIAL, {}], "a-{}"
    ),
    "many": Beside(
        [{"headers": {f"x-{a}{b}": {"exact": "1"} for b in range(3)}} for a in range(4)]
    ),
    "two hosts": Beside([_SPECIAL, {"method": {"exact": "PUT"}}], hosts=("{}",), ours=_TWO),
    "both of two hosts": Beside(
        [_SPECIAL, {"uri": {"prefix": "/two"}}], hosts=("{}", "www.shop.example"), ours=_TWO
    ),
    "any of two hosts": Beside(
        [_SPECIAL],
        hosts=("*.shop.example",),
        ours={"hosts": ["*", "*.shop.example"], "gateways": ["edge"]},
    ),
    "two hosts, all of one": Beside([{"port": 80}], "a-{}", hosts=("www.shop.example",), ours=_TWO),
    "a pattern of hosts": Beside([_SPECIAL, {}], "a-{}", hosts=("*.shop.example",), ours=_TWO),
    "a gateway that is known": Beside(
        [
            {"sourceLabels": {"app": "web"}, **_SPECIAL},
            {"sourceLabels": {"app": "b"}, "uri": {"exact": "/b"}},
            {"sourceLabels": {"app": "b"}, "gateways": ["edge"], "uri": {"exact": "/c"}},
        ],
        more=[("Gateway", "edge", _LET_IN)],
    ),
    "a gateway that is known, and patterns": Beside(
        [_SPECIAL],
        hosts=("*.shop.example", "shop", "shop.invalid"),
        more=[("Gateway", "edge", _LET_IN)],
        ours={"hosts": ["shop", "a.shop.example", "shop.invalid"], "gateways": ["edge"]},
    ),
    "hands over": Beside([_SPECIAL], more=[_root({})], ours={}),
    "hands over a part": Beside(more=[_root({"uri": {"prefix": "/x"}})], ours={}),
    "hands over again": Beside(
        more=[_root({}), ("VirtualService", "inner", {"http": [{"route": [_to("other")]}]})],
        ours={},
    ),
    "hands over what it has": Beside(
        more=[_root({"uri": {"prefix": "/other"}, "method": {"exact": "GET"}}, {"port": 80})],
        ours={},
    ),
    "is handed over": Beside(more=_HUB),
    "is handed over at a known gateway": Beside(more=[*_HUB, ("Gateway", "edge", _OPEN)]),
    "a gateway that is odd": Beside([_SPECIAL], more=[("Gateway", "edge", {"servers": 5})]),
    "aside": Beside(more=[("VirtualService", "aside", _ASIDE)]),
    "a delegate at a gateway": Beside(more=[_root({})], ours={"gateways": ["edge"]}),
    "oddly written": Beside(more=[("VirtualService", "odd", {"hosts": ["shop"], "gateways": 5})]),
}
"""By what others match, or how they are bound."""


def bound(beside: str) -> Mapping[str, Any]:
    """How our VirtualService is bound: its gateways, and its hosts where these matter."""
    ours = BESIDE[beside].ours if beside else {}
    return _ENTERED if ours is None else ours


TRAFFIC: Mapping[str, Json] = {
    "named": {"virtualServices": [{"name": "shop", "routes": ["main", "more"]}]},
}
"""What a Rollout says of its routes, by the shape of these."""


def _made(kind: str, name: str, spec: Any, namespace: str = "shop", **meta: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, **meta}, "spec": spec}


_PODS = {"matchLabels": {"app": "shop"}}
_SHOP = "shop.shop.svc.cluster.local"
CROWD = (
    _made(
        "VirtualService",
        "web",
        {"hosts": [_SHOP], "gateways": ["edge"], "http": [{"route": [_to("shop")]}]},
        "web",
    ),
    _made("VirtualService", "odd", {"hosts": ["x"], "http": [{"route": [{"destination": 5}]}]}),
    _made("VirtualService", "odder", {"hosts": ["x"], "http": [{"route": [_to("y")]}]},
          annotations={"example.com/note": '{"host": "x"}'}),
    _made("DestinationRule", "odd", {"host": 5}),
    _made("Service", "outside", {"externalName": "shop.example"}),
    {**_made("EndpointSlice", "of-nobody", None), "endpoints": []},
    _made("AuthorizationPolicy", "all", {"selector": _PODS, "rules": [{}]}),
    _made("PeerAuthentication", "ours", {"selector": {"matchLabels": {"app": "other"}}}),
    _made("ConfigMap", "of-a-tool", None, ownerReferences=[{"kind": "Tool", "name": "shop"}]),
)  # fmt: skip
"""Objects of others, which are about nobody here, or which nobody can read."""
