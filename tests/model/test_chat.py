"""What is said in a chat and what comes back."""

from rollout.model.chat import Ticket


def test_a_ticket_names_its_rollout_as_people_write_it() -> None:
    assert Ticket("Rollout", "shop", "reviews", "uid", "c0ffee", 1, 0).key == "shop/reviews"
