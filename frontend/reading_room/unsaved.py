"""What somebody typed and did not save, kept for a new sign-in.

A sign-in leaves the page and begins a new session, so the words cannot live in the session. They
stay in the memory of this process, under the person whom the provider named: never in the browser,
which others may use, and never on a disk. Another process, or this one after a restart, knows
nothing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mri_analysis.contracts.review import ReportSections

KEPT_S = 2 * 3600.0
"""After the last word; an ID token lasts one hour."""
_MOST = 1000


@dataclass(frozen=True)
class Draft:
    """Words of one person about one report, as it stood when they began."""

    version: int
    sections: ReportSections
    typed: Mapping[str, str] = field(default_factory=dict)
    """By field; only what differs from :attr:`sections`"""


class Drafts:
    """By person and place; forgotten after ``seconds``, the oldest first where there are many."""

    def __init__(
        self,
        seconds: float = KEPT_S,
        most: int = _MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, Draft]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, person: str, place: str) -> Draft | None:
        """What is kept for exactly this person."""
        with self._lock:
            self._forget_old()
            found = self._kept.get((person, place))
            return found[1] if found else None

    def keep(self, person: str, place: str, draft: Draft, name: str) -> None:
        """Keep the field ``name`` as ``draft`` has it, beside those that another tab left.

        Words about another version of the report make way: the fields would not be the same.
        """
        with self._lock:
            _, found = self._kept.pop((person, place), (0.0, draft))
            beside = found.typed if found.version == draft.version else draft.typed
            typed = {field: text for field, text in beside.items() if field != name}
            if name in draft.typed:
                typed[name] = draft.typed[name]
            if typed:
                self._kept[person, place] = (self._clock(), replace(draft, typed=typed))
            self._forget_old()

    def drop(self, person: str, place: str, draft: Draft) -> None:
        """Forget the words of ``draft``; what another tab left stays."""
        with self._lock:
            found = self._kept.get((person, place))
            if found is None:
                return
            typed = dict(found[1].typed.items() - draft.typed.items())
            if typed:
                self._kept[person, place] = (found[0], replace(found[1], typed=typed))
            else:
                del self._kept[person, place]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _forget_old(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept:
            kept_at, _ = next(iter(self._kept.values()))
            if kept_at > oldest and len(self._kept) <= self._most:
                return
            self._kept.popitem(last=False)


drafts = Drafts()
