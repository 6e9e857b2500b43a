"""What an option's text must look like; the chart's schema has names and URLs from here, too."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import typer

from rollout.errors import GIVEN

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"  # RFC 1123
NAME = rf"^({_LABEL})?$"  # or nothing
URL = r"^(https?://[^\s,]+)?$"
URLS = r"^(https?://[^\s,]+(,https?://[^\s,]+)*)?$"
IMAGE = r"^[^\s]+$"
CLAIM = rf"^(-|{_LABEL})?$"
ADDRESS = r"^([^\s:]+:[0-9]{1,5})?$"
KEY = r"[-._a-zA-Z0-9]+"  # of a Secret's entry
ENTRY = rf"^({_LABEL}(/{KEY})?)?$"
LEVELS = ("debug", "info", "warning")


def checked(form: str, wanted: str) -> Callable[[str], str]:
    """Of an option: its text as it is, or the sentence that says what is ``wanted``."""

    def check(text: str) -> str:
        if not re.match(form, text) or text.endswith("\n") or not _can_be_split(text):
            raise typer.BadParameter(f"{text[:GIVEN]!r} is wrong; {wanted} is wanted")
        return text

    return check


def _can_be_split(text: str) -> bool:
    """Whether the URLs in it, if there are any, have brackets and ports as URLs have them."""
    try:
        for one in text.split(","):
            _ = urlsplit(one).port
    except ValueError:
        return False
    return True


name = checked(NAME, "a name of a-z, 0-9 and -")
url = checked(URL, "http://HOST[:PORT] or https://HOST[:PORT]")
urls = checked(URLS, "http://HOST[:PORT]/debug/syncz, several with commas between,")
image = checked(IMAGE, "REGISTRY/NAME:TAG")
address = checked(ADDRESS, "HOST:PORT")
entry = checked(ENTRY, "a Secret's name, or NAME/ENTRY,")
level = checked(f"^({'|'.join(LEVELS)})$", "debug, info or warning")
claim = checked(CLAIM, "the name of a PersistentVolumeClaim, or -")
