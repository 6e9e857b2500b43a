"""known_hosts as people write it, and what of it pins one host."""

import base64
import hashlib
import hmac
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.git import address
from rollout.edges.git.reader.hosts import Pins, listed, pins
from tests.effort import effort

HOST, PORT = "git.example.com", 2222


def key(kind: str, letter: str = "k") -> str:
    return base64.b64encode(len(kind).to_bytes(4) + kind.encode() + letter.encode() * 40).decode()


ED, RSA = ("ssh-ed25519", key("ssh-ed25519")), ("ssh-rsa", key("ssh-rsa"))
OTHER = ("ssh-ed25519", key("ssh-ed25519", "o"))


def line(names: str, pin: tuple[str, str] = ED, marker: str = "") -> str:
    return " ".join([*([marker] if marker else []), names, *pin, "ann@laptop"]) + "\n"


def hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "names",
    [
        *("[git.example.com]:2222", "git.example.com", "Git.Example.Com", "*", "*.example.com"),
        *("[git.example.com]:*", "git.example.co?", "a.example.com,git.example.com"),
        *("*.example.com,!db.example.com", hashed("[git.example.com]:2222"), hashed(HOST)),
    ],
)
def test_a_line_is_about_the_host_however_it_names_it(names: str) -> None:
    wanted = Pins(HOST, PORT, (ED,), named=True)
    assert pins(line(names), HOST, PORT) == wanted
    assert pins("# ours\r\n\r\n" + line(names).replace("\n", "\r\n"), HOST, PORT) == wanted
    assert wanted.text(HOST) == f"[git.example.com]:2222 {' '.join(ED)}\n"


@pytest.mark.parametrize(
    "names",
    [
        *("example.com", "git.example.com.evil.net", "[git.example.com]:22", "gitXexample.com"),
        *("*.example.com,!git.example.com", "!git.example.com", "git", "[g]it.example.com"),
        *(hashed("git.example.net"), "|1|x|y", "|1|", "#git.example.com"),
    ],
)
def test_a_line_about_another_host_pins_nothing(names: str) -> None:
    assert pins(line(names), HOST, PORT) == Pins(HOST, PORT)


def test_a_revoked_key_is_let_in_by_no_line() -> None:
    """libssh2 knows no markers: to it the key would be as good as ever."""
    listed = line("[git.example.com]:2222")
    for revoked in ("*", HOST, "[git.example.com]:2222"):
        for text in (
            line(revoked, ED, "@revoked") + listed,
            listed + line(revoked, ED, "@revoked"),
        ):
            assert pins(text, HOST, PORT) == Pins(HOST, PORT, (), named=True)
    assert pins(line("*", ED, "@revoked") + listed + line(HOST, RSA), HOST, 22).keys == (RSA,)
    assert pins(line("db.example.com", ED, "@revoked") + listed, HOST, PORT).keys == (ED,)


def test_a_line_for_the_port_goes_before_one_for_the_host() -> None:
    text = line(HOST, OTHER) + line("[git.example.com]:2222")
    assert pins(text, HOST, PORT).keys == (ED,)
    assert pins(text, HOST, 22).keys == (OTHER,)


def test_what_libssh2_cannot_read_is_left_out_and_costs_no_other_line() -> None:
    odd = [
        *(
            "garbage",
            "x y",
            f"{HOST} ssh-ed25519",
            f"{HOST} ssh-ed25519 AAAA",
            "@revoked",
            "@x y z",
        ),
        *(f"{HOST} ssh-ed25519 {RSA[1]}", f"{HOST} ssh-ed25519 %%%", "\0", "é è ê"),
        line(HOST, ("ssh-new", key("ssh-new"))).strip(),
        line(HOST, OTHER, "@cert-authority").strip(),
    ]
    for one in odd:
        assert pins(f"{one}\n{line(HOST)}{one}\n", HOST, PORT).keys == (ED,)
    text = "\n".join(odd)
    assert pins(text, HOST, PORT) == Pins(HOST, PORT, (), named=True)
    assert not re.search(r"\S", pins(text, HOST, PORT).text(HOST))


def test_a_host_is_told_to_libssh2_as_the_address_spells_it_too() -> None:
    told = Pins(HOST, 22, (ED,), named=True).text("Git.Example.Com").splitlines()
    assert told == [f"{name} {' '.join(ED)}" for name in ("Git.Example.Com", HOST)]
    for url in (
        *("ssh://Ann@Git.Example.Com/git.example.com/x", "ssh://Git.Example.Com:22/x"),
        *("git@Git.Example.Com:Team/git.example.com", "Git.Example.Com:x"),
    ):
        assert address.spelled_host(url) == "Git.Example.Com"


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_a_pattern_fits_what_a_regex_of_it_fits(pattern: str, name: str) -> None:
    regex = pattern.replace("*", ".*").replace("?", ".")
    assert listed(pattern, name) is bool(re.fullmatch(regex, name))


def test_no_pattern_takes_long() -> None:
    """Whoever may write a Secret of one source must not hold up the reader of all."""
    with effort() as made:
        assert not listed("*a" * 500 + "b", "a" * 253)
    assert made.calls < 2 * 1001 * 253


def test_a_host_may_have_a_key_of_each_kind_and_an_old_one_beside_a_new_one() -> None:
    text = line(HOST) + line(HOST, RSA) + line(HOST, OTHER) + line(HOST)
    assert pins(text, HOST, 22) == Pins(HOST, 22, (ED, RSA, OTHER), named=True)
