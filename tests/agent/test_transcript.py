"""The conversations of the README are held here: with rules alone, and with a model behind a real socket."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.chat import Talk
from agent.settings import Settings
from memory.bundled import materialise
from memory.chats import Chat
from memory.job import Job

README = Path(__file__).parent.parent.parent / "README.md"
WRITERS = ["text.paraphrase", "text.write_*", "text.mix_languages"]
LINES = {
    "rules": [
        "how many complaints are there?",
        "bring complaint to thirty, no typos, at most 200 samples. And make it rhyme",
        "yes",
        "without deleting words",
        "why did the run stop?",
    ],
    "model": [
        "my complaint class is tiny, I'd like two dozen, and nothing that looks mistyped",
        "yes",
        "sounds good",
        "how did it go?",
    ],
}
HEARD = {
    LINES["model"][0]: {
        "targets": [{"axes": ["label"], "only": [{"axis": "label", "values": ["complaint"]}], "at_least": 24}],
        "deny": ["text.keyboard_noise"],
    },
    "yes": {"act": "approve"},
    "sounds good": {"act": "approve"},
    "how did it go?": {"question": "how did it go, why did the run stop?"},
}


def held(talk: Talk, said: list[str], lines: list[str]) -> str:
    """Return a conversation as a terminal shows it."""
    shown = []
    for line in lines:
        said.clear()
        talk.hear(line)
        shown.append("\n".join([f"you> {line}", *said]))
    text = "\n\n".join(shown)
    text = re.sub(r"[^\s\[\]]*/runs/[\w.-]+", "runs/RUN", text)
    return text.replace("runs/RUN/export", "runs/RUN/export")


@pytest.mark.parametrize("by", ["rules", "model"])
def test_the_readme_shows_a_real_conversation(by, tmp_path, settings: Settings, model_server, competent, request):
    data = materialise("requests", tmp_path / "data")
    policy = {} if by == "rules" else {"planner": "model", "model": "openai:scripted", "remote": "allow"}
    said: list[str] = []
    with model_server(competent(HEARD)) as server:
        talk = Talk(
            Chat.create(settings.runs), settings.model_copy(update={"openai_base_url": server.url}), said.append
        )
        talk.open(
            Job.model_validate({"dataset": {"path": str(data)}, "policy": {**policy, "tools": {"deny": WRITERS}}})
        )
        text = held(talk, said, LINES[by])
    assert talk.at.pending is None
    start, end = f"<!-- chat with {by} -->\n```text\n", f"\n```\n<!-- end of chat with {by} -->"
    readme = README.read_text(encoding="utf-8")
    before, shown, after = (
        readme.partition(start)[0],
        readme.partition(start)[2].partition(end)[0],
        readme.partition(end)[2],
    )
    if request.config.getoption("--update-golden"):
        README.write_text(f"{before}{start}{text}{end}{after}", encoding="utf-8")
        return
    assert shown == text
