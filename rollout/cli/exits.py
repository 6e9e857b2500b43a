"""What our exit codes mean; scripts and the GitHub Action rely on them."""

from enum import IntEnum

from rollout.errors import ConflictError, ManifestError, OutsideError, RolloutError


class Exit(IntEnum):
    """One meaning a number; 1 is any no, as of kubectl, 2 is what usage errors give, too."""

    OK = 0  # done, or what was waited for is so
    FAILED = 1  # a journey ended elsewhere: rejected, rolled back, another revision
    INPUT = 2  # the command line or a manifest is wrong; its author can put it right
    REFUSED = 1  # a no without a journey: not found, nothing to do, the cluster said no
    OUTSIDE = 4  # a system did not answer; try again
    TIMEOUT = 5  # waited as long as asked, and it is still under way
    PAUSED = 6  # it stands still and waits for a person
    OVERTAKEN = 7  # git asks for a newer commit than the one that was waited for


def of(error: RolloutError) -> Exit:
    """The code for an error of ours, by who can put it right."""
    match error:
        case ManifestError():
            return Exit.INPUT
        case OutsideError() | ConflictError():
            return Exit.OUTSIDE
        case _:
            return Exit.REFUSED


TABLE = "\n\n".join(
    f"{code.value}  {words}"
    for code, words in {
        Exit.OK: "done, or what was waited for is so",
        Exit.FAILED: "the journey ended elsewhere (rejected, rolled back, another revision), "
        "or the answer was no: not found, nothing to do, refused",
        Exit.INPUT: "the command line or a manifest is wrong",
        Exit.OUTSIDE: "a system did not answer; try again",
        Exit.TIMEOUT: "waited as long as asked, and it is still under way",
        Exit.PAUSED: "it stands still and waits for a person",
        Exit.OVERTAKEN: "a newer commit came before the one that was waited for was through",
    }.items()
)
"""The same for people, as ``--help`` shows it."""
