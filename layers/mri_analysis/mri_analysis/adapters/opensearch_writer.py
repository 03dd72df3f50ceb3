"""One writer of the search index at a time.

A re-index carries documents over from the index in use and then moves the alias: a document that
is ingested in between would be lost, and two re-indexes would leave the alias on two indexes. So a
writer first makes an index of a fixed name, which succeeds for one of them only, in a domain as in
a collection (an entry with an ``_id`` of ours would be lighter; vector collections refuse it).
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from mri_analysis.adapters.opensearch_connection import OpenSearchConnection
from mri_analysis.errors import KnowledgeIndexBusy, KnowledgeUnavailable

FORGOTTEN_AFTER = timedelta(hours=1)
"""A writer that has not ended after this time has died; the longest re-index takes minutes."""


class SoleWriter:
    """The right to write to the index behind ``alias``."""

    def __init__(
        self, connection: OpenSearchConnection, alias: str, now: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._path = f"/{alias}-writer"
        self._now = now
        self._owner = uuid.uuid4().hex

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other writers away meanwhile.

        Raises
        ------
        KnowledgeIndexBusy
            Somebody else is writing.
        KnowledgeUnavailable
        """
        taken = False
        try:
            self._take()
            taken = True
            yield
        finally:
            with suppress(KnowledgeUnavailable):
                self._release(taken)

    def require(self) -> None:
        """Refuse to go on where the right was taken away, as of a writer that had died.

        Raises
        ------
        KnowledgeIndexBusy, KnowledgeUnavailable
        """
        holder = self._holder()
        if holder.get("owner") != self._owner:
            raise _busy(holder)

    def _take(self) -> None:
        body: dict[str, Any] = {
            "mappings": {
                "_meta": {"owner": self._owner, "since": self._now().isoformat(timespec="seconds")}
            }
        }
        if self._connection.service == "es":
            body["settings"] = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}}
        for _ in range(2):
            if (
                self._connection.ask("PUT", self._path, body, accept=[400], repeat=False).status
                < 300
            ):
                return
            holder = self._holder()
            since = _moment(holder)
            if since is None or self._now() - since < FORGOTTEN_AFTER:
                raise _busy(holder)
            self._connection.ask("DELETE", self._path, accept=[404])
        raise _busy({})

    def _release(self, taken: bool) -> None:
        """Let others write; also after an answer that got lost: the index may have been made."""
        owner = self._holder().get("owner")
        # A collection may not show yet what was made a moment ago.
        if owner == self._owner or (taken and owner is None):
            self._connection.ask("DELETE", self._path, accept=[404])

    def _holder(self) -> dict[str, Any]:
        answer = self._connection.ask("GET", f"{self._path}/_mapping", accept=[404])
        try:
            (index,) = answer.body.values() if answer.status != 404 else ({},)
            found = index.get("mappings", {}).get("_meta", {})
        except (AttributeError, TypeError, ValueError):
            raise KnowledgeUnavailable("The search service's answer could not be read.") from None
        return found if isinstance(found, dict) else {}


def _moment(holder: dict[str, Any]) -> datetime | None:
    try:
        since = datetime.fromisoformat(str(holder["since"]))
    except (KeyError, ValueError):
        return None
    return since if since.tzinfo is not None else None


def _busy(holder: dict[str, Any]) -> KnowledgeIndexBusy:
    since = _moment(holder)
    told = f" since {since:%H:%M:%S} UTC" if since is not None else ""
    return KnowledgeIndexBusy(f"Somebody else has been writing to the search index{told}.")
