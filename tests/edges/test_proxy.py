import pytest
from yarl import URL

from rollout.edges.proxy import Proxy
from rollout.errors import RefusedError

ENV = {
    "HTTPS_PROXY": "http://u:p@proxy.corp:3128",
    "NO_PROXY": "localhost, .svc,*.corp.example,qa.example:8443,10.0.0.0/8,[fd00::]/8,192.0.2.7,",
}


@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example/",
        "https://localhost/",
        "https://gate.qa.svc/",
        "https://Gate.corp.example./",
        "https://corp.example/",
        "https://qa.example:8443/",
        "https://10.1.2.3/",
        "https://192.0.2.7:9/",
    ],
)
def test_these_are_asked_directly(url: str) -> None:
    assert Proxy.of(ENV).to(URL(url)) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://gate.example/",
        "https://svc.example/",
        "https://notcorp.example/",
        "https://qa.example/",
        "https://11.1.2.3/",
        "https://[2001:db8::1]/",
    ],
)
def test_these_go_through_the_proxy(url: str) -> None:
    assert Proxy.of(ENV).to(URL(url)) == URL("http://u:p@proxy.corp:3128")


def test_without_a_proxy_and_with_a_star_everyone_is_asked_directly() -> None:
    assert Proxy().to(URL("https://gate.example/")) is None
    assert Proxy("proxy:1", ("*",)).to(URL("https://gate.example/")) is None


def test_a_proxy_without_a_scheme_is_one_of_http() -> None:
    assert Proxy("proxy:3128").to(URL("https://gate.example/")) == URL("http://proxy:3128")


@pytest.mark.parametrize("proxy", ["socks5://u:secret@p:1", "https://secret:1", "http://", "a b:x"])
def test_another_kind_of_proxy_is_refused_without_telling_its_password(proxy: str) -> None:
    with pytest.raises(RefusedError, match="http://host:port is wanted") as told:
        Proxy(proxy).to(URL("https://gate.example/"))
    assert "secret" not in str(told.value)
