"""One whole trace and one dataset card, word for word; `--update-golden` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memory.runs import Run


@pytest.fixture
def compare(request: pytest.FixtureRequest, golden: Path):
    """Compare a text with a golden file."""

    def check(name: str, text: str) -> None:
        file = golden / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{name} changed; see the difference, or --update-golden"

    return check


def steady(body: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return a record of a trace without what differs between machines and days."""
    kept = {
        name: value for name, value in body.items() if name not in {"packages", "python", "machine", "settings", "cost"}
    }
    text = json.dumps(kept, ensure_ascii=False).replace(folder, "FOLDER")
    return json.loads(text)  # type: ignore[no-any-return]


def test_a_whole_trace_and_its_card(job_on, run_job, texts, compare):
    report = run_job(job_on(targets=[{"at_least": 12}], policy={"encoder": "lexical"}, seed=3))
    run = Run.open(Path(report["run"]))
    bodies = [steady(record["body"], str(texts.parent)) for record in run.trace().read()]
    compare("trace.jsonl", "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies))
    card = (Path(report["export"]) / "README.md").read_text(encoding="utf-8")
    compare("card.md", card.split("---\n", 2)[2].replace(run.name, "RUN"))
