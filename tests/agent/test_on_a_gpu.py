"""A whole run on a GPU: what is made there is judged, kept and exported here."""

from __future__ import annotations

import pytest

from memory.bundled import materialise
from memory.job import Job
from tools import devices


@pytest.mark.usefixtures("pretended_gpu")
@pytest.mark.parametrize("name", ["digits", "numbers"])
def test_a_run_meets_its_targets(name, tmp_path, run_job, monkeypatch):
    monkeypatch.setattr(devices, "choose", lambda *_, **__: "cuda")
    monkeypatch.setattr(devices, "describe", lambda device: {"device": device})
    data = materialise(name, tmp_path / "data")
    report = run_job(Job.model_validate({"dataset": {"path": str(data)}, "policy": {"encoder": "lexical"}}))
    assert report["stop_reason"] == "targets_met"
    assert report["accepted"] > 50
    assert report["cost"]["gpu_seconds"] > 0
    assert set(report["rejected"]) <= {
        "label_kept",
        "near_duplicate",
        "refused",
        "surplus",
        "image_sanity",
        "speech_sanity",
    }
    assert report["rejected"].get("refused", 0) < 0.1 * report["made"], "what a tool could not do there is refused"
