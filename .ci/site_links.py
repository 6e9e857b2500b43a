"""A hook of mkdocs: links that leave ``docs/`` lead to the repository, as they do on GitHub."""

import posixpath
import re
from typing import Any

LINK = re.compile(r"\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """The page with such links made absolute."""
    folder = posixpath.dirname(page.file.src_uri)
    repository = config["repo_url"].rstrip("/")

    def absolute(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, found["target"]))
        if path.startswith("docs/") and not found["target"].endswith("/"):
            return found[0]
        return f"]({repository}/blob/main/{path}{found['anchor'] or ''})"

    return LINK.sub(absolute, markdown)
