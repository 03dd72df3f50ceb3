"""The entries of the knowledge base, as they are written, reviewed and indexed."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from mri_analysis.contracts.base import Contract, Sha256
from mri_analysis.contracts.segmentation import Contrast, Structure, Verdict


class EntryKind(StrEnum):
    """Notes explain, rules recommend, terms define; documents are what a site ingested itself."""

    NOTE = "note"
    RULE = "rule"
    TERM = "term"
    DOCUMENT = "document"


class Condition(Contract):
    """When a follow-up rule applies: all given parts must hold for one finding or for the study."""

    finding_status: str | None = Field(default=None, description="a FindingStatus value")
    structure: Structure | None = None
    measurement_id: str | None = Field(
        default=None, description="for ratios: they have no structure"
    )
    verdict: Verdict | None = None
    contrast: Contrast | None = None
    always: bool = False


class KnowledgeEntry(Contract):
    """One note, rule, ontology term or piece of a document. ``text`` is quoted unaltered."""

    schema_version: Literal[1] = 1
    id: str = Field(pattern=r"^[A-Za-z0-9:._-]+$")
    kind: EntryKind
    version: str
    title: str
    text: str
    synonyms: list[str] = Field(default_factory=list)
    topics: list[str] = Field(default_factory=list)
    rests_on: str = Field(description="paper, measurement or reasoning the entry rests on")
    source: str
    licence: str
    url: str | None = None
    when: Condition | None = None
    document: str | None = Field(
        default=None, description="name of the ingested document this is a piece of"
    )
    sha256: Sha256 = Field(description="of title and text")
