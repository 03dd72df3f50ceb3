"""Joining words that are understood between symbols only."""

import re

from mri_analysis.reporting.prose.references import FURTHER
from mri_analysis.reporting.prose.words import figure, phrase

TIDIED: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        phrase(r"(?:based|calculated|computed|derived|determined|resting|rests?) (?:on|from) "),
        "of ",
    ),
    (
        phrase(
            r"(?:versus|vs|against|compared with|compared to|over|/|, than) (?=(?:on |of "
            r"|at )*(?:LR|RR) )"
        ),
        "VS ",
    ),
    (
        phrase(
            r"(?:when )?(?:two |both )*(?:N |sides )?(?:is |are )?compared (?=[,(:] (?:LR|RR) )"
        ),
        "",
    ),
    (phrase(r"when (?=compared |held |expressed |set |calculated |measured )"), ""),
    (phrase(r"(?:add|adds) to (?=(?:measured |whole |combined )*(?:total |sum |volume ))"), ""),
    (phrase(r"or (?=FP |#T )|and to (?=FP )"), ", "),
    (phrase(r"(?:from|on) (?:widths of )?(?=LR |RR |FH |FK |#)"), "of "),
    (phrase(r"between (?=[LR]R (?:, )?and (?:of )?[LR]R )"), "of "),
    (phrase(r"(?:differ|differs) (?:by )?(?=FA )"), "have "),
    (phrase(r"LEFT and RIGHT (?=have FA )"), ""),
    (phrase(r"LEFT and RIGHT (?=D\d , (?:(?:at|with|of) )?LR )"), "sides "),
    (phrase(r"(?:(?<=^ )|(?<=[.;,] ))between sides , "), ""),
    (phrase(r"counterpart (?=(?:on |of )?(?:LR|RR) )"), ""),
    (
        phrase(
            r"(?<=FH )(?:(?:are|is) )?(?:(?:set|held|taken) )?(?:to|over|by|divided by|against"
            r"|relative to|related to) (?=FK )"
            r"|(?<=FH ), when (?:related )?to (?=FK )"
        ),
        ", ",
    ),
    (phrase(r"given by (?=FH |FK )"), "of "),
    (phrase(r"(?<=FK ), (?:whence|from) "), ", "),
    (phrase(r"(?<=LARGER )(?:[LR]R )?(?:, )?than (?:on |of |at )*(?=LR|RR)"), ", "),
    (
        phrase(
            r"(?:is |are |was |were |be )?(?:split up|split|divided up|divided|distributed"
            r"|divides|composed"
            r"|consists|made up|breaks down|partitioned|shared) (?:into|as|between|of|among"
            r"|with) (?=LR |RR )"
        ),
        ", ",
    ),
    (
        phrase(
            r"(?:held |set |when |as |compared |comparison |in comparison )?(?:against"
            r"|compared with|compared to|relative to|with) "
            r"(?=BAND |CRIT |LIMIT )"
        ),
        ", ",
    ),
    (phrase(r"by sides? (?=[:,] (?:LR|RR|RIGHT|LEFT) )|(?<=, )by (?=D\d )"), ""),
    (FURTHER, ""),
    (phrase(r"UNJUDGED(?:-SIDES)? (?:on |upon |for |about |of )*(?=FA )"), "UNJUDGED-SIDES "),
    (phrase(r"(?<=D\d ), (?:two |both )?BAND "), ""),
    (phrase(r"(?:(?<=\. )|(?<=; )|(?<=, )|(?<=^ ))as (?=BAND |LIMIT |CRIT )"), ""),
    (phrase(r"between (?:two |both )?sides of (?=FA |ASYM |N )"), ""),
    (phrase(r"ratio (?:of )?HORNS (?:to|over|and|divided by) SKULL "), ""),
    (phrase(r"skull (?=encloses N |contains N |holds N )"), ""),
    (phrase(r"(?<=D\d )of BAND "), ""),
    (phrase(r"(?:places|puts) (?=N |it |value |D\d )"), ""),
    (
        phrase(
            r"(?:on|upon|for|about) (?:(?:volumes?|figures?|values?|sides?|it|ratio|index|totals?"
            r"|size"
            r"|quantity|both|measurement"
            r"|ASYM"
            r"|N|,) )*(?=UNJUDGED)|(?:is |are |it is )?LEFT (?=UNJUDGED)"
        ),
        "",
    ),
    (
        phrase(
            r"(?<=given )by (?=BAND )|given by BAND "
            r"|(?<=FP )(?:of|in|to) ICV (?=, D\d |D\d |; |\. )"
        ),
        "",
    ),
    (
        phrase(
            r"(?:share|percentage) of N (?=FP )|(?:compartment|compartments) of (?=N )"
            r"|on (?=LARGER )"
            r"|to ICV (?=, FP )|since (?=LIMIT |CRIT |BAND |FA |ASYM )"
            r"|position (?:relative to |with )?"
            r"|(?:to|on) (?=N )"
            rf"|(?<=#Q )(?:against|versus|vs|compared with) {figure('C')}|on basis of |in case of "
            r"|designated as (?=N )|known as (?=N )|lateral (?=comparison )|attributes (?=#T N )"
        ),
        "",
    ),
)
"""In this order; each with what takes its place."""
