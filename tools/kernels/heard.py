"""What was heard against what was to be said: texts brought to one form, and the errors between them."""

from __future__ import annotations

import unicodedata

from tools.kernels.spoken import spelled


def plain(text: str) -> str:
    """Return a text as letters, marks and digits between single spaces, case folded, English numbers spelled."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("\u2019", "")
    known = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in spelled(folded))
    return " ".join(unicodedata.normalize("NFKC", known).split())


def error_rate(wanted: str, heard: str) -> float:
    """Return the errors of `heard` against `wanted`, both plain: word error rate, of a single word its characters'.

    Substitutions, insertions and deletions over the length of what was wanted (Levenshtein 1966); 1 or more means
    that nothing was understood. Raises ValueError where nothing was wanted.
    """
    import torchaudio

    if not wanted:
        raise ValueError("what was wanted is empty")
    words = wanted.split()
    # Where a recogniser hears one word as two, the space between them is no error.
    one, other = (words, heard.split()) if len(words) > 1 else (list(wanted), list(heard.replace(" ", "")))
    return float(torchaudio.functional.edit_distance(one, other)) / len(one)
