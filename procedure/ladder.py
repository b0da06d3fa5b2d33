"""Says which step comes next and who stands on it, so that no caller counts steps by itself (23.13 to 23.17)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PRACTITIONER = "practitioner"
LINE_MANAGER = "line_manager"
UP_THE_LINE = "up_the_line"
LSCB_MEDIATION = "lscb_mediation"

STAGES = (PRACTITIONER, LINE_MANAGER, UP_THE_LINE, LSCB_MEDIATION)
"""The stages that a step can belong to, in their order: 23.13, 23.15, 23.16, 23.17."""

MANAGER_STAGES = (LINE_MANAGER, UP_THE_LINE)

TIERS = ("informal", "formal")


class NoSuchStep(LookupError):
    """The ladder has no such step."""


@dataclass(frozen=True)
class Limit:
    """How long something may take: `amount` of `unit`, counted from `start`. Only `at_once` has an amount of 0.

    `start` is the moment the step began, the disagreement was raised, the previous step was answered (or, for a meeting,
    this step was), the limit of the step was reached, the meeting was held, or the decision complained of was taken.
    `assumed` says that the procedure itself names no length.
    """

    amount: int
    unit: str
    start: str = "step_begun"
    assumed: bool = False


@dataclass(frozen=True)
class Step:
    """One rung of a partnership's ladder. `raised_by` and `answered_by` are words for people.

    `number` counts from 1. `level` is the rank of the post: 0 practitioner, 1 line manager, 2 and more seniors. A `limit` of
    None means that no clock runs. Inside the step the answering side may have to acknowledge and to answer in a time of its
    own; a meeting may have to be convened when there is no agreement, and be confirmed in writing afterwards.
    """

    number: int
    stage: str
    name: str
    raised_by: str
    answered_by: str
    level: int
    limit: Limit | None = None
    tier: str = ""
    acknowledge: Limit | None = None
    answer: Limit | None = None
    meeting: Limit | None = None
    confirm: Limit | None = None

    @property
    def clocks(self) -> dict[str, Limit]:
        """The limits that are set, by what each is about; "step" is the limit of the whole step."""
        limits = {
            "acknowledge": self.acknowledge,
            "answer": self.answer,
            "meeting": self.meeting,
            "confirm": self.confirm,
            "step": self.limit,
        }
        return {about: limit for about, limit in limits.items() if limit}


@dataclass(frozen=True)
class Span:
    """A limit across several steps together, which follow one another. `step_begun` is when the first of them began."""

    steps: tuple[int, ...]
    limit: Limit
    name: str = ""


class Ladder:
    """The steps of one policy, from the people who disagree to mediation."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def step(self, n: int) -> Step:
        """The step numbered `n`, counted from 1. Raises NoSuchStep."""
        if not 1 <= n <= len(self):
            raise NoSuchStep(f"The ladder has {len(self)} steps, not a step {n}.")
        return self._steps[n - 1]

    def stage_of(self, n: int) -> str:
        """The stage that step `n` belongs to. Raises NoSuchStep."""
        return self.step(n).stage

    def first_step_of(self, stage: str) -> int:
        """The number of the lowest step at `stage`. Raises NoSuchStep: a ladder need not have steps up the line."""
        for step in self:
            if step.stage == stage:
                return step.number
        raise NoSuchStep(f"The ladder has no step at the stage {stage}.")

    def next_after(self, n: int) -> Step | None:
        """The step above step `n`, None at the top. Raises NoSuchStep."""
        return self.step(n + 1) if self.step(n).number < len(self) else None

    def last_step_before_mediation(self) -> int:
        """The number of the highest step at which the agencies can still settle it themselves. Raises NoSuchStep."""
        for step in reversed(self._steps):
            if step.stage != LSCB_MEDIATION:
                return step.number
        raise NoSuchStep("The ladder has no step before mediation.")

    def has_higher_manager_step(self, n: int) -> bool:
        """Whether any step of managers stands above step `n`, so that one can still go up the line (23.16). Raises NoSuchStep."""
        return any(above.stage in MANAGER_STAGES for above in self._steps[self.step(n).number :])
