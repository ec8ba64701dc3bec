"""Conversations: words become a job, a job becomes a run, and nothing is made that nobody agreed to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import answers, audit, replaying
from agent.answers import Fact, Said
from agent.chat import Talk
from agent.settings import Settings
from memory.bundled import materialise
from memory.chats import Chat
from memory.errors import RecordError, UsageError
from memory.exchanges import Exchanges
from memory.job import Job
from memory.runs import Run

MODEL = {"planner": "model", "model": "openai:scripted", "remote": "allow", "encoder": "lexical"}


class Heard:
    """A chat, and what was said in it."""

    def __init__(self, settings: Settings, chat: Chat | None = None) -> None:
        self.lines: list[str] = []
        self.chat = chat or Chat.create(settings.runs)
        self.talk = Talk(self.chat, settings, self.lines.append)

    def say(self, text: str) -> str:
        self.lines.clear()
        self.talk.hear(text)
        return "\n".join(self.lines)


@pytest.fixture
def heard(settings: Settings, texts: Path) -> Heard:
    found = Heard(settings)
    found.talk.open(Job.model_validate({"dataset": {"path": str(texts)}, "policy": {"encoder": "lexical"}}))
    return found


def runs(settings: Settings) -> list[Path]:
    return sorted(one for one in settings.runs.iterdir() if not one.name.startswith("chat-"))


def test_a_request_becomes_a_job_that_is_shown_and_confirmed(heard, settings):
    said = heard.say("bring refund to a dozen, no typos, at most 200 samples")
    assert "refund: at least 12 items (6 now)" in said
    assert "at most 200 samples" in said
    assert "keyboard noise may not be used" in said
    assert runs(settings) == []
    said = heard.say("yes")
    assert "Round 1, planned by rules" in said
    assert "Shall I?" in said
    [run] = runs(settings)
    assert not list((run / "made").rglob("*.parquet")), "nothing is made before the plan is agreed to"
    for _ in range(6):
        if heard.talk.at.pending is None:
            break
        said = heard.say("yes")
    assert "Stopped: targets_met" in said
    assert "label=refund: 6 -> 12 of 12, met" in said
    assert not any("keyboard_noise" in str(call) for plan in Run(run).plans() for call in plan.steps)


def test_a_change_of_mind_leaves_tools_out_of_the_plan_that_waits(heard, settings):
    heard.say("every class at least 12")
    heard.say("yes")
    before = {call.tool for step in Run(runs(settings)[0]).plans()[0].steps for call in step.calls}
    assert "text.swap_words" in before
    heard.say("without swapping words")
    while heard.talk.at.pending == "plan":
        heard.say("yes")
    [run] = runs(settings)
    assert not any(call.tool == "text.swap_words" for plan in Run(run).plans() for s in plan.steps for call in s.calls)
    [left_out, *_] = [one["facts"] for one in audit.decisions(run) if one.get("node") == "approve"]
    assert left_out["without"] == ["text.swap_words"]
    assert left_out["by"] == "person in the chat"


def test_a_plan_that_is_refused_makes_nothing(heard, settings):
    heard.say("every class at least 12")
    heard.say("yes")
    said = heard.say("no")
    assert "Stopped: declined. 0 samples made" in said


def test_undo_goes_back_one_change_at_a_time(heard):
    heard.say("every class at least 12")
    first = heard.talk.job
    heard.say("make it 20 instead")
    assert heard.talk.job.cells[0].at_least == 20
    assert "Taken back" in heard.say("undo")
    assert heard.talk.job == first
    heard.say("undo")
    assert heard.talk.job.targets == ()
    assert "nothing to take back" in heard.say("/undo")


def test_what_was_not_understood_is_quoted_and_changes_nothing(heard):
    before = heard.talk.job
    said = heard.say("make it rhyme like Shakespeare")
    assert "I did not understand" in said
    assert "rhyme" in said
    assert heard.talk.job == before


def test_a_wrong_name_gets_a_question_back(heard):
    said = heard.say("/target label=refnd 20")
    assert "did you mean 'refund'" in said
    assert heard.talk.job.targets == ()


def test_questions_are_answered_with_references(heard):
    said = heard.say("how many refund examples are there?")
    assert "Class refund has 6 distinct training items" in said
    assert "[data/refund]" in said
    said = heard.say("what does text.swap_words do?")
    assert "[tool/text.swap_words]" in said


def test_a_question_about_a_sample_is_answered_from_its_lineage(heard, settings):
    heard.say("every class at least 12")
    for _ in range(6):
        if heard.talk.at.pending is None:
            break
        heard.say("yes")
    [run] = runs(settings)
    from memory.datasets.made import Made

    made, _ = next(iter(Made(run / "made").accepted(Run(run).read_json("report.json")["kept_steps"])))
    said = heard.say(f"why is {made.id} there?")
    assert f"[sample/{made.id}]" in said
    assert "gate: label_kept accepted" in said
    assert heard.say(f"/why {made.id}").startswith(f"sample: {made.id}")
    assert "[decision/end]" in heard.say("why did the run stop?")


COMMANDS = [
    ("/help", "/target"),
    ("/job", "dataset:"),
    ("/inspect", "Class refund has 6"),
    ("/target 14", "every class: at least 14"),
    ("/limit samples 40", "at most 40 samples"),
    ("/deny text.ocr_noise", "may not be used"),
    ("/only text.swap_words", "swap"),
    ("/set policy.approval {samples: 5}", "samples: 5"),
    ("/set seed 9", "seed: 9"),
    ("/plan", "Round 1"),
    ("/tools", "text.swap_words"),
    ("/tools text.swap_words", "wei2019eda"),
    ("/strategies swap words at random", "[paper/"),
    ("/trace", "No run was started"),
    ("/why x", "No run was started"),
    ("/target", "Write /target"),
    ("/limit samples", "Write /limit"),
    ("/limit samples many", "no number"),
    ("/limit apples 3", "apples"),
    ("/set seed minus", "seed"),
    ("/set nothing.like 3", "nothing"),
    ("/nonsense", "There is no command"),
    ('/deny "', "cannot be read"),
    ("/data nowhere.csv", "nowhere.csv"),
]


@pytest.mark.parametrize(("line", "expected"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_every_command_says_what_it_did_or_what_is_wrong(line, expected, heard):
    assert expected in heard.say(line)


def test_a_chat_is_gone_on_with_where_it_stood(heard, settings):
    heard.say("bring refund to a dozen")
    heard.say("yes")
    assert heard.talk.at.pending == "plan"
    again = Heard(settings, Chat.open(heard.chat.folder))
    assert again.talk.at == heard.talk.at
    again.say("yes")
    assert len(again.chat.turns) == 4
    assert Chat.open(heard.chat.folder).turns == again.chat.turns


def test_a_half_written_turn_is_cut_off_and_a_broken_one_is_named(heard):
    file = heard.chat.folder / "chat.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"at": "20')
    assert len(Chat.open(heard.chat.folder).turns) == 1
    file.write_bytes(b"{}\n" + whole)
    with pytest.raises(RecordError, match=r"chat.jsonl:1"):
        Chat.open(heard.chat.folder)
    with pytest.raises(UsageError, match="no chat folder"):
        Chat.open(heard.chat.folder.parent)


WISHES = {
    "requests": {"give the complaints some company": {"targets": [{"axes": ["label"], "at_least": 20}]}},
    "digits": {"a few more of each digit": {"targets": [{"axes": ["label"], "at_least": 24}]}},
    "numbers": {"more voices please": {"targets": [{"axes": ["label"], "at_least": 14}]}},
}


@pytest.mark.parametrize("name", ["requests", "digits", "numbers"])
def test_a_model_talks_plans_and_is_heard_again(name, tmp_path, settings, model_server, competent, monkeypatch):
    data = materialise(name, tmp_path / "data")
    [(words, wish)] = WISHES[name].items()
    with model_server(competent({words: wish, "yes": {"act": "approve"}})) as server:
        found = Heard(settings.model_copy(update={"openai_base_url": server.url}))
        denied = {"deny": ["text.paraphrase", "text.write_*", "text.mix_languages"]}
        job = {"dataset": {"path": str(data)}, "policy": {**MODEL, "tools": denied}}
        found.talk.open(Job.model_validate(job))
        assert "Shall I start?" in found.say(words)
        said = found.say("yes")
        assert "planned by model" in said
        for _ in range(8):
            if found.talk.at.pending is None:
                break
            said = found.say("yes")
        assert "Stopped: targets_met" in said
    assert found.chat.turns[1].read_by == "model"
    run = Path(found.talk.at.run or "")
    again = replaying.replay(run, settings)
    assert again.ok, again.differs
    assert list(Exchanges(found.chat.folder))


def test_a_model_that_gives_nonsense_is_replaced_by_the_rules_and_it_is_said(settings, texts, model_server):
    with model_server(["I am a teapot."]) as server:
        found = Heard(settings.model_copy(update={"openai_base_url": server.url}))
        found.talk.open(Job.model_validate({"dataset": {"path": str(texts)}, "policy": MODEL}))
        said = found.say("bring refund to 12")
    assert "so the words were read by rules" in said
    assert "refund: at least 12 items (6 now)" in said


def test_a_model_cannot_start_anything_by_itself(settings, texts, model_server):
    with model_server([{"act": "approve"}]) as server:
        found = Heard(settings.model_copy(update={"openai_base_url": server.url}))
        found.talk.open(Job.model_validate({"dataset": {"path": str(texts)}, "policy": MODEL}))
        said = found.say("what lovely weather it is")
        assert "say yes to go on" in said
        assert runs(settings) == []
        found.say("/target 12")
        assert "say yes to go on" in found.say("the plan sounds lovely to me")
        assert runs(settings) == []
        assert "Round 1" in found.say("yes")
    assert found.chat.turns[-1].read_by == "rules"


def test_a_model_that_babbles_in_a_chat_starts_nothing(settings, texts, tiny_server):
    found = Heard(settings.model_copy(update={"openai_base_url": tiny_server}))
    found.talk.open(Job.model_validate({"dataset": {"path": str(texts)}, "policy": {**MODEL, "model": "openai:tiny"}}))
    found.say("more refunds please")
    assert runs(settings) == []
    assert Chat.open(found.chat.folder).turns == found.chat.turns


def test_talking_counts_against_the_limits_of_the_run(settings, texts, model_server, competent):
    wish = {"targets": [{"axes": ["label"], "at_least": 12}]}
    with model_server(competent({"twelve each": wish, "yes": {"act": "approve"}})) as server:
        found = Heard(settings.model_copy(update={"openai_base_url": server.url}))
        job: dict[str, Any] = {"dataset": {"path": str(texts)}, "policy": MODEL, "limits": {"tokens": 90_000}}
        found.talk.open(Job.model_validate(job))
        found.say("twelve each")
        found.say("yes")
    [run] = runs(settings)
    spent = Exchanges(found.chat.folder).tokens
    assert spent > 0
    assert Run(run).job().limits.tokens == 90_000 - spent


def test_an_answer_may_hold_no_number_and_no_reference_of_its_own():
    known = [Fact(ref="data/refund", text="Class refund has 6 items."), Fact(ref="data/other", text="Other has 1,200.")]
    fine = Said(answer="There are 6 refunds.", references=["data/refund"])
    assert answers.invented(fine, known) == []
    assert (
        answers.invented(Said(answer="You asked for 12; there are 6.", references=["data/refund"]), known, "12?") == []
    )
    [number] = answers.invented(Said(answer="There are 60 refunds.", references=["data/refund"]), known)
    assert "60" in number
    [elsewhere] = answers.invented(Said(answer="There are 1200.", references=["data/refund"]), known)
    assert "1200" in elsewhere
    [ref] = answers.invented(Said(answer="Six.", references=["data/refunds"]), known)
    assert "data/refunds" in ref


def test_an_invented_answer_is_replaced_by_the_facts(settings, texts, model_server):
    def answer(body: dict[str, Any]) -> Any:
        if "references" in str(body.get("response_format")):
            return {"answer": "There are 4711 refunds.", "references": ["data/refund"]}
        return {"question": "how many refunds are there?"}

    with model_server(answer) as server:
        found = Heard(settings.model_copy(update={"openai_base_url": server.url}))
        found.talk.open(Job.model_validate({"dataset": {"path": str(texts)}, "policy": MODEL}))
        said = found.say("how many refunds are there?")
    assert "4711" not in said.replace("4711.", "4711.") or "gave no usable answer" in said
    assert "Class refund has 6 distinct training items" in said
