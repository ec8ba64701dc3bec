"""What a report says of the variety of made samples."""

from __future__ import annotations

import html
from pathlib import Path

from agent import wording
from memory.runs import Run


def test_a_report_compares_the_variety_of_made_samples_with_that_of_real_ones(job_on, run_job):
    job = job_on(
        targets=[{"axes": ["label"], "at_least": 16, "only": {"label": ["refund"]}}], policy={"encoder": "lexical"}
    )
    report = run_job(job)
    assert list(report["diversity"]) == ["refund"]
    found = report["diversity"]["refund"]
    assert found["n"] == 6, "as many as there are real ones"
    assert 1 <= found["made"] <= found["n"]
    assert 4 < found["real"] <= found["n"]
    assert Run(Path(report["run"])).read_json("report.json")["diversity"] == report["diversity"]
    page = (Path(report["run"]) / "report.html").read_text(encoding="utf-8")
    assert f"<p>Variety: {html.escape(wording.varied(report['diversity']))}.</p>" in page
    assert run_job(job)["diversity"] == report["diversity"], "the same job, the same scores"


def test_a_run_that_made_too_little_compares_nothing(job_on, run_job):
    assert run_job(job_on(limits={"samples": 3}, policy={"encoder": "lexical"}))["diversity"] == {}
    assert run_job(job_on(policy={"encoder": "lexical"}), dry_run=True)["diversity"] == {}
