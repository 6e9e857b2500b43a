"""Manifest text to nouns; every mistake with its file and line, all of a file's at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rollout import lenient
from rollout.errors import ManifestError
from rollout.manifest import complaints, envelope, rules, scan, schema, shapes
from rollout.manifest.scan import Mistake, Path, YamlDocument
from rollout.model.spec import GROUP
from rollout.model.units import counted

if TYPE_CHECKING:  # the nouns of a kind are imported when a document of it is read
    from rollout.model.sourcespec import RolloutSourceSpec
    from rollout.model.spec import AnalysisTemplateSpec, RolloutSpec
    from rollout.model.switchover import SwitchoverSpec
    from rollout.model.upgrade import ControlPlaneUpgradeSpec

    Spec = (
        RolloutSpec
        | AnalysisTemplateSpec
        | RolloutSourceSpec
        | ControlPlaneUpgradeSpec
        | SwitchoverSpec
    )

MAX_ERRORS = 20  # of one document; whoever has more puts these right first


@dataclass(frozen=True, slots=True)
class Manifest:
    """One valid document of ours: its noun, and the plain values that go to the cluster.

    ``namespace`` is empty where the author named none.
    ``lines``: of each node by its path in the object.
    """

    kind: str
    name: str
    namespace: str
    spec: "Spec"
    plain: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    line: int = 0
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False, compare=False)

    def error(self, path: Path, found: str, wanted: str = "") -> ManifestError:
        """What is wrong at ``path`` of the spec, at its line."""
        place: Path = ("spec", *path)
        while place and place not in self.lines:
            place = place[:-1]
        where = words(("spec", *path)) if path else f"{self.name}:"
        return ManifestError(
            self.file, self.lines.get(place, self.line), f"{where} {found}", wanted
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one file holds: every document of ours is a manifest, or has its errors.

    ``notes``: what was passed over, one line each.
    ``doubtful``: those of the notes whose author may have meant us.
    ``unread``: the file as a whole was passed over, and nobody knows what it holds.
    """

    manifests: tuple[Manifest, ...] = ()
    errors: tuple[ManifestError, ...] = ()
    notes: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = field(default=(), compare=False)
    unread: bool = field(default=False, compare=False)


def text(file: str, data: bytes) -> Loaded:
    """What ``data`` holds, in the order of the file; never raises, whatever it is."""
    try:
        documents = scan.documents(file, data)
    except ManifestError as error:
        return _unreadable(error, data)
    found = [_one(file, document, base) for document in documents for base in parts(document)]
    return Loaded(
        tuple(manifest for one in found for manifest in one.manifests),
        tuple(error for one in found for error in one.errors),
        tuple(note for one in found for note in one.notes),
        tuple(note for one in found for note in one.doubtful),
    )


def _unreadable(error: ManifestError, data: bytes) -> Loaded:
    """A file that cannot be read is an error, unless it plainly belongs to somebody else.

    Charts and bundles of CRDs lie beside our manifests in many repositories.
    """
    ours = GROUP.encode() in data
    if not ours and (b"{{" in data or len(data) > scan.MAX_BYTES):
        note = f"{error}; ignored, as it does not speak of {GROUP}"
        return Loaded(notes=(note,), unread=True)
    return Loaded(errors=(error,))


def parts(document: YamlDocument) -> Iterator[Path]:
    """Where the objects of ``document`` are: itself, or the items of a List."""
    value = document.value
    items = value.get("items") if isinstance(value, Mapping) else None
    if isinstance(items, list) and value.get("kind") == "List":
        yield from (("items", index) for index in range(len(items)))
    else:
        yield ()


def _one(file: str, document: YamlDocument, base: Path) -> Loaded:
    value, line = at(document.value, base), document.line(base)
    if note := envelope.stranger(value):
        notes = (f"{file}:{line}: {note}; ignored",)
        return Loaded(notes=notes, doubtful=notes if envelope.is_namesake(value) else ())
    scanned = [mistake for mistake in document.mistakes if mistake.path[: len(base)] == base]
    spec, mistakes = _spec(at(document.spelled, base))
    placed = [
        *scanned,
        *(_under(base, mistake) for mistake in (*envelope.mistakes(value), *mistakes)),
    ]
    errors = located(file, document, base, placed)
    if errors:
        return Loaded(errors=errors)
    name, namespace = value["metadata"]["name"], value["metadata"].get("namespace", "")
    kind, wanted = value["kind"], schema.without_nulls(value["kind"], value["spec"])
    lines = {
        path[len(base) :]: at for path, at in document.lines.items() if path[: len(base)] == base
    }
    manifest = Manifest(kind, name, namespace, spec, wanted, value["metadata"], file, line, lines)
    return Loaded(manifests=(manifest,))


def at(value: Any, path: Path) -> Any:
    """What stands at ``path`` of ``value``."""
    for part in path:
        value = value[part]
    return value


def _under(base: Path, mistake: Mistake) -> Mistake:
    return replace(mistake, path=(*base, *mistake.path))


def _spec(value: Mapping[str, Any]) -> tuple[Any, list[Mistake]]:
    """The noun of the document's spec, or None and every mistake; paths begin at the document."""
    kind = value.get("kind")
    if not schema.is_kind(kind) or "spec" not in value:
        return None, []  # the envelope says so
    spec, mistakes = read(kind, value["spec"])
    return spec, [_under(("spec",), mistake) for mistake in mistakes]


def read(kind: str, content: object, *, stored: bool = False) -> tuple[Any, list[Mistake]]:
    """The noun of a ``kind``'s spec, or None, and every mistake; paths begin at the spec.

    ``stored``: as the API server has it, where ``kubectl apply`` has dropped what was null.
    """
    keys = lambda path: schema.keys(kind, ("spec", *path))  # noqa: E731 - shorter than a name
    built = complaints.build(schema.KINDS[kind].spec, content, keys)
    mistakes = built if isinstance(built, list) else []
    said = {mistake.path for mistake in mistakes}
    mistakes += [
        mistake for mistake in rules.of(kind, content, stored=stored) if mistake.path not in said
    ]
    return (None if mistakes else built), mistakes


def located(
    file: str, document: YamlDocument, base: Path, mistakes: Iterable[Mistake]
) -> tuple[ManifestError, ...]:
    """One error per path, in the order of the file."""
    first: dict[Path, Mistake] = {}
    for mistake in mistakes:
        first.setdefault(mistake.path, mistake)
    lines = [(one.line or document.line(path), one) for path, one in first.items()]
    lines.sort(key=lambda pair: pair[0])
    errors = [
        ManifestError(
            file, line, f"{words(one.path[len(base) :])} {_found(document, one)}", one.wanted
        )
        for line, one in lines[:MAX_ERRORS]
    ]
    if len(lines) > MAX_ERRORS:
        more = counted(len(lines) - MAX_ERRORS, "more mistake")
        errors.append(ManifestError(file, lines[MAX_ERRORS][0], f"{more} below"))
    return tuple(errors)


def _found(document: YamlDocument, mistake: Mistake) -> str:
    """What is said of it, with a plain scalar that is no text as its author spelled it."""
    written = document.written.get(mistake.path)
    if written is None:
        return mistake.found
    if mistake.shows:
        return f"is {written}"
    shown = f"is {scan.show(complaints.at(document.value, mistake.path, None))}"
    if mistake.found == shown or mistake.found.startswith(f"{shown},"):
        return f"is {written}{mistake.found.removeprefix(shown)}"
    return mistake.found


def oddities(file: str, data: bytes) -> tuple[ManifestError, ...]:
    """What is odd in other people's objects in a file; nothing where it is no YAML at all."""
    try:
        documents = scan.documents(file, data)
    except ManifestError:
        return ()
    found = [(d, d.value, one) for d in documents for one in shapes.odd(lenient.mapping(d.value))]
    return tuple(
        ManifestError(
            file,
            document.line(one.path),
            f"{value.get('kind')} {words(one.path)} {one.found}",
            one.wanted,
        )
        for document, value, one in found
    )


def words(path: Path) -> str:
    """``path`` as people say it: ``steps[2].weight``, short where nothing else could be meant."""
    if path[:1] == ("spec",) and len(path) > 1:
        path = path[1:]
    if path[:1] == ("strategy",) and "steps" in path[2:3]:
        path = path[2:]
    said = ""
    for part in path:
        said += f"[{part}]" if isinstance(part, int) else f".{_key(part)}"
    return said.removeprefix(".") or "the document"


def _key(part: str) -> str:
    plain = part.isprintable() and " " not in part and "." not in part and part
    text = part if plain else repr(part)
    return text if len(text) <= 64 else f"{text[:60]}…"
