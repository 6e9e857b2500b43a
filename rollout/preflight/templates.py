"""Rules about AnalysisTemplates: that they are there, and what their arguments need."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rollout.model.spec import AnalysisTemplateSpec, TemplateUse, Unread
from rollout.preflight.snapshot import Case

Known = Mapping[str, AnalysisTemplateSpec | Unread]
_ARGUMENT = re.compile(r"\{\{\s*args\.([^\s{}]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one use of a template; ``argument``: at which, empty: at its name."""

    use: int
    argument: str
    found: str
    wanted: str


def wrong(uses: tuple[TemplateUse, ...], known: Known) -> Iterator[Wrong]:
    """What is wrong with the templates in use, ``known`` being all that there are by name."""
    for index, use in enumerate(uses):
        template = known.get(use.name)
        if template is None:
            names = ", ".join(sorted(known))
            wanted = f"one of {names} is wanted" if names else "it is wanted"
            yield Wrong(index, "", f"AnalysisTemplate {use.name!r} is not there", wanted)
        elif isinstance(template, Unread):
            yield Wrong(index, "", template.problem, "it is wanted whole")
        else:
            yield from _arguments(index, use, template)


def _arguments(index: int, use: TemplateUse, template: AnalysisTemplateSpec) -> Iterator[Wrong]:
    used = arguments(template)
    names = ", ".join(sorted({*template.args, *used})) or "none"
    for name in use.args:
        if name not in template.args and name not in used:
            found = f"AnalysisTemplate {use.name!r} has no argument {name!r}"
            yield Wrong(index, name, found, f"it has {names}")
    for name in sorted({*template.args, *used}):
        if template.args.get(name) is None and name not in use.args:
            found = f"AnalysisTemplate {use.name!r} needs the argument {name!r}"
            yield Wrong(index, "", found, "a value in args is wanted")


def arguments(template: AnalysisTemplateSpec) -> set[str]:
    """The arguments that the template's metrics use."""
    texts = (text for m in template.metrics for text in (m.query, m.bad, m.total) if text)
    return {name for text in texts for name in _ARGUMENT.findall(text)}


def unusable(case: Case) -> Iterator[str]:
    """ROL-056, B: a metric that cannot be asked for opens no gate; better known beforehand."""
    for one in wrong(case.uses, case.templates):
        yield f"{one.found}; {one.wanted}"
