import pytest
from yarl import URL

from rollout.edges import reach
from rollout.edges.reach import Hosts, Reach
from rollout.errors import RefusedError

LIST = (
    "https://gate.example.com",
    "http://gate.qa.svc:8080",
    "https://*.corp.example",
    "https://10.1.2.3:*",
    "https://[::1]:8443",
    "https://localhost",
)


@pytest.mark.parametrize(
    ("url", "far"),
    [
        ("https://gate.example.com/x", Reach.PRIVATE),
        ("https://GATE.example.com./x", Reach.PRIVATE),
        ("http://gate.qa.svc:8080/", Reach.PRIVATE),
        ("https://a.b.corp.example/", Reach.PRIVATE),
        ("https://10.1.2.3:9/", Reach.ITSELF),
        ("https://[::1]:8443/", Reach.ITSELF),
        ("https://localhost/", Reach.ITSELF),
    ],
)
def test_the_list_says_how_far_one_may_go(url: str, far: Reach) -> None:
    assert Hosts(LIST).reach(URL(url)) is far


@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example.com/",
        "https://gate.example.com:8443/",
        "https://evil.example/",
        "https://corp.example/",
        "https://xcorp.example/",
        "https://gate.example.com.evil.example/",
        "http://10.1.2.3/",
    ],
)
def test_who_is_not_on_the_list_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="not on the controller's list"):
        Hosts(LIST).reach(URL(url))


def test_without_a_list_any_https_host_may_be_asked_behind_a_public_address() -> None:
    assert Hosts().reach(URL("https://gate.example.com:8443/")) is Reach.PUBLIC
    with pytest.raises(RefusedError):
        Hosts().reach(URL("http://gate.example.com/"))


def test_of_two_lines_the_wider_counts() -> None:
    both = Hosts(["https://*", "https://gate.corp.example"])
    assert both.reach(URL("https://gate.corp.example/")) is Reach.PRIVATE
    assert both.reach(URL("https://other.example/")) is Reach.PUBLIC


@pytest.mark.parametrize(
    "line",
    ["gate.example.com", "ftp://a", "https://", "https://a/b", "https://a*b", "https://*b",
     "https://u@a", "https://a:b", "https://a:"],
)  # fmt: skip
def test_a_line_that_says_nothing_clear_is_refused(line: str) -> None:
    with pytest.raises(RefusedError, match="wanted"):
        Hosts([line])


PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1",
    "64:ff9b::a00:1", "2002:a00:1::", "240.0.0.1", "fec0::1", "192.0.2.1",
]  # fmt: skip
ITSELF = [
    "127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1%eth0", "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
]  # fmt: skip
NEVER = ["0.0.0.0", "::", "224.0.0.1", "ff02::1"]


@pytest.mark.parametrize(
    ("address", "least"),
    [
        *((a, Reach.PUBLIC) for a in PUBLIC),
        *((a, Reach.PRIVATE) for a in PRIVATE),
        *((a, Reach.ITSELF) for a in ITSELF),
        *((a, None) for a in NEVER),
    ],
)
def test_an_address_is_within_some_reach(address: str, least: Reach | None) -> None:
    """SEC-13: IPv6 forms, mapped and link-local ones among them."""
    found = [far for far in Reach if reach.allows(far, address)]
    assert found == [far for far in Reach if least is not None and far >= least]
