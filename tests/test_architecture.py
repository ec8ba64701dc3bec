"""The arrows, the light start, and what a committed file must not hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("agent", "tools", "prompts", "memory")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_point_right_and_big_libraries_stay_in_their_folder():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_lint_and_format_find_nothing():
    for command in (("ruff", "check", "."), ("ruff", "format", "--check", ".")):
        done = run(*command)
        assert done.returncode == 0, done.stdout


def test_types_hold():
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def test_help_is_light():
    heavy = {"torch", "transformers", "langgraph", "datasets", "pyarrow", "sklearn", "pydantic", "numpy", "yaml"}
    code = f"import sys, agent.cli; assert not {heavy!r} & set(sys.modules), {heavy!r} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_drawn_from_a_global_generator(folder: str):
    banned = re.compile(
        r"np\.random\.(?!Generator|PCG64|default_rng)|torch\.(manual_seed|rand|randn|randint)\(|^import random"
    )
    for file in (ROOT / folder).rglob("*.py"):
        found = [line for line in file.read_text().splitlines() if banned.search(line)]
        assert not found, f"{file}: {found}"


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_no_committed_file_names_a_registry_or_a_place_of_one_machine():
    words = ["index" + "-url", "find" + "-links", "/ro" + "ot/", "/ho" + "me/", "pypi" + ".org/simple"]
    for file in committed():
        if file.suffix in {".py", ".md", ".toml", ".yaml", ".jsonl", ""} and file.name != "LICENSE":
            text = file.read_text(encoding="utf-8", errors="ignore")
            assert not [word for word in words if word in text], file


def test_top_level_is_as_agreed():
    names = {file.relative_to(ROOT).parts[0] for file in committed()}
    plain = {name for name in names if not name.startswith(".")}
    assert plain <= {"pyproject.toml", "agent", "tools", "prompts", "memory", "tests", "README.md", "LICENSE"}


def test_no_file_grows_past_one_idea():
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            assert len(file.read_text().splitlines()) <= 300, file


def test_what_is_built_for_one_another_is_pinned_to_what_is_tested():
    """Their versions must match to the last digit, and say so nowhere: a newer one of the three may not load."""
    asked, tested = (
        dict(re.findall(r"(torch\w*)==([\w.]+)", (ROOT / file).read_text(encoding="utf-8")))
        for file in ("pyproject.toml", ".ci/constraints.txt")
    )
    assert set(asked) == {"torch", "torchaudio", "torchvision"}
    assert asked == {name: tested[name] for name in asked}
