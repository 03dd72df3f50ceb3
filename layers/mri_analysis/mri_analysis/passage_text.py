"""Which text may become a passage.

Passages are quoted in reports and stand in the prompts of language models, so a character that a
reader does not see must not be in one. The rule holds where text is ingested and again where it is
read back: the index lies outside this application.
"""

import hashlib
import re
import unicodedata

from mri_analysis.contracts.knowledge import KnowledgeEntry

MAX_CHARACTERS = 4000
"""Of a passage; the longest definition of the ontology has about 1,200."""

MAX_LABEL_CHARACTERS = 300
"""Of a title, source or licence."""

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of control, format (zero width, bidirectional), surrogate, private use,
unassigned and line separator characters."""

_FILLERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
"""Letters and marks by category, but nothing to be seen; variation selectors carry hidden bytes as
well as format characters do."""

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor (CSI)
    # titles and links (OSC, DCS, SOS, PM, APC)
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{0,500}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,4}[0-Z\\^-~]"
)
"""What a terminal takes for an order (ECMA-48); without its ESC the rest would stay as text."""


def is_unseen(character: str) -> bool:
    """Whether a reader cannot see this character; line feed and tabulator are no such."""
    if character in "\n\t":
        return False
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _FILLERS


def visible(text: str) -> tuple[str, int]:
    """``text`` without escape sequences and without characters that nobody sees.

    Tabs and line ends stay; line and paragraph separators become line ends. Returns the text and
    how many characters were removed.
    """
    lines = text.translate({0x2028: "\n", 0x2029: "\n"})
    plain = _ESCAPE_SEQUENCE.sub("", lines)
    kept = "".join(character for character in plain if not is_unseen(character))
    return kept, len(text) - len(kept)


def flaw_of(text: str, limit: int = MAX_CHARACTERS) -> str | None:
    """What keeps this text from becoming a passage, in words that quote nothing of it.

    Parameters
    ----------
    limit
        Most characters.

    Returns
    -------
    str or None
        None where nothing is wrong with it.
    """
    if not text.strip():
        return "it is empty"
    if len(text) > limit:
        return f"it has {len(text)} characters, more than {limit}"
    if any(map(is_unseen, text)):
        return "it holds control, zero-width or bidirectional characters"
    return None


def content_sha256(title: str, text: str) -> str:
    """The checksum an entry carries: of its title, a line feed and its text."""
    return hashlib.sha256(f"{title}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def entry_flaw(entry: KnowledgeEntry) -> str | None:
    """What keeps an entry out of the knowledge base, in words that quote nothing of it."""
    return (
        flaw_of(entry.text)
        or _label_flaw(
            entry.title,
            entry.source,
            entry.licence,
            entry.version,
            *entry.synonyms,
            *entry.topics,
            *([] if entry.document is None else [entry.document]),
        )
        or flaw_of(entry.rests_on)
        or (
            None
            if entry.sha256 == content_sha256(entry.title, entry.text)
            else "its checksum is not that of its title and text"
        )
    )


def _label_flaw(*labels: str) -> str | None:
    return next(
        (flaw for label in labels if (flaw := flaw_of(label, MAX_LABEL_CHARACTERS)) is not None),
        None,
    )


_OUR_IDS = (
    "volume.",
    "ratio.",
    "reference.",
    "note.",
    "rule.",
    "observation.",
    "reading.",
    "quality.",
    "image.",
    "report.",
    "HP:",
)


def is_ours(id_: str) -> bool:
    """Whether an id belongs to a measurement, a figure, a note, a rule or a term.

    No document may carry one: a citation of it would pass for a citation of ours.
    """
    return id_.startswith(_OUR_IDS)
