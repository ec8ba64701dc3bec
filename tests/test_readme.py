"""Every command of the README is run as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent import session
from memory.bundled import materialise
from memory.documents import read_job
from memory.exports.export import check_target
from memory.job import Job
from memory.literature import limitations, notes, vocabulary
from memory.runs import Run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


PLAIN = [line for line in commands() if line.startswith("augplan ")]


def augplan(words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the README assumes it: data/train.csv, data/noise, job.yaml, and two runs."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(materialise("requests", folder / "bundled"), folder / "data")
    (folder / "data" / "job.yaml").unlink()
    train = (folder / "data" / "train.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{train[0]},author", *(f"{line},a{at % 40}" for at, line in enumerate(train[1:]))]
    (folder / "data" / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "data" / "test.csv").unlink()
    [job] = blocks("yaml")
    job = job.replace("assets: {noise: data/noise}", "").replace("student: pretrained", "student: scratch")
    (folder / "job.yaml").write_text(job, encoding="utf-8")
    done = augplan(["run", "data/train.csv"], folder)
    assert done.returncode == 0, done.stderr
    [run] = (folder / "runs").iterdir()
    run.rename(folder / "runs" / "RUN")
    shutil.copytree(folder / "runs" / "RUN", folder / "runs" / "OTHER")
    done = augplan(["chat", "data/train.csv"], folder)
    assert done.returncode == 0, done.stderr
    [chat] = (folder / "runs").glob("chat-*")
    chat.rename(folder / "runs" / "CHAT")
    return folder


def test_the_job_of_the_readme_is_a_job(tmp_path):
    [text] = blocks("yaml")
    (tmp_path / "job.yaml").write_text(text, encoding="utf-8")
    job = read_job(tmp_path / "job.yaml")
    assert job.assets.noise is not None
    assert job.targets[1].axes == ("label", "channel")
    check_target(tmp_path / "out")


def test_what_the_readme_says_of_a_model_is_part_of_a_job():
    [text] = blocks("yml")
    job = Job.model_validate({"dataset": {"path": "x"}, **yaml.safe_load(text)})
    assert (job.policy.planner, job.policy.remote, job.limits.money_usd) == ("model", "allow", 2)
    assert job.policy.price is not None


@pytest.mark.parametrize("line", PLAIN)
def test_a_command_of_the_readme_works(line: str, place: Path):
    words = shlex.split(line)[1:]
    if "SAMPLE" in words:
        run = session.Run.open(place / "runs" / "RUN")
        made = next(run.made.rglob("*.candidates.parquet"))
        import pyarrow.parquet as pq

        words[words.index("SAMPLE")] = pq.read_table(made).column("id")[0].as_py()
    done = augplan(words, place)
    expected = {0, 5} if words[:2] == ["run", "job.yaml"] else {0}
    assert done.returncode in expected, done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_of_limitations_is_that_of_the_notes(request):
    begin, end = "<!-- limitations -->\n", "\n<!-- end of limitations -->"
    shown = README.split(begin)[1].split(end)[0]
    made = limitations.table(notes.load(), vocabulary.load())
    if request.config.getoption("--update-golden"):
        now = (ROOT / "README.md").read_text(encoding="utf-8")  # other tests renew their parts of it
        (ROOT / "README.md").write_text(now.replace(shown, made), encoding="utf-8")
        return
    assert shown == made


def test_the_demo_meets_every_target(tmp_path):
    first, second = (line for line in commands() if line.startswith("pip install"))
    assert first.endswith("&& augplan demo")
    done = augplan(["demo"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("targets_met") == 3
    assert "short:" not in done.stdout
    [folder] = (tmp_path / "runs").iterdir()
    runs = [path for path in folder.iterdir() if (path / "report.html").exists()]
    assert len(runs) == 3
    assert all(Run.open(path).state == "finished" for path in runs)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert second in script, "CI runs the test command of the README"
