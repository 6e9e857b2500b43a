"""What every answer of the page carries, and which requests are none of its own.

Sources: W3C, "Content Security Policy Level 3" and "Trusted Types"; OWASP, "Cross-Site Request
Forgery Prevention Cheat Sheet" (a token beside a SameSite cookie, and Sec-Fetch-Site); "DNS
rebinding" is answered by the Host header, which a foreign page cannot choose.
"""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
))  # fmt: skip

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

HERE = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""How this machine is called by itself, and by who forwards a port."""


def middleware(hosts: frozenset[str]) -> Middleware:
    """Refuses what came under another name than ``hosts``, and signs every answer with HEADERS."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_known(request.host, hosts):
            known = "is no name of this page; policy.page.hosts has those that are"
            return web.Response(status=421, text=f"{known}\n", headers=HEADERS)
        if request.method not in ("GET", "HEAD") and not _is_our_own(request):
            return web.Response(status=403, text="asked by another page\n", headers=HEADERS)
        try:
            return await handler(request)
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise

    return guarded


async def signed(_: web.Request, response: web.StreamResponse) -> None:
    """Every answer has HEADERS before it is sent, streams too."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _is_known(host: str, hosts: frozenset[str]) -> bool:
    name = host.lower()
    if name.rpartition(":")[2].isdecimal() and not name.endswith("]"):
        name = name.rpartition(":")[0]
    return name in hosts


def _is_our_own(request: web.Request) -> bool:
    """Whether our own page asks; a browser says of any other one whose it is."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    ours = origin is None or origin.partition("://")[2] == request.host
    is_json = request.content_type == "application/json"
    return site in ("same-origin", "none") and ours and is_json
