"""How a statement says that no verdict is given, and on what."""

import re

from mri_analysis.reporting.prose.words import BE, phrase, some_of

UNJUDGED = "UNJUDGED"
UNJUDGED_LEVEL = "UNJUDGED-LEVEL"
UNJUDGED_SIDES = "UNJUDGED-SIDES"

_ABOUT = (
    r"(?:(?:about|upon|on|for|of|to|regarding|concerning) "
    r"(?:(?:it|them|figures?|values?|volumes?|measurements?|sides?|symmetry|difference|structure"
    r"|index|ratio|fraction|total|quantity|level|here|two|both|either|N|ASYM(?! (?:of |, |\( "
    r"|is )?#)|,) )*)?"
)
_PASSED = some_of(
    """given made drawn stated offered attached provided reported passed issued assigned available
    applied applies apply exists exist expressed recorded rendered attributed to placed"""
)
NO_VERDICT = phrase(
    rf"(?:(?:is|are|was|were) left |there (?:is|are) |(?:it |them )?(?:carries|carry|receives?"
    rf"|has|have|gets?) )?"
    rf"(?:verdict : )?(?:no|without|without any|with no) (?:verdict|verdicts|comparison|judgement"
    rf"|judgment"
    rf"|reference comparison) {_ABOUT}{some_of(BE)}{_PASSED}{_ABOUT}"
    rf"|verdict {_ABOUT}{some_of(BE)}(?:: )?(?:not|none) {some_of(BE)}{_PASSED}"
    r"|(?:is|are|was) not (?:compared|judged) |verdict (?:is |was )?withheld |verdict : none "
)


def unjudged(match: re.Match[str]) -> str:
    """The symbol for what has no verdict."""
    about = match[0]
    if re.search(r"ASYM|\bsides?\b|symmetry|difference|\bindex\b", about):
        return f"{UNJUDGED_SIDES} "
    if re.search(r"volume|total|ratio|fraction|level", about):
        return f"{UNJUDGED_LEVEL} "
    return f"{UNJUDGED} "
