"""What our exit codes mean; scripts and the GitHub Action rely on them."""

from enum import IntEnum

from rollout.errors import ConflictError, ManifestError, OutsideError, RolloutError


class Exit(IntEnum):
    """One meaning a number; 2 is also what the shell's own usage errors give."""

    OK = 0  # done, or what was waited for is so
    FAILED = 1  # a journey ended elsewhere: rejected, rolled back, another revision
    INPUT = 2  # the command line or a manifest is wrong; its author can put it right
    REFUSED = 3  # the cluster or another system said no
    OUTSIDE = 4  # a system did not answer; try again
    TIMEOUT = 5  # waited as long as asked, and it is still under way
    PAUSED = 6  # it stands still and waits for a person


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
        Exit.FAILED: "the journey ended elsewhere: rejected, rolled back, another revision",
        Exit.INPUT: "the command line or a manifest is wrong",
        Exit.REFUSED: "the cluster said no, or something must be installed or set",
        Exit.OUTSIDE: "a system did not answer; try again",
        Exit.TIMEOUT: "waited as long as asked, and it is still under way",
        Exit.PAUSED: "it stands still and waits for a person",
    }.items()
)
"""The same for people, as ``--help`` shows it."""
