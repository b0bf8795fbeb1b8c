"""What labelling costs a person: actions, counted, and seconds for each of them.

Sources of the seconds, and what is only assumed:

- K .2 s (a key or a mouse button, an average skilled typist), P 1.1 s (point with the mouse, the
  button not included), M 1.35 s (mental preparation): Card, Moran & Newell 1980, "The
  keystroke-level model for user performance time with interactive systems", CACM 23(7).
- 2.4 s to find and click the first object of a class, 1 s to say of a class whether it is in the
  image (whole layers are labelled, hence one object a class): Bearman et al. 2016, "What's the
  point: semantic segmentation with point supervision", ECCV, on annotation time.
- 1.6 s to look at what a machine marked and say yes or no: Papadopoulos et al. 2016, "We don't
  need no bounding-boxes: training object class detectors using only human verification", CVPR.
  M + K is 1.55 s.
- A correcting click is M + P + K: composed of the above, not measured.
- A Tab from the net to its layer is K alone: who labels layers expects it (M is left out before
  what is anticipated, the model's rule 1), and the mask is looked at once, at the end.
- A sample of proposals in a grid costs as much a tile as one alone, and M for the judgement of
  the whole: assumed.
- Homing between mouse and keyboard (.4 s) is left out: one hand stays on the keys. So are the
  answers of the program (a click takes less than .1 s), breaks and fatigue.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

_KLM = "Card, Moran & Newell 1980, CACM 23(7)"
SOURCES = {
    "look_s": "whether a class is in the image; Bearman et al. 2016, ECCV",
    "first_click_s": "find and click the first object of a class; Bearman et al. 2016, ECCV",
    "correction_s": f"M 1.35 + P 1.1 + K .2; {_KLM}",
    "tab_s": f"K; {_KLM}; expected, so without M",
    "key_s": f"K; {_KLM}",
    "verification_s": "look and say yes or no; Papadopoulos et al. 2016, CVPR",
    "judgement_s": f"of a whole sample, M; {_KLM}; assumed",
}
"""Where the seconds of each action come from, in short."""


@dataclass(frozen=True)
class Actions:
    """How often a person did what; all counts.

    Attributes:
        looks: for a class that is not there.
        first_clicks: on a class, finding it included.
        corrections: clicks that correct a mask.
        tabs: to another candidate.
        keys: accept, delete, undo, blank, next.
        verifications: a mask, or a proposal for an image, looked at and judged.
        judgements: of a whole sample.

    """

    looks: int = 0
    first_clicks: int = 0
    corrections: int = 0
    tabs: int = 0
    keys: int = 0
    verifications: int = 0
    judgements: int = 0

    def __add__(self, other: Actions) -> Actions:
        """Return both together."""
        return Actions(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Actions)}
        )

    @property
    def num_clicks(self) -> int:
        """Mouse clicks of all kinds."""
        return self.first_clicks + self.corrections


@dataclass(frozen=True)
class Costs:
    """Seconds for each action; where they come from stands above."""

    look_s: float = 1.0
    first_click_s: float = 2.4
    correction_s: float = 1.35 + 1.1 + 0.2
    tab_s: float = 0.2
    key_s: float = 0.2
    verification_s: float = 1.6
    judgement_s: float = 1.35

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                value = getattr(self, field.name)
                raise ValueError(f"{field.name} must be seconds, 0 or more, got {value!r}.")

    def seconds(self, actions: Actions) -> float:
        """Return what the actions take together, in seconds."""
        return (
            actions.looks * self.look_s
            + actions.first_clicks * self.first_click_s
            + actions.corrections * self.correction_s
            + actions.tabs * self.tab_s
            + actions.keys * self.key_s
            + actions.verifications * self.verification_s
            + actions.judgements * self.judgement_s
        )
