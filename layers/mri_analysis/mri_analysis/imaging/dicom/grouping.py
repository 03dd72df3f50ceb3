"""From single objects to series that could be one volume each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mri_analysis.errors import CorruptFile, SeveralSubjects
from mri_analysis.imaging.dicom.headers import MR_CLASSES, Header, Vector

_SAME_PLACE_MM = 0.01
_DIGITS = 3
"""Of cosines, millimetres and milliseconds, when objects are compared: scanners round."""
_KINDS = ("M", "P", "R", "I", "MAGNITUDE", "PHASE", "REAL", "IMAGINARY", "PHASE MAP")


@dataclass(frozen=True)
class Series:
    """Objects with one orientation, matrix and contrast: the slices of one volume, hopefully."""

    headers: tuple[Header, ...]
    """in the order of their position, where that is known"""

    @property
    def first(self) -> Header:
        """Any of them: what it says holds for all."""
        return self.headers[0]

    @cached_property
    def positions_mm(self) -> tuple[float, ...]:
        """Of each slice along the normal, ascending; empty where the objects do not say."""
        normal = self.first.normal
        places = list(_places(self.headers))
        if normal is None or len(places) != self.slices:
            return ()
        return tuple(sorted(float(np.dot(normal, place)) for place in places))

    @property
    def slices(self) -> int:
        """Slices, whether each has an object of its own or not."""
        return sum(header.frames for header in self.headers)

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Along columns, along rows, between slices; None where it is not known."""
        steps = np.diff(self.positions_mm)
        plane = self.first.pixel_spacing_mm
        if plane is None or not len(steps):
            return None
        return plane[1], plane[0], float(np.median(steps))


def series_of(headers: Iterable[Header]) -> list[Series]:
    """The MR series among ``headers``, in a fixed order: by number, then by what they hold.

    Raises
    ------
    SeveralSubjects
        The objects name more than one person.
    CorruptFile
        Two objects share an id and hold something else.
    """
    kept = list(_without_copies(headers))
    if len({header.subject for header in kept} - {""}) > 1:
        raise SeveralSubjects("The archive holds images of more than one person.")
    alike: dict[tuple[object, ...], list[Header]] = defaultdict(list)
    for header in kept:
        if header.sop_class in MR_CLASSES and header.modality in ("MR", ""):
            alike[_kind(header)].append(header)
    found = [Series(one) for group in alike.values() for one in _volumes(group)]
    return sorted(found, key=_order)


def _without_copies(headers: Iterable[Header]) -> Iterator[Header]:
    known: dict[str, Header] = {}
    for header in headers:
        before = known.setdefault(header.sop_instance or str(header.file), header)
        if before is header:
            yield header
        elif before.content_sha256 != header.content_sha256:
            raise CorruptFile(
                f"The {before.file} and {header.file} carry the same id and are not the same."
            )


def _kind(header: Header) -> tuple[object, ...]:
    """What is the same for all slices of a volume."""
    return (
        header.study,
        header.series,
        header.sop_class,
        header.rows,
        header.columns,
        _rounded(header.row_direction),
        _rounded(header.column_direction),
        _rounded(header.pixel_spacing_mm),
        tuple(part for part in header.image_type if part in _KINDS),
        _rounded_one(header.echo_time_ms),
        _rounded_one(header.inversion_time_ms),
        _rounded_one(header.b_value),
        header.file if header.frames > 1 else None,
    )


def _volumes(group: list[Header]) -> Iterator[tuple[Header, ...]]:
    """The group, or its parts where it covers the same places more than once."""
    for named in (lambda h: 0, lambda h: h.acquisition_number, lambda h: h.temporal_position):
        parts: dict[object, list[Header]] = defaultdict(list)
        for header in group:
            parts[named(header)].append(header)
        if not any(_overlap(part) for part in parts.values()):
            yield from (_in_order(part) for part in parts.values())
            return
    yield _in_order(group)


def _overlap(group: list[Header]) -> bool:
    normal = group[0].normal
    if normal is None:
        return False
    places = np.sort([float(np.dot(normal, place)) for place in _places(group)])
    return bool((np.diff(places) < _SAME_PLACE_MM).any())


def _places(headers: Iterable[Header]) -> Iterator[Vector]:
    for header in headers:
        if header.position is not None:
            yield header.position
        yield from header.frame_positions


def _in_order(group: list[Header]) -> tuple[Header, ...]:
    normal = group[0].normal
    if normal is None or any(header.position is None for header in group):
        return tuple(sorted(group, key=lambda h: (h.instance_number or 0, h.file.place)))
    return tuple(sorted(group, key=lambda h: float(np.dot(normal, h.position or (0, 0, 0)))))


def _order(series: Series) -> tuple[object, ...]:
    first = series.first
    return (
        first.series_number if first.series_number is not None else 1 << 31,
        first.study,
        first.series,
        first.acquisition_number or 0,
        first.temporal_position or 0,
        first.echo_time_ms or 0.0,
        first.inversion_time_ms or 0.0,
        first.image_type,
        min(header.file.place for header in series.headers),
    )


def _rounded(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(round(value, _DIGITS) for value in values)


def _rounded_one(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
