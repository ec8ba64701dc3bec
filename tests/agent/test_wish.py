"""A wish carried out: the job as edited, what is wrong where it cannot be, and what is told of the change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.reading import read
from agent.wish import Facts, Only, Wish, WishedLimits, WishedTarget, applied, told
from memory.job import AskAbove, Goal, Job, Reach, Source, Target, ToolPolicy

FACTS = Facts(
    modality="text",
    label_column="intent",
    classes={"refund": 8, "invoice": 20, "login": 40},
    axes={"channel": ("email", "phone"), "author": ()},
    tools={"text.keyboard_noise": "", "text.ocr_noise": "", "text.swap_words": "", "text.translate_back": ""},
    families={
        "text.keyboard_noise": "text-noise",
        "text.ocr_noise": "text-noise",
        "text.swap_words": "lexical-edit",
        "text.translate_back": "back-translation",
    },
    counts={"channel": {"email": 50, "phone": 18}},
)
JOB = Job(dataset=Source(path="train.csv"))
REFUND = (Only(axis="label", values=("refund",)),)


def done(job: Job = JOB, **wish: Any) -> Job:
    """Return the job with a wish carried out that has nothing wrong with it."""
    after, problems = applied(job, Wish(**wish), FACTS)
    assert problems == []
    return after


def wrong(job: Job = JOB, **wish: Any) -> list[str]:
    """Return what is wrong with a wish; the job stays as it was."""
    after, problems = applied(job, Wish(**wish), FACTS)
    assert after == job
    assert problems
    return problems


def line(**wish: Any) -> str:
    """Return the one line that is told of a wish."""
    [said] = told(JOB, done(**wish), FACTS)
    return said


# --- targets --------------------------------------------------------------------------------------


def test_a_target_is_added_and_one_about_the_same_is_replaced_in_its_place():
    job = done(targets=(WishedTarget(at_least=50), WishedTarget(only=REFUND, at_least=100)))
    assert job.targets == (Target(at_least=50), Target(at_least=100, only={"label": ("refund",)}))
    job = done(job, targets=(WishedTarget(at_least=60),))
    assert [target.at_least for target in job.cells] == [60, 100]


def test_the_columns_name_is_the_label():
    wanted = WishedTarget(axes=("intent",), only=(Only(axis="intent", values=("refund",)),), at_least=9)
    assert done(targets=(wanted,)).targets == (Target(at_least=9, only={"label": ("refund",)}),)


def test_relative_counts_come_to_one_target_a_cell():
    job = done(targets=(WishedTarget(factor=2), WishedTarget(only=REFUND, more=30)))
    assert {target.only["label"]: target.at_least for target in job.cells} == {
        ("refund",): 38,
        ("invoice",): 40,
        ("login",): 80,
    }
    by_channel = WishedTarget(axes=("channel",), only=(Only(axis="channel", values=("phone",)),), factor=1.5)
    assert done(targets=(by_channel,)).targets == (
        Target(axes=("channel",), at_least=27, only={"channel": ("phone",)}),
    )


def test_goals_replace_goals_and_stand_beside_cells():
    job = done(gain=0.0, held_out_coverage=0.9, targets=(WishedTarget(at_least=9),))
    job = done(job, gain=0.02)
    assert job.goal == Goal(measure="probe_macro_f1", gain=0.02)
    assert job.reach == Reach(measure="held_out_coverage", at_least=0.9)
    assert len(job.targets) == 3


def test_balance_is_the_default_and_is_written_out_beside_other_targets():
    assert done(balance=True) == JOB
    assert done(balance=True, gain=0.0).cells == (Target(at_least=40),)
    dropped = done(done(targets=(WishedTarget(at_least=9),)), drop_targets=True, balance=True)
    assert dropped.targets == ()


def test_targets_that_cannot_be_are_named():
    known = "There is no class 'refunds'; the classes are: refund, invoice, login; did you mean 'refund'?"
    assert wrong(targets=(WishedTarget(only=(Only(axis="label", values=("refunds",)),), at_least=9),)) == [known]
    [problem] = wrong(targets=(WishedTarget(axes=("chanel",), at_least=9),))
    assert problem == "There is no axis 'chanel'; the axes are: label, channel, author; did you mean 'channel'?"
    fax = WishedTarget(axes=("channel",), only=(Only(axis="channel", values=("fax",)),), at_least=9)
    assert wrong(targets=(fax,)) == ["There is no value of channel 'fax'; the values are: email, phone."]
    stray = WishedTarget(only=(Only(axis="channel", values=("phone",)),), at_least=9)
    assert "none of the axes label" in wrong(targets=(stray,))[0]
    assert "stands twice" in wrong(targets=(WishedTarget(axes=("label", "intent"), at_least=9),))[0]


def test_a_count_that_hangs_on_an_unknown_one_is_asked_for():
    for axes in (("author",), ("label", "channel")):
        [problem] = wrong(targets=(WishedTarget(axes=axes, factor=2),))
        assert problem.endswith("is not known here; say how many there should be in all.")


def test_a_value_of_an_axis_with_too_many_to_name_is_not_doubted():
    anna = WishedTarget(axes=("author",), only=(Only(axis="author", values=("anna",)),), at_least=5)
    assert done(targets=(anna,)).cells[0].only == {"author": ("anna",)}


@pytest.mark.parametrize("counts", [{}, {"at_least": 3, "more": 4}, {"factor": 1.0}, {"at_least": 0}])
def test_a_target_has_one_count(counts):
    with pytest.raises(ValidationError):
        WishedTarget(**counts)


# --- tools, limits, policy ------------------------------------------------------------------------


def test_tools_are_denied_by_name_pattern_and_family():
    job = done(deny=("text.swap_words", "text.k*", "back-translation"))
    assert job.policy.tools.deny == ("text.swap_words", "text.k*", "text.translate_back")


def test_what_is_freed_leaves_the_rest_of_a_pattern_denied():
    job = done(done(deny=("text.*noise",)), allow=("text.ocr_noise",))
    assert job.policy.tools == ToolPolicy(deny=("text.keyboard_noise",))


def test_only_some_tools_may_be_used_even_if_they_were_denied():
    job = done(done(deny=("text.swap_words",)), use_only=("lexical-edit",))
    assert job.policy.tools == ToolPolicy(allow=("text.swap_words",))
    more = done(job, allow=("text.ocr_noise",))
    assert more.policy.tools.allow == ("text.swap_words", "text.ocr_noise")


def test_tools_that_are_not_there_are_named():
    [problem] = wrong(deny=("text.swap_word",))
    assert problem.startswith("No tool for this data is called 'text.swap_word'")
    assert problem.endswith("did you mean 'text.swap_words'?")


def test_some_tool_must_be_left():
    assert wrong(deny=("text.*",)) == ["Then no tool would be left that may be used; allow at least one."]


def test_limits_are_set_and_lifted_one_by_one():
    job = done(limits=WishedLimits(samples=500, money_usd=2, lifted=("seconds",)))
    assert (job.limits.samples, job.limits.money_usd, job.limits.seconds) == (500, 2.0, None)
    assert done(job, limits=WishedLimits(tokens=9)).limits.samples == 500


def test_asking_above_an_amount_keeps_the_other_amounts():
    job = done(done(ask_above_usd=1.0), ask_above_samples=50)
    assert job.policy.approval == AskAbove(money_usd=1.0, samples=50)
    assert done(job, approval="auto").policy.approval == "auto"


def test_the_request_grows_and_says_nothing_twice():
    job = done(done(request="typed in a hurry"), request="from phones")
    assert job.request == "typed in a hurry\nfrom phones"
    assert done(job, request="typed in a hurry") == job


def test_what_is_not_an_edit_changes_nothing():
    wish = Wish(act="run", question="why?", unclear=("hm",))
    assert not wish.edits
    assert applied(JOB, wish, FACTS) == (JOB, [])
    assert Wish(seed=3).edits


# --- what is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"targets": (WishedTarget(only=REFUND, at_least=100),)}, "refund: at least 100 items (8 now)"),
        ({"targets": (WishedTarget(at_least=1200),)}, "every class: at least 1,200 items"),
        (
            {"targets": (WishedTarget(axes=("label", "channel"), at_least=5),)},
            "every class, every channel: at least 5 items",
        ),
        (
            {"targets": (WishedTarget(only=(Only(axis="label", values=("refund", "login")),), at_least=80),)},
            "refund, login: at least 80 items each (8, 40 now)",
        ),
        (
            {"gain": 0.02},
            "it has to help: macro-F1 of a learner rises by at least 2 points on items that it was not trained on",
        ),
        (
            {"held_out_coverage": 0.9},
            "at least 90 % of validation items have a training neighbour of their class",
        ),
        ({"deny": ("back-translation",)}, "translate back may not be used"),
        ({"use_only": ("text.swap_words",)}, "only swap words may be used"),
        ({"limits": WishedLimits(money_usd=2)}, "at most 2.00 dollars"),
        ({"limits": WishedLimits(seconds=600)}, "at most 10 minutes of making"),
        ({"limits": WishedLimits(gpu_seconds=3600)}, "at most 1 hour on a GPU"),
        ({"limits": WishedLimits(tokens=50_000)}, "at most 50,000 tokens"),
        ({"limits": WishedLimits(synthetic_per_real=2.5)}, "at most 2.5 synthetic items for each real one"),
        ({"limits": WishedLimits(lifted=("samples",))}, "no limit on samples"),
        ({"remote": "allow"}, "data may leave this machine"),
        ({"approval": "ask"}, "you are asked before every new recipe"),
        ({"ask_above_usd": 1.0}, "you are asked before a round that takes more than 1.00 dollars"),
        ({"student": "scratch"}, "made for a model trained from scratch"),
        ({"export_path": "out"}, "written to out"),
        ({"export_format": "jsonl"}, "written as jsonl"),
        ({"seed": 7}, "seed 7"),
        ({"request": "typed in a hurry"}, "the literature is searched for: typed in a hurry"),
    ],
)
def test_a_change_is_told_in_one_line(wish, said):
    assert line(**wish) == said


def test_what_was_undone_is_told():
    before = done(targets=(WishedTarget(only=REFUND, at_least=100),), deny=("text.ocr_noise",))
    assert told(before, JOB) == [
        "no longer asked for: refund: at least 100 items",
        "every class: as many items as the largest has",
        "ocr noise may be used again",
    ]
    assert told(JOB, JOB) == []


# --- a model fills it -----------------------------------------------------------------------------


def open_ends(schema: Any, where: str = "$") -> list[str]:
    """Return the places of a schema that a decoder could run on in: open objects, unbounded lists and strings."""
    if isinstance(schema, list):
        return [one for at, part in enumerate(schema) for one in open_ends(part, f"{where}[{at}]")]
    if not isinstance(schema, dict):
        return []
    kind = schema.get("type")
    is_open = (
        (kind == "object" and schema.get("additionalProperties") is not False)
        or (kind == "array" and "maxItems" not in schema)
        or (kind == "string" and not {"maxLength", "enum", "const"} & set(schema))
    )
    return [where] * is_open + [one for name, part in schema.items() for one in open_ends(part, f"{where}.{name}")]


def test_the_schema_is_closed_and_bounded():
    assert open_ends(Wish.model_json_schema()) == []


def test_an_answer_of_a_model_may_leave_out_what_was_not_said():
    said = '{"targets": [{"only": [{"axis": "label", "values": ["refund"]}], "at_least": 100}], "gain": 0.0}'
    assert Wish.model_validate_json(said) == Wish(targets=(WishedTarget(only=REFUND, at_least=100),), gain=0.0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("refund to 100", "double every class", "30 more login", "balance the classes", "forget the targets"),
                *(
                    "it has to help",
                    "cover 90% of the validation items",
                    "no typos",
                    "only word swaps",
                    "typos are fine",
                ),
                *(
                    "under 2 dollars",
                    "no time limit",
                    "ask above 1 dollar",
                    "don't ask",
                    "seed 3",
                    "save to out/ as csv",
                ),
                *("note that they are in a hurry", "20 items for each channel", "invoice to 70", "nothing may leave"),
            ]
        ),
        max_size=6,
    ).map(". ".join)
)
def test_the_same_wish_again_changes_nothing_more_and_every_change_is_told(said):
    wish = read(said, FACTS)
    assert wish.unclear == ()
    once, problems = applied(JOB, wish, FACTS)
    assert applied(once, wish, FACTS) == (once, problems)
    assert (told(JOB, once, FACTS) != []) == (once != JOB)
