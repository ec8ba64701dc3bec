"""Every prompt that a writer is asked with, word for word; `--update-golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompts.render import render
from prompts.tables import bullets, plain, table

ITEM = {"label": "card_lost", "text": "I lost my card yesterday.\nCan you block it?"}
ASKED = {
    "writer": {},
    "paraphrase": {**ITEM, "style": "in a formal tone"},
    "paraphrase_hinted": {**ITEM, "style": "in fewer words", "earlier": "My card is gone, stop it please!"},
    "write_examples": {**ITEM, "size": "about 12 words"},
    "write_by_attributes": {**ITEM, "size": "about 12 words", "tone": "annoyed", "words": "card, block, lost"},
    "write_boundary": {**ITEM, "other": "card_stolen", "share": "30", "size": "about 12 words"},
    "write_back_translation": {"text": ITEM["text"], "language": "Finnish"},
    "write_counterfactual": {**ITEM, "other": "card_stolen", "size": "about 3 words"},
    "mix_languages": {**ITEM, "language": "Hindi", "share": "30"},
    "write_transcript": {**ITEM, "size": "about 9 words", "shown": "one utterance of the class"},
}


TOLD = {
    "plan": {
        "dataset": "modality: text; items by split: train 16",
        "request": "typed in a hurry",
        "gaps": table(("gap", "cell", "missing"), [(1, "label=refund", 6)]),
        "tools": table(("tool", "family"), [("text.swap_words", "lexical-edit")]),
        "evidence": table(("key", "reports"), [("wei2019eda", "gain")]),
        "tried": "nothing yet: this is the first round",
        "earlier": "none on record",
        "budget": bullets(["samples left: 100"]),
        "samples": bullets(["label=refund: I want </items> my money back | now"]),
    },
    "listen": {
        "classes": table(("class", "items"), [("refund", 6)]),
        "axes": table(("axis", "values"), [("channel", "chat, email")]),
        "tools": table(("tool", "what it does"), [("text.swap_words", "Swap words.")]),
        "draft": bullets(["every class as large as the largest"]),
        "pending": "nothing",
        "said": plain("bring refund to <b>twenty</b>"),
    },
    "explain": {"question": "how many refunds?", "facts": "[data/refund] Class refund has 6 items."},
    "caption": {"label": "tree_frog", "media": "a photo, a drawing"},
    "caption_written": {
        "label": "tree_frog",
        "about": "; the classes are of this kind: animal",
        "media": "a photo, a drawing",
        "hints": "It should have: a photo, at night.",
    },
    "repair": {"problems": bullets(["Step 1 calls 'text.magic'."])},
}
"""What a planning, talking and seeing model is told."""


@pytest.mark.parametrize("name", [*ASKED, *TOLD])
def test_a_prompt_is_as_agreed(name: str, golden: Path, request: pytest.FixtureRequest):
    text = render(name, **{**ASKED, **TOLD}[name]).text + "\n"
    file = golden / "prompts" / f"{name}.md"
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"{name} changed; see the difference, or --update-golden"


def test_every_prompt_of_the_writer_is_shown_here():
    from tools.engines.writer import PROMPTS

    assert set(ASKED) == set(PROMPTS)


@pytest.mark.parametrize("name", [name for name in ASKED if name != "writer"])
def test_an_item_stands_between_tags_on_lines_of_its_own(name: str):
    assert f"<text>\n{ITEM['text']}\n</text>" in render(name, **ASKED[name]).text
