"""Which shard has which objects: all of a namespace in one; nothing is held or asked here."""

from collections.abc import Callable
from zlib import crc32

from rollout.errors import ConflictError

Leads = Callable[[str], bool]
"""Whether this replica may act now for the objects of that namespace; empty: the cluster's own."""

Mine = Callable[[str], bool]
"""Whether the object ``namespace/name``, or the cluster's own ``name``, is of one shard."""


def everything(_: str) -> bool:
    """The only replica leads all there is."""
    return True


def insist(leads: Leads, namespace: str) -> None:
    """Nothing, where this replica may act still. Errors: ``ConflictError`` where another may."""
    if not leads(namespace):
        raise ConflictError("lease: another replica leads by now; it looks again")


def namespace_of(key: str) -> str:
    """Of ``namespace/name``; empty for the ``name`` of a cluster's own object."""
    return key.rpartition("/")[0]


def shard(namespace: str, count: int) -> int:
    """Which of ``count`` shards, from 0, has the objects of ``namespace``; the same everywhere.

    What must not be decided by two at once, such as two Rollouts of one Service, is in one
    namespace. The cluster's own objects, of no namespace, are the first shard's.
    """
    return crc32(namespace.encode()) % count  # of no text it is 0
