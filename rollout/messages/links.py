"""Addresses of a forge's pages, from a repository's own address; empty where that has none.

Only https addresses of a plain shape become links, since both come from objects of others.
Sources: GitHub, Gitea and Forgejo have ``/commit/`` and ``/compare/``, GitLab both below ``/-/``,
Bitbucket ``/commits/`` and ``/branches/compare/`` with the newer one first.
"""

import re

_REPOSITORY = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]+(:[0-9]+)?)/(?P<path>[A-Za-z0-9._/-]+?)(\.git)?/?"
)
_SHA = re.compile(r"[0-9a-f]{7,64}")


def commit(repository: str, sha: str) -> str:
    """The page of a commit."""
    if not (base := _base(repository, sha)):
        return ""
    where = {"gitlab": "-/commit", "bitbucket": "commits"}.get(_kind(base), "commit")
    return f"{base}/{where}/{sha}"


def diff(repository: str, before: str, after: str) -> str:
    """The page of what changed from one commit to another."""
    base = _base(repository, before, after)
    if not base or before == after:
        return ""
    if _kind(base) == "bitbucket":
        return f"{base}/branches/compare/{after}..{before}"
    where = "-/compare" if _kind(base) == "gitlab" else "compare"
    return f"{base}/{where}/{before}...{after}"


def _base(repository: str, *shas: str) -> str:
    found = _REPOSITORY.fullmatch(repository)
    if found is None or not all(map(_SHA.fullmatch, shas)):
        return ""
    return f"https://{found['host'].lower()}/{found['path']}"


def _kind(base: str) -> str:
    host = base.split("/")[2]
    return next((kind for kind in ("gitlab", "bitbucket") if kind in host), "")
