"""A shop in a namespace of its own: what a team has before it has us, as plain objects."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from rollout.lab import sample
from rollout.lab.kube.client import Object


@dataclass(frozen=True, slots=True)
class Shop:
    """Objects of one namespace; the public host is ``<namespace>.example``."""

    namespace: str

    @property
    def host(self) -> str:
        return f"{self.namespace}.example"

    def own(self, obj: Object) -> Object:
        """A copy of ``obj`` in this namespace."""
        made = deepcopy(obj)
        made["metadata"]["namespace"] = self.namespace
        return made

    def service(self, name: str = "shop") -> Object:
        return self.own(sample.service(name))

    def gateway(self) -> Object:
        made = self.own(sample.gateway())
        made["spec"]["servers"][0]["hosts"] = [self.host, f"*.{self.host}"]
        return made

    def deployment(self, version: str, *, replicas: int = 2, **faults: str) -> Object:
        return self.own(sample.deployment(version, replicas, "shop", **faults))

    def rule(self, **subsets: str) -> Object:
        """A DestinationRule: ``rule(stable="v1")``."""
        made = self.own(sample.destination_rule())
        made["spec"]["subsets"] = [
            {"name": name, "labels": {"version": version}} for name, version in subsets.items()
        ]
        return made

    def routes(self, *http: Object, name: str = "shop", **spec: Any) -> Object:
        """A VirtualService of these http rules, for the gateway and for callers inside."""
        made = self.own(sample.virtual_service(*http, name=name))
        made["spec"] |= {"hosts": [self.host, "shop"]} | spec
        return made

    def by_role(self, *versions: str) -> list[Object]:
        """v1 serves through subset ``stable``; the others' pods stand ready."""
        return [
            self.service(),
            self.gateway(),
            self.rule(stable="v1"),
            *(self.deployment(each) for each in ("v1", *versions)),
            self.routes(to("stable")),
        ]


def to(subset: str = "", name: str = "primary", **fields: Any) -> Object:
    """A rule that sends everything to one subset of the shop, or to all of it."""
    destination = {"host": "shop"} | ({"subset": subset} if subset else {})
    return {"name": name, "route": [{"destination": destination}], **fields}


def canary(*steps: Object, **more: Any) -> Object:
    return {"canary": {"steps": list(steps), **more}}


def dark(*steps: Object, **more: Any) -> Object:
    return {"dark": {"steps": list(steps), **more}}


def asked(step: Object | None = None, **fields: Any) -> Object:
    """A step that stays until somebody approves."""
    return {"bake": "0s", "approval": {}, **(step or {}), **fields}
