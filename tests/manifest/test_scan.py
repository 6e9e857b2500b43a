import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import ManifestError
from rollout.manifest import scan
from tests.effort import effort


def only(text: str) -> scan.YamlDocument:
    [document] = scan.documents("shop.yaml", text.encode())
    return document


def refusal(data: bytes) -> str:
    with pytest.raises(ManifestError) as caught:
        scan.documents("shop.yaml", data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("101", 101),
        ("-1", -1),
        ("1.5", 1.5),
        ("true", True),
        ("~", None),
        ("on", "on"),
        ("yes", "yes"),
        ("2001-99-99", "2001-99-99"),
        ("1.29.2", "1.29.2"),
        ("1-29-2", "1-29-2"),
        ("90s", "90s"),
        ("5%", "5%"),
        ("'010'", "010"),
        ("8080:80", "8080:80"),
    ],
)
def test_plain_scalars_are_read_as_yaml_1_2_reads_them(text: str, value: object) -> None:
    document = only(f"a: {text}\nb: 1")
    assert document.value == {"a": value, "b": 1}
    assert type(document.value["a"]) is type(value)
    assert document.mistakes == ()


@pytest.mark.parametrize(
    "text",
    ["010", "1_0", "0b101", "0x1F", "0o17", "1:30", "1e3", ".nan", ".inf", "-.INF", "9" * 5000],
)
def test_scalars_on_which_readers_disagree_are_refused(text: str) -> None:
    [mistake] = only(f"weight: {text}").mistakes
    assert (mistake.path, mistake.line) == (("weight",), 1)
    assert "on which readers of YAML disagree" in mistake.found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1", "has an anchor"),
        ("a: [*x]", "has an alias"),
        ("a: !!int ''", "has the tag 'tag:yaml.org,2002:int'"),
        ("a: !!timestamp zzz", "has the tag 'tag:yaml.org,2002:timestamp'"),
        (
            "a: !!python/object:os.system 1",
            "has the tag 'tag:yaml.org,2002:python/object:os.system'",
        ),
        ("<<: {a: 1}", "has the merge key <<"),
        ("a: 1\na: 2", "is given twice, first in line 1"),
        ("? [a]\n: 1", "has a key that is not plain text"),
    ],
)
def test_what_json_cannot_say_is_refused(text: str, found: str) -> None:
    assert found in [mistake.found for mistake in only(text).mistakes]


def test_every_node_has_its_line() -> None:
    document = only("a:\n- b: 1\n  c:\n    d: [2,\n      3]\n")
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("a", 0): 2,
        ("a", 0, "b"): 2,
        ("a", 0, "c"): 3,
        ("a", 0, "c", "d"): 4,
        ("a", 0, "c", "d", 0): 4,
        ("a", 0, "c", "d", 1): 5,
    }
    assert document.line(("a", 0, "missing", 7)) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"a: 1\nb: \xff",
            "shop.yaml:2: has the byte 0xff, which is not UTF-8; plain UTF-8 is wanted",
        ),
        (
            "a: 1".encode("utf-16"),
            "shop.yaml:1: begins with a byte order mark; plain UTF-8 is wanted",
        ),
        (b"\xef\xbb\xbfa: 1", "shop.yaml:1: begins with a byte order mark; plain UTF-8 is wanted"),
        (b"a: 1\n\n\0", "shop.yaml:3: has a NUL character; plain UTF-8 text is wanted"),
        (
            b"a: b: c",
            "shop.yaml:1: is not YAML: mapping values are not allowed in this context; "
            "valid YAML is wanted",
        ),
        (b"[" * (1 << 20), "shop.yaml:1: is nested more than 50 deep; flatter text is wanted"),
        (b"{a: " * (1 << 18), "shop.yaml:1: is nested more than 50 deep; flatter text is wanted"),
        (b"a" * (1 << 20) + b"a", "shop.yaml: has 1048577 bytes; at most 1 MiB is read"),
        (
            b"- 1\n" * (1 << 18),
            "shop.yaml:10000: has more than 10000 values; several files are wanted",
        ),
    ],
)
def test_an_unreadable_file_is_one_line_and_its_place(data: bytes, message: str) -> None:
    assert refusal(data) == message


@pytest.mark.parametrize(
    "unit",
    [
        b"[",
        b"{a: ",
        b"- ",
        b"? ",
        b"a: ",
        b"a:\n",
        b"---\n",
        b"'",
        b'"\\',
        b"#",
        b"!",
        b"&a ",
        b"*a\n",
        b"%",
        b" ",
        b"\t",
        b"\n",
        b"[a,",
        b"a,",
        b"|\n ",
        b"x: 1\n",
        b"a: 'b\n",
        b"<<: *a\n",
    ],
)
def test_a_mebibyte_of_anything_is_answered_at_once(unit: bytes) -> None:
    data = (unit * ((1 << 20) // len(unit)))[: 1 << 20]
    with effort() as made:
        try:
            scan.documents("shop.yaml", data)
        except ManifestError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
    assert made.calls < 400_000


@given(
    st.binary(max_size=200)
    | st.text(alphabet="a:-[]{}&*!?|>'\"#%@,\n\t 01_.<~", max_size=60).map(str.encode)
)
def test_no_bytes_bring_about_anything_but_documents_or_a_manifest_error(data: bytes) -> None:
    try:
        for document in scan.documents("shop.yaml", data):
            assert document.value is not None or document.mistakes
    except ManifestError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
