"""How many tokens a request and an answer take, where nobody has counted: three bytes a token, rounded up.

A picture counts alike for every source. At 512 pixels a side models take some 250 to 1,400 tokens for one, and a few
that enlarge and tile it take more; what was counted once the answer is there is what counts against a limit.
"""

from __future__ import annotations

import json

from memory.exchanges import Request

_BYTES_A_TOKEN = 3
_IMAGE_TOKENS = 1_500


def asked(request: Request) -> int:
    """Return a cautious number of tokens of a request, its schema and its pictures included; at least 1."""
    words = sum(_bytes(one.content) for one in request.messages)
    schema = 0 if request.reply_schema is None else _bytes(json.dumps(request.reply_schema))
    pictures = sum(len(one.images) for one in request.messages)
    return max(1, -(-(words + schema) // _BYTES_A_TOKEN)) + _IMAGE_TOKENS * pictures


def answered(text: str) -> int:
    """Return a cautious number of tokens of an answer; at least 1."""
    return max(1, -(-_bytes(text) // _BYTES_A_TOKEN))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
