"""What a language model's answer cost.

Prices change and differ by region and contract, so that none is known here: they are settings, and
without them the cost is unknown, not nothing.
"""

from dataclasses import dataclass

from mri_analysis.ports.language_model import DraftAnswer

_MILLION = 1_000_000


@dataclass(frozen=True)
class TokenPrices:
    """USD per million tokens; None where nobody told.

    ``cached_input_usd`` is for input that the provider read from its prompt cache. Without it such
    input counts as any other.
    """

    input_usd: float | None = None
    output_usd: float | None = None
    cached_input_usd: float | None = None


def cost_usd(answer: DraftAnswer, prices: TokenPrices) -> float | None:
    """Cost of an answer in USD; None without a price of input and of output, or without counts.

    Writing into Bedrock's prompt cache counts as input, although it costs about a quarter more.
    """
    if prices.input_usd is None or prices.output_usd is None:
        return None
    fresh, cached = answer.input_tokens, answer.cached_input_tokens
    written = answer.output_tokens
    if fresh is None or cached is None or written is None:
        return None
    cached_usd = prices.input_usd if prices.cached_input_usd is None else prices.cached_input_usd
    total = fresh * prices.input_usd + cached * cached_usd + written * prices.output_usd
    return total / _MILLION
