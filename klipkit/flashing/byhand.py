"""What is left to hands: numbered lines, and a second try once they are done."""

from collections.abc import Callable

from klipkit.base.flashfaults import ByHand, NoBootloader
from klipkit.flashing.entry import instructions
from klipkit.flashing.job import Job, Step, Work


def with_hands(work: Work, run: Callable[[], None]) -> None:
    """Do it; when no boot loader answers have hands bring the board into it, and do it again."""
    try:
        run()
    except NoBootloader as error:
        if not work.job.method.needs_hands:
            raise
        if not work.ask("the board has to be brought into its boot loader by hand"):
            raise ByHand(
                "the boot loader does not answer",
                hint="do what the numbered lines say, and give the command again",
            ) from error
        run()


def hands_step(job: Job, words: str) -> Step:
    """A step that hands alone can do. Raises ByHand when nobody is there."""

    def act(work: Work) -> None:
        if not work.ask(words):
            raise ByHand(
                f"{words}: that is left to do",
                hint="do what the numbered lines say; then give the command again with --verify",
            )

    return Step(words, act, by_hand=instructions(job))
