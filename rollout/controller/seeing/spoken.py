"""Whether git or a person spoke in a version of an object, or only we ourselves, in its status.

Who speaks is heard at once, whatever failed before. A status of ours that was written and whose
answer was lost comes back by the watch, and must not end the wait after that very failure.
"""

from dataclasses import dataclass, field

from rollout.controller.ports import Json, Kube
from rollout.errors import OutsideError


@dataclass(slots=True)
class Spoken:
    """What was said last in each object of ``kind``, by ``namespace/name``."""

    kube: Kube
    kind: str
    _heard: dict[str, int] = field(default_factory=dict)

    def anew(self, key: str) -> bool:
        """Whether more than the status of that object changed since this was asked last.

        So it is of one that is gone, or that cannot be read now.
        """
        namespace, _, name = key.rpartition("/")
        try:
            obj = self.kube.get(self.kind, namespace, name)
        except OutsideError:
            return True
        if obj is None:
            self._heard.pop(key, None)
            return True
        before, self._heard[key] = self._heard.get(key), _words(obj)
        return before != self._heard[key]


def _words(obj: Json) -> int:
    """Stands for all that others write: the spec's generation, the marks, and the deletion."""
    meta = obj["metadata"]
    notes = meta.get("annotations") or {}
    said = (meta.get("uid"), meta.get("generation"), meta.get("deletionTimestamp"))
    return hash((*said, *sorted((str(name), str(text)) for name, text in notes.items())))
