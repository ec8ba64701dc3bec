"""Whole runs whose samples an endpoint makes: pictures, speech, texts. What was sent is listed, and heard again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agent import audit, replaying
from agent.settings import Settings
from memory.bundled import materialise
from memory.exchanges import Exchanges
from memory.job import Job

RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pictures": ("digits", "image.edit_image", {"image_model": "openai:painter"}),
    "speech": ("numbers", "speech.speak_with_model", {"speech_model": "openai:talker"}),
    "texts": ("requests", "text.paraphrase", {"model": "openai:writer"}),
}


@pytest.mark.parametrize("what", RUNS)
def test_what_an_endpoint_makes_is_on_record_and_made_again_without_it(
    what, tmp_path, run_job, settings: Settings, model_server, competent
):
    name, tool, models = RUNS[what]
    data = materialise(name, tmp_path / "data")  # type: ignore[arg-type]
    policy = {**models, "remote": "allow", "encoder": "lexical", "tools": {"allow": [tool]}}
    job = {"dataset": {"path": str(data)}, "policy": policy, "limits": {"samples": 6, "rounds": 2}}
    with model_server(*([competent()] if what == "texts" else [])) as server:
        at = settings.model_copy(update={"openai_base_url": server.url, "openai_api_key": SecretStr("sk-secret")})
        report = run_job(Job.model_validate(job), settings=at)
        asked = len(server.requests)
    assert report["made"] == 6
    folder = Path(report["run"])
    kept = list(Exchanges(folder))
    assert len(kept) == asked > 0
    marks = [one for body in audit.decisions(folder) if body["kind"] == "sent" for one in body["exchanges"]]
    assert [mark[0].split(":")[1] for mark in marks] == [one.key for one in kept]
    whole = "".join(
        file.read_text(errors="replace") for file in folder.rglob("*") if file.suffix in (".jsonl", ".json")
    )
    assert "sk-secret" not in whole
    again = replaying.replay(folder, settings)
    assert again.ok, again.differs


@pytest.mark.parametrize("what", RUNS)
def test_a_password_in_the_address_is_stored_nowhere(what, tmp_path, run_job, settings, model_server, competent):
    name, tool, models = RUNS[what]
    data = materialise(name, tmp_path / "data")  # type: ignore[arg-type]
    policy = {**models, "remote": "allow", "encoder": "lexical", "tools": {"allow": [tool]}}
    job = {"dataset": {"path": str(data)}, "policy": policy, "limits": {"samples": 2, "rounds": 1}}
    with model_server(*([competent()] if what == "texts" else [])) as server:
        address = server.url.replace("http://", "http://anna:hush-hush@")
        at = settings.model_copy(update={"openai_base_url": address, "openai_api_key": SecretStr("sk-secret")})
        report = run_job(Job.model_validate(job), settings=at)
    kept = [file for file in Path(report["run"]).rglob("*") if file.suffix in (".jsonl", ".json", ".html", ".yaml")]
    assert not [file for file in kept if "hush-hush" in file.read_text(errors="replace")]
    assert server.url in (Path(report["run"]) / "trace.jsonl").read_text(encoding="utf-8")
    assert "hush-hush" not in repr(at)


@pytest.mark.parametrize("what", RUNS)
def test_nothing_is_sent_where_remote_is_denied(what, tmp_path, run_job, settings, model_server):
    name, tool, models = RUNS[what]
    data = materialise(name, tmp_path / "data")  # type: ignore[arg-type]
    policy = {**models, "remote": "deny", "encoder": "lexical", "tools": {"allow": [tool]}}
    job = Job.model_validate({"dataset": {"path": str(data)}, "policy": policy, "limits": {"samples": 6}})
    with model_server() as server:
        at = settings.model_copy(update={"openai_base_url": server.url})
        if what == "texts":
            with pytest.raises(Exception, match="remote"):
                run_job(job, settings=at)
        else:
            report = run_job(job, settings=at)
            assert report["made"] == 0
            assert {line["reason"] for line in report["targets"] if not line["met"]} == {"not_allowed"}
        assert server.requests == []
