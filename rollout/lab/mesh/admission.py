"""Which version of an object counts: the newest that can be translated, as a webhook would say."""

import logging
from dataclasses import replace

from rollout.lab.kube.client import Object
from rollout.lab.mesh.names import Snapshot
from rollout.lab.mesh.translate import translate

_log = logging.getLogger(__name__)


class Admission:
    """Remembers the last sound version of every object; an API server may hold worse ones."""

    def __init__(self) -> None:
        self._sound: dict[str, Object] = {}
        self._judged: dict[str, str] = {}  # resourceVersion by uid, so that each is tried once

    def sound(self, world: Snapshot) -> Snapshot:
        """``world`` with each broken object as it last was, or without it if it never was sound."""
        gateways = self._of(world.gateways, Snapshot(), "gateways")
        alone = Snapshot(services=world.services, gateways=gateways)
        return replace(
            world,
            gateways=gateways,
            virtual_services=self._of(world.virtual_services, alone, "virtual_services"),
            destination_rules=self._of(world.destination_rules, alone, "destination_rules"),
        )

    def _of(self, objects: list[Object], alone: Snapshot, kind: str) -> list[Object]:
        for each in objects:
            meta = each["metadata"]
            if self._judged.get(meta["uid"]) != meta["resourceVersion"]:
                self._judged[meta["uid"]] = meta["resourceVersion"]
                if flaw := _flaw(each, alone, kind):
                    name = f"{meta['namespace']}/{meta['name']}"
                    _log.warning("%s %s: %s; its last good version stays", kind, name, flaw)
                else:
                    self._sound[meta["uid"]] = each
        known = (self._sound.get(each["metadata"]["uid"]) for each in objects)
        return [each for each in known if each is not None]


def _flaw(obj: Object, alone: Snapshot, kind: str) -> str:
    """Why ``obj`` cannot be translated beside the Services alone; empty if it can."""
    try:
        translate(replace(alone, **{kind: [obj]}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return repr(error)[:200]  # 200: the key or value, not the whole object
    return ""
