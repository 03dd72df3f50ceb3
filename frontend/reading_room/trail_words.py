"""What an entry of the audit trail adds to its action, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from reading_room.words import STATUS


def _listed(values: Any) -> str:
    if not isinstance(values, list):
        return _as_kept(values)
    return ", ".join(map(str, values)) if values else "none"


def _as_kept(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _status(value: Any) -> str:
    return STATUS.get(str(value), f"  {value}")[2:]


_WORDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "from": ("before: ", _status),
    "code": ("error ", _as_kept),
    "revision": ("revision ", _as_kept),
    "version": ("version ", _as_kept),
    "content_sha256": ("content sha256 ", _as_kept),
    "names": ("files: ", _listed),
    "file": ("file ", _as_kept),
    "job_ids": ("studies: ", _listed),
    "method": ("by a request ", _as_kept),
    "execution_name": ("execution ", _as_kept),
}
"""By key; one that is new here is told as it is kept: nothing of a trail is left out."""


def detail(kept: Mapping[str, Any]) -> str:
    """The details of an entry; empty where there are none.

    >>> detail({"from": "segmenting", "code": "NotABrain"})
    'before: segmenting; error NotABrain'
    >>> detail({"names": ["report.md", "labels.nii.gz"], "new": {"a": 1}})
    'files: report.md, labels.nii.gz; new: {"a": 1}'
    """
    return "; ".join(_told(key, value) for key, value in kept.items())


def _told(key: str, value: Any) -> str:
    name, words = _WORDS.get(key, (f"{key}: ", _as_kept))
    return name + words(value)
