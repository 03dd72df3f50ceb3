"""Brightness of each label: T1, T2, FLAIR, or anything."""

from dataclasses import dataclass

import numpy as np
import torch

from training.classes import LEFT_OF


@dataclass(frozen=True)
class Shares:
    """How often each contrast is drawn; what is left is random brightness."""

    t1: float = 0.45
    t2: float = 0.20
    flair: float = 0.20
    contrast_agent: float = 0.2
    """of the T1-weighted ones"""


@dataclass(frozen=True)
class Contrast:
    """Means and standard deviations by label index, and what a lesion looks like."""

    kind: str
    mean: torch.Tensor
    deviation: torch.Tensor
    lesion: float
    white_matter: float
    agent: bool


class ContrastSource:
    """Draws contrasts for the labels of some maps."""

    def __init__(self, values: tuple[int, ...], shares: Shares) -> None:
        self._values = values
        self._at = {value: index for index, value in enumerate(values)}
        self._shares = shares

    def draw(self, random: np.random.Generator, kind: str | None = None) -> Contrast:
        """One contrast; ``kind`` asks for one of "t1", "t2", "flair", "random"."""
        kind = kind or self._kind(random)
        count = len(self._values)
        mean, deviation = random.uniform(0, 255, count), random.uniform(3, 20, count)
        agent = kind == "t1" and random.random() < self._shares.contrast_agent
        lesion, white = random.uniform(0, 255), random.uniform(0, 255)
        if kind != "random":
            table, lesion, white = _brightness(kind, random)
            if agent:
                table[30] = random.uniform(180, 255)
                table[5] = table[4] + abs(random.normal(0, 40))
            for value, brightness in table.items():
                if value in self._at:
                    mean[self._at[value]] = brightness
            for index, value in enumerate(self._values):
                if 0 < value < 500:
                    deviation[index] = random.uniform(2, 11)
            self._head(kind, mean, random)
        for right, left in LEFT_OF.items():
            if right in self._at and left in self._at:
                mean[self._at[right]] = mean[self._at[left]] + random.normal(0, 2)
                deviation[self._at[right]] = deviation[self._at[left]]
        mean[0] = abs(random.normal(0, 5)) if random.random() < 0.9 else random.uniform(0, 255)
        deviation[0] = random.uniform(0, 5)
        return Contrast(
            kind,
            torch.tensor(mean, dtype=torch.float32),
            torch.tensor(deviation, dtype=torch.float32),
            float(lesion),
            float(white),
            agent,
        )

    def _kind(self, random: np.random.Generator) -> str:
        draw = random.random()
        for kind in ("t1", "t2", "flair"):
            draw -= getattr(self._shares, kind)
            if draw < 0:
                return kind
        return "random"

    def _head(self, kind: str, mean: np.ndarray, random: np.random.Generator) -> None:
        at = self._at
        if 512 in at and random.random() < 0.8:  # the spinal cord follows the brainstem
            mean[at[512]] = mean[at[16]] + random.normal(0, 8)
        if kind == "t1" and random.random() < 0.6:  # bright fat, dark bone
            for value, low, high in (
                (511, 140, 255), (507, 60, 160), (515, 5, 90), (516, 5, 220), (514, 10, 120),
            ):  # fmt: skip
                if value in at:
                    mean[at[value]] = random.uniform(low, high)
        if 515 in at and random.random() < 0.5:  # dark bone beside the fluid
            mean[at[515]] = random.uniform(0, 40)


def _brightness(kind: str, random: np.random.Generator) -> tuple[dict[int, float], float, float]:
    """By label, and of a lesion and of white matter."""
    if kind == "t1":
        csf, white = random.uniform(10, 60), random.uniform(140, 210)
        grey = csf + random.uniform(0.35, 0.75) * (white - csf)
        lesion = csf + random.uniform(0.15, 0.9) * (grey - csf)
    elif kind == "t2":
        csf, white = random.uniform(170, 250), random.uniform(40, 90)
        grey = csf + random.uniform(0.5, 0.85) * (white - csf)
        lesion = random.uniform(0.5, 1.0) * csf + 0.1 * white
    else:
        csf, white = random.uniform(5, 50), random.uniform(80, 130)
        grey = white * random.uniform(1.1, 1.5)
        lesion = grey * random.uniform(1.15, 1.7)

    def between(share: float) -> float:
        """A grey level: 0 like cortex, 1 like white matter."""
        return grey + (share + random.normal(0, 0.08)) * (white - grey) + random.normal(0, 3)

    def fluid(spread: float) -> float:
        return csf + random.normal(0, spread)

    table = {
        2: white, 3: grey, 7: between(1.0), 8: between(0.05),
        10: between(random.uniform(0.25, 0.75)), 11: between(random.uniform(0.0, 0.3)),
        12: between(random.uniform(0.1, 0.5)), 13: between(random.uniform(0.4, 1.0)),
        16: between(random.uniform(0.6, 1.05)), 17: between(random.uniform(-0.1, 0.25)),
        18: between(random.uniform(-0.1, 0.25)), 26: between(random.uniform(0.0, 0.4)),
        28: between(random.uniform(0.4, 1.0)), 4: fluid(4), 24: fluid(8), 14: fluid(6),
        15: fluid(6), 5: csf + abs(random.normal(0, 12)), 72: csf, 85: between(0.8),
        25: lesion + random.normal(0, 6), 30: csf + abs(random.normal(0, 40)),
        136: csf + abs(random.normal(0, 15)), 137: csf + abs(random.normal(0, 15)),
    }  # fmt: skip
    return table, lesion, white
