"""external-dns with its CRD source, as far as DNSEndpoints of weighted records need it.

It lists every interval, sets ``status.observedGeneration`` as soon as it has read an object (its
``source/crd.go``), and then brings the zone to what all objects say: its own records and no others
(``--policy=sync``, ``--txt-owner-id``).
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from rollout.errors import RolloutError
from rollout.lab.dns import wire
from rollout.lab.dns.zone import Record, Zone
from rollout.lab.kube.client import Kind, Kube, Object

DNSENDPOINT = Kind("externaldns.k8s.io", "v1alpha1", "dnsendpoints", "DNSEndpoint")
DEFAULT_TTL = 300
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ExternalDns:
    """One instance, at one cluster; ``provider``: seconds until a change is INSYNC."""

    kube: Kube
    zone: Zone
    owner: str = "default"
    interval: float = 1.0
    provider: float = 0.0

    async def run(self) -> None:
        """For ever: every interval the zone is as the objects say."""
        while True:
            try:
                await self.sync()
            except (RolloutError, ValueError) as error:
                _log.warning("external-dns: %s", error)
            await asyncio.sleep(self.interval)

    async def sync(self) -> None:
        """The zone is as the objects say, as far as it is this owner's."""
        objs = (await self.kube.list(DNSENDPOINT))[0]
        for obj in objs:
            await self._observed(obj)
        wanted = {record.key: record for obj in objs for record in self._records(obj)}
        there = self.zone.records
        mine = {key for key, record in there.items() if record.owner == self.owner}
        free = [r for key, r in wanted.items() if key not in there or key in mine]
        now = asyncio.get_running_loop().time() + self.provider
        self.zone.change(now, free, mine - set(wanted))

    async def _observed(self, obj: Object) -> None:
        generation = obj["metadata"].get("generation", 1)
        if obj.get("status", {}).get("observedGeneration") == generation:
            return
        meta = obj["metadata"]
        status = {"status": {"observedGeneration": generation}}
        await self.kube.patch(DNSENDPOINT, meta["namespace"], meta["name"], status, "status")

    def _records(self, obj: Object) -> Iterator[Record]:
        for entry in obj["spec"].get("endpoints") or ():
            kind = entry.get("recordType", "A")
            if kind not in wire.TYPES:
                continue
            given = {p["name"]: p["value"] for p in entry.get("providerSpecific") or ()}
            yield Record(
                entry["dnsName"].rstrip(".").lower(),
                kind,
                entry.get("setIdentifier", ""),
                int(given.get("aws/weight", "0")),
                entry.get("recordTTL") or DEFAULT_TTL,
                tuple(entry.get("targets") or ()),
                self.owner,
            )
