"""Sentences that address a language model, found where text is ingested and where it is read back.

Quoted text stays as it was written, so it is not normalised; only the copy that is searched for
phrases is. No list of phrases is complete: the guard over the finished report is what keeps a
passage from doing harm, and this is the sieve before it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

from mri_analysis.contracts.knowledge import KnowledgeEntry
from mri_analysis.passage_text import visible

_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")

# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһοαενικρτυ", "aeopcyxijsdhoaevikptu")


_WHAT = (
    r"(?:instruction|direction|rule|prompt|guideline|command|constraint|context|message|"
    r"measurement|evidence|system|polic|guardrail|safeguard|everything|anything|text|conversation)"
)
_WHICH = r"(?:all|any|the|these|those|your|my|our|of|previous|prior|above|earlier|preceding|"
_WHICH += r"foregoing|former|other|existing|system|safety|given|original|initial|said|and|every)"

_PHRASES = [
    # orders to leave what was said before
    rf"\b(?:ignore|disregard|forget|override|bypass|overlook|neglect|discard)\s+(?:{_WHICH}\s+){{0,5}}{_WHAT}",
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:above|previously|before this|so far|"
    r"you were told|you have been told)\b",
    r"\bdo not (?:follow|obey|apply)\b.{0,40}\b(?:instructions|rules|guidelines|prompt)\b",
    r"\b(?:new|updated|real|actual|following|hidden|secret) (?:system )?instructions?\b.{0,20}:",
    # roles
    r"\bsystem prompt\b|\bsystem message\b|\bdeveloper (?:mode|message|prompt)\b|\bjail ?break",
    r"\byou are (?:now |from now on )?(?:an? |the )?(?:\w+ ){0,3}(?:ai|a\.i\.|assistant|"
    r"language model|llm|chat ?bot|gpt\w*|claude|large language model)\b",
    r"\bas an? (?:ai|artificial intelligence|large language model|language model|llm|assistant)\b",
    r"\b(?:note|message|attention|instructions?|hint|dear|hello|hey|hi)[ ,]+(?:to |for )?"
    r"(?:the |any |all )?(?:ai|llm|assistant|language models?|chat ?bot|model reading)\b",
    r"\b(?:assistant|language model|llm|ai model|chat ?bot)s?,? "
    r"(?:must|should|shall|will please|please)\b",
    r"\bfrom now on,? (?:you|your|always|never|respond|answer|write|report)\b|\byou are now\b",
    r"\bpretend (?:that )?you\b|\brole ?play\b.{0,20}\bas\b",
    r"(?:^|[.!?:>\]] )\W{0,4}(?:assistant|system|developer)\W{0,3}:\s*"
    r"(?:you|ignore|disregard|always|never|do not|from|the following|sure|"
    r"respond|answer|output|write)\b",
    # what a prompt asks for
    r"\b(?:reveal|print|repeat|show|leak|output|disclose)\b.{0,30}\b(?:your|the|hidden|initial) "
    r"(?:system |initial |hidden )?(?:prompt|instructions)\b",
    r"\b(?:respond|reply|answer|output|return)\s+(?:only|exactly|solely|just)?\s*(?:with|in)\s+"
    r"(?:only |exactly |the (?:word|text|phrase|sentence)|valid json|json|\")",
    r"\bdo not (?:tell|inform|alert|mention (?:this|it|that) to) the "
    r"(?:user|reader|radiologist|human|operator)\b",
    r"\b(?:instead|always|must|only),? (?:write|report|state|say|claim|output|conclude) that\b",
    r"\b(?:call|use|invoke) the (?:\w+ )?(?:tool|function) (?:named|called|with)\b",
    # markup of chats and tools
    r"<\|[\w /-]{1,40}\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|<s>\s*\[|\[/?system\]",
    r"</?\s*(?:\w+:)?(?:system|assistant|user|human|instructions?|tool_?calls?|tool_?use|"
    r"tool_?results?|function_?calls?|invoke|parameter|thinking|prompt)\b[^<>]{0,200}>",
    r"<function\s*=|\"(?:tool_calls?|function_call|tool_?use|tooluse|toolspec)\"\s*:",
    r"\"role\"\s*:\s*\"(?:system|assistant|user|developer|tool)\"",
    r"#{2,}\s*(?:instruction|system|assistant|response|prompt)s?\b\s*:?",
    r"\bbegin (?:system|instructions?|prompt|admin)\b|"
    r"\bend of (?:system )?(?:prompt|instructions|context|document)\b",
    # the same in the languages such texts come in most
    r"\bignorier\w*\b.{0,30}\b(?:anweisung|vorgabe|regel|befehl)",
    r"\bignore[zr]\b.{0,30}\b(?:instruction|consigne|regle)",
    r"\bignor[ae]\w*\b.{0,30}\b(?:instruccion|instrucao|instrucoes|istruzion|regla|ordenes)",
]
_ADDRESSED = re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES))

# Written with gaps between the letters, the phrases above are not found; these are.
_SQUEEZED = re.compile(
    r"(?:ignore|disregard|forget)(?:all|any|the|your|my)*(?:previous|prior|above|earlier)"
    r"(?:instruction|rule|prompt|direction)"
)

# Long runs without a space that mix what words do not mix.
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{120,}")
_FULL_STOP = re.compile(r"(?<=[.!?…])\s+")
_HEX_RUN = re.compile(r"[0-9a-fA-F]{160,}")


def folded(text: str) -> str:
    """``text`` as phrases are looked for: compatibility forms, accents and lookalikes undone."""
    decomposed = unicodedata.normalize("NFKD", visible(text)[0]).casefold()
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    plain = plain.translate(_LOOKALIKES).translate(_QUOTES)
    return " ".join(re.sub(r"[*`~]+|(?<!\w)_|_(?!\w)", "", plain).split())


def addresses_a_model(text: str) -> bool:
    """Whether ``text`` holds a phrase, markup or hidden code meant for a language model."""
    return bool(flagged([text]))


def entry_addresses_a_model(entry: KnowledgeEntry) -> bool:
    """Whether text, title or origin of an entry hold such a phrase.

    The text is cut at its full stops first, as it was when it was ingested: what passed then passes
    here.
    """
    if flagged(_FULL_STOP.split(entry.text)):
        return True
    lines = [entry.title, entry.source, entry.licence, entry.url or "", *entry.synonyms]
    return any(addresses_a_model(line) for line in [*lines, *entry.topics] if line)


def flagged(sentences: Sequence[str]) -> set[int]:
    """The indices of those sentences that have part in a phrase which addresses a model.

    The sentences are searched as one text, so that a phrase over two of them is found.
    """
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    for sentence in sentences:
        starts.append(length)
        parts.append(folded(sentence))
        length += len(parts[-1]) + 1
    found = {
        index
        for match in _ADDRESSED.finditer(" ".join(parts))
        for index in range(
            _sentence_at(starts, match.start()), _sentence_at(starts, match.end() - 1) + 1
        )
    }
    for index, sentence in enumerate(sentences):
        squeezed = re.sub(r"[^a-z]", "", parts[index])
        if _SQUEEZED.search(squeezed) or _holds_code(sentence):
            found.add(index)
    return found


def _sentence_at(starts: Sequence[int], position: int) -> int:
    return bisect_right(starts, position) - 1


def _holds_code(sentence: str) -> bool:
    if _HEX_RUN.search(sentence):
        return True
    return any(
        re.search("[a-z]", run[0]) and re.search("[A-Z]", run[0]) and re.search("[0-9]", run[0])
        for run in _RUN.finditer(sentence)
    )
