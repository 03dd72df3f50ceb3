"""What a language model may give back: claims with placeholders, and passages to quote.

It is checked here for its shape only. Numbers, units, quotations, follow-up and confidence are
filled in by code (``reporting.drafting``), and the result passes the guard or is thrown away.
"""

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DraftClaim(_Answer):
    """One sentence about one measurement."""

    text: str = Field(
        min_length=1,
        max_length=600,
        description="One sentence. Every number is a placeholder such as {{volume.brain.total}}.",
    )
    finding_ids: list[str] = Field(
        min_length=1, max_length=4, description="The findings it relates; all of one measurement."
    )
    cites: list[str] = Field(
        min_length=1,
        max_length=6,
        description="The measurement, and the reference where the sentence names it.",
    )


class DraftQuotation(_Answer):
    """A passage worth showing; code quotes it word for word."""

    passage_id: str


class Draft(_Answer):
    """The forced tool's input."""

    key_findings: list[DraftClaim] = Field(min_length=1, max_length=40)
    quotations: list[DraftQuotation] = Field(max_length=12)
