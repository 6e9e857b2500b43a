from collections import Counter
from dataclasses import dataclass, field

import pytest

from rollout.cli.lab import journal
from rollout.cli.lab.journal import TrialJournal
from rollout.model.status import Revision, RolloutStatus, Stage, StepStatus
from rollout.model.traffic import Split
from tests import make
from tests.make import START


@dataclass
class Tally:
    versions: Counter[str] = field(default_factory=Counter)
    failed_versions: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return self.versions.total()

    @property
    def failures(self) -> int:
        return self.failed_versions.total()


def answers(v1: int = 0, v2: int = 0, bad: int = 0) -> Tally:
    return Tally(Counter(v1=v1, v2=v2), Counter(v2=bad) if bad else Counter())


def stepping(weight: int, *, settled: bool = True) -> RolloutStatus:
    return make.status(
        stage=Stage.STEPPING,
        because=f"{weight}% to v2",
        stable=Revision("v1"),
        canary=Revision("v2"),
        step=StepStatus(weight, f"step {weight}", START),
        split=Split.giving_canary(weight),
        confirmed_at=START if settled else None,
    )


def test_requests_belong_to_the_leg_in_which_they_came_back() -> None:
    book = TrialJournal("v2", "v1")
    assert book.see(stepping(10))
    book.add(answers(v1=90, v2=10))
    assert book.see(stepping(40))
    assert not book.see(stepping(40))
    book.add(answers(v1=60, v2=40, bad=4))
    assert [(leg.asked, leg.served.share("v2")) for leg in book.legs] == [(10, 0.1), (40, 0.4)]
    assert book.legs[1].served.error_ratio("v2") == 0.1


def test_nothing_is_counted_before_the_first_leg() -> None:
    book = TrialJournal("v2", "v1")
    book.add(answers(v1=5))
    assert journal.total([book]).requests == 0


def test_a_share_within_chance_is_no_excess() -> None:
    book = TrialJournal("v2", "v1")
    book.see(stepping(10))
    book.add(answers(v1=880, v2=120))
    assert book.excess == 0


def test_more_than_was_asked_for_is_an_excess() -> None:
    book = TrialJournal("v2", "v1")
    book.see(stepping(10))
    book.add(answers(v1=700, v2=300))
    assert book.excess == pytest.approx(0.16, abs=0.01)


def test_on_the_way_down_the_old_share_is_allowed_until_the_proxies_have_the_new_one() -> None:
    book = TrialJournal("v2", "v1")
    book.see(stepping(40))
    back = make.status(stage=Stage.WITHDRAWING, stable=Revision("v1"), canary=Revision("v2"))
    book.see(back)
    book.add(answers(v1=60, v2=40))
    assert book.excess == 0
    assert book.legs[-1].name == "way back"


def test_a_few_requests_that_were_under_way_are_no_excess() -> None:
    book = TrialJournal("v2", "v1")
    book.see(stepping(0))
    book.add(answers(v1=20, v2=2))
    assert book.excess == 0


def test_the_share_asked_for_is_everything_once_the_revision_is_stable() -> None:
    assert journal.share_asked(RolloutStatus(stable=Revision("v2")), "v2") == 100
    assert journal.share_asked(stepping(40), "v2") == 40
    assert journal.share_asked(RolloutStatus(stable=Revision("v1")), "v2") == 0


def test_a_leg_is_told_in_a_line_that_fits_a_terminal() -> None:
    book = TrialJournal("v2", "v1")
    book.see(stepping(10))
    book.add(answers(v1=11000, v2=1000, bad=3))
    (figures, because) = next(iter(book.lines()))
    assert figures == (
        "v2  step 10   asked  10%  served  8.3% of 12000 errors v1  0.00%  v2  0.30%"
    )
    assert len(figures) < 80
    assert because == "10% to v2"
    assert journal.total([book]).failures == Counter(v2=3)
