"""SEC-20 and P-SLK: what Slack shows is what was said, and nothing in it acts by itself."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.lab.slack import blocks
from rollout.messages import slack
from rollout.messages.slack import Card
from rollout.model.chat import Press, Ticket

TICKET = Ticket("Rollout", "shop", "reviews", "uid-1", "c0ffee", 3, 1, 1767225600)
CARD = Card(
    key="uid-1.3",
    title="shop/reviews: v1 → v2",
    state="Progressing, step 2",
    percent=20,
    because="waiting for approval: 0 of 1",
    verdicts=("errors: pass",),
    facts=("commit c0ffee", "attempt 3"),
    tickets=tuple((press, TICKET) for press in Press),
)


def test_a_card_is_a_header_a_bar_verdicts_facts_and_buttons() -> None:
    made = slack.words(CARD)
    assert made.key == "uid-1.3"
    assert made.text == ("shop/reviews: v1 → v2: Progressing, step 2, waiting for approval: 0 of 1")
    assert [block["type"] for block in made.blocks] == [
        *("header", "section", "section", "context", "actions")
    ]
    bar = "█████░░░░░░░░░░░░░░░░░░░"
    assert made.blocks[1]["text"]["text"] == (
        f"*Progressing, step 2*\n`{bar}` 20% canary\nwaiting for approval: 0 of 1"
    )
    blocks.check(list(made.blocks))


def test_each_button_carries_its_ticket_and_only_abort_asks_again() -> None:
    buttons = slack.words(CARD).blocks[-1]["elements"]
    assert [(b["action_id"], slack.ticket(b["value"]), "confirm" in b) for b in buttons] == [
        ("approve", TICKET, False),
        ("reject", TICKET, False),
        ("pause", TICKET, False),
        ("abort", TICKET, True),
    ]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        (
            "<!channel> <@U1> <https://evil|click>",
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil|click&gt;",
        ),
        ("a\n> quoted\r\nb", "a &gt; quoted b"),
        ("`rm`", "'rm'"),
        ("\u202egpj.exe\x1b[31m\x00", "gpj.exe [31m"),
        ("a & b &lt;", "a &amp; b &amp;lt;"),
        ("x" * 300, "x" * 249 + "…"),
    ],
)
def test_hostile_text_is_shown_as_it_is_sec_20(hostile: str, shown: str) -> None:
    assert slack.safe(hostile) == shown


TEXT = st.text(max_size=400)


@given(
    st.builds(
        Card,
        *[TEXT] * 3,
        st.integers(0, 100),
        *[TEXT] * 2,
        st.lists(TEXT, max_size=40).map(tuple),
    )
)
def test_whatever_the_words_are_slack_takes_the_blocks_and_nobody_is_called(card: Card) -> None:
    made = slack.words(card)
    if not card.title:
        return
    blocks.check(list(made.blocks))
    sections = [b["text"] for b in made.blocks if b["type"] == "section"]
    assert all(one["verbatim"] for one in sections)
    told = "".join(one["text"] for one in sections) + made.text
    assert re.search(r"[<>]", told) is None


def test_people_are_mentioned_only_where_slack_vouched_for_them() -> None:
    assert slack.person("slack:U012AB3CD") == "<@U012AB3CD>"
    assert slack.person("slack:U1> <!channel") == "slack:U1&gt; &lt;!channel"
    assert slack.person("U012AB3CD") == "U012AB3CD"
    assert slack.person("") == "somebody, by Kubernetes"
    assert slack.mention("S0123") == "<!subteam^S0123>"
    assert slack.mention("W0123") == "<@W0123>"
    assert slack.mention("kubernetes") == "whoever may annotate (kubernetes)"


def test_the_modal_carries_what_it_is_for() -> None:
    view = slack.reason_view(TICKET, "C1", "shop/reviews <!here>")
    blocks.check(view["blocks"], blocks.MOST_OF_VIEW)
    assert slack.of_view(view["private_metadata"]) == ("C1", TICKET)
    assert "&lt;!here&gt;" in json.dumps(view)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "[]",
        "[1,2]",
        '["a","b","c","d",true,1,1]',
        '["a","b","c","d",1.5,1,1]',
        "[" * 9999,
    ],
)
def test_a_value_that_is_not_ours_is_no_ticket(value: str) -> None:
    assert slack.ticket(value) is None
    assert slack.of_view(value) == ("", None)


def test_a_thread_of_many_lines_keeps_whole_lines_only() -> None:
    lines = [slack.safe("<" * 250) for _ in range(40)]
    text = slack.reply("k", lines).text
    assert len(text) <= 3000
    assert set(text.split("\n")) == {lines[0]}


SHA = "c0ffee" + "0" * 34


@pytest.mark.parametrize(
    ("repository", "shown"),
    [
        ("https://github.com/a/b.git", f"<https://github.com/a/b/commit/{SHA}|c0ffee0000>"),
        (
            "https://gitlab.corp:8443/a/b/",
            f"<https://gitlab.corp:8443/a/b/-/commit/{SHA}|c0ffee0000>",
        ),
        ("https://bitbucket.org/a/b", f"<https://bitbucket.org/a/b/commits/{SHA}|c0ffee0000>"),
        ("ssh://git@github.com/a/b.git", "`c0ffee0000`"),
        ("javascript:alert(1)", "`c0ffee0000`"),
        ("https://user:pass@github.com/a/b", "`c0ffee0000`"),
        ("https://evil.com/a|b>", "`c0ffee0000`"),
        ("https://evil.com/a\n<!channel>", "`c0ffee0000`"),
        ("", "`c0ffee0000`"),
    ],
)
def test_a_commit_is_a_link_only_to_its_page_at_an_https_forge_sec_20(
    repository: str, shown: str
) -> None:
    assert slack.commit(repository, SHA) == shown


def test_what_is_no_commit_is_no_link() -> None:
    assert slack.commit("https://github.com/a/b", "../../<!here>") == "`../../&lt;!he`"
