"""Requests in words, read by rules: what is understood, what is quoted instead, and what can never come out."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.reading import LONGEST, read
from agent.reading_lexicon import Lexicon
from agent.reading_numbers import number_at, tokens
from agent.reading_words import FILLER, PREPOSITIONS, RANGES, SIGNS, SPOKEN_RANGES, TOOL_WORDS
from agent.wish import Facts, Only, Wish, WishedLimits, WishedTarget
from memory.literature import vocabulary
from tools.catalogue import load, select
from tools.coverage.bins import axis_name, bins_of

TEXT = Facts(
    modality="text",
    label_column="intent",
    classes={"refund": 8, "invoice": 20, "login": 40, "card_lost": 12},
    axes={"channel": ("email", "phone"), "words": ("<5", "5-15", "15-50", ">=50")},
    tools={
        "text.keyboard_noise": "Mistype words",
        "text.swap_words": "Swap words",
        "text.replace_words": "Replace words",
        "text.ocr_noise": "Misread characters",
        "text.translate_back": "Translate and translate back",
        "text.paraphrase": "Say it in other words",
    },
    families={
        "text.keyboard_noise": "text-noise",
        "text.swap_words": "lexical-edit",
        "text.replace_words": "lexical-edit",
        "text.ocr_noise": "text-noise",
        "text.translate_back": "back-translation",
        "text.paraphrase": "llm-paraphrase",
    },
)
PETS = Facts(
    modality="image",
    label_column="label",
    classes={"cat": 30, "dog": 50, "car": 9},
    axes={
        "brightness": ("<0.25", "0.25-0.5", "0.5-0.75", ">=0.75"),
        "sharpness": ("<0.02", "0.02-0.1"),
        "source": ("scan", "photo"),
    },
    tools={"image.flip_crop": "Mirror", "image.blur": "Blur", "image.noise": "Noise", "image.affine": "Rotate"},
    families={
        "image.flip_crop": "geometric",
        "image.blur": "degradation",
        "image.noise": "degradation",
        "image.affine": "geometric",
    },
)
DIGITS = Facts(
    modality="image",
    label_column="label",
    classes={str(digit): 10 * digit + 10 for digit in range(10)},
    axes=PETS.axes,
    tools=PETS.tools,
    families=PETS.families,
)
SPEECH = Facts(
    modality="speech",
    label_column="word",
    classes={"yes": 20, "no": 30, "stop": 10, "go": 25, "up": 14, "angry": 7},
    axes={
        "group": ("adam", "bea"),
        "speaker": ("adam", "bea"),
        "snr": ("<0", "0-10", "10-20", ">=30"),
        "duration": ("<0.5", "0.5-1", ">=10"),
    },
    tools={"speech.add_noise": "Noise", "speech.change_speed": "Speed", "speech.mask_time": "Silence spans"},
    families={
        "speech.add_noise": "noise",
        "speech.change_speed": "speed",
        "speech.mask_time": "spectrogram-masking",
    },
)
NUMBERS = Facts(modality="speech", label_column="label", classes={"one": 20, "two": 30, "three": 10})
FACTS = {"text": TEXT, "pets": PETS, "digits": DIGITS, "speech": SPEECH, "numbers": NUMBERS}


def cells(*classes: str, axes: tuple[str, ...] = ("label",), only: dict[str, str] | None = None, **count: Any):
    """Return a wished target on some classes and values: `cells("refund", at_least=100)`."""
    limits = {"label": classes} if classes else {}
    limits |= {axis: (value,) for axis, value in (only or {}).items()}
    named = tuple(Only(axis=axis, values=limits[axis]) for axis in axes if axis in limits)
    return WishedTarget(axes=axes, only=named, **count)


def targets(*some: WishedTarget) -> dict[str, Any]:
    return {"targets": some}


def limits(**some: float) -> dict[str, Any]:
    return {"limits": WishedLimits(**some)}


LAST = cells("refund", at_least=100)
REFUND = targets(cells("refund", at_least=100))

TABLE: list[tuple[str, str, dict[str, Any]]] = [
    # counts
    ("text", "bring refund to a hundred", REFUND),
    ("text", "Please bring my refund class up to 100 examples.", REFUND),
    ("text", "my refund class has eight examples, bring it to a hundred", REFUND),
    ("text", "We have eight refund texts. Get us to 100.", REFUND),
    ("text", "there are only 8 refund examples and I need 100", REFUND),
    ("text", "the refund class is too small, bring it to 100", REFUND),
    ("text", "bring refund from 8 to 100", REFUND),
    ("text", "give me a hundred refunds", REFUND),
    ("text", "refund = 100", REFUND),
    ("text", "- refund: 100", REFUND),
    ("text", "1. refund to 100", REFUND),
    ("text", "at least 120 of every class", targets(cells(at_least=120))),
    ("text", "100 per intent", targets(cells(at_least=100))),
    ("text", "every intent should reach 100", targets(cells(at_least=100))),
    ("text", "balance the classes at 100", targets(cells(at_least=100))),
    ("text", "bring the minority classes to 60", targets(cells(at_least=60))),
    ("text", "everything to fifty", targets(cells(at_least=50))),
    ("text", "bring refunds to 1k", targets(cells("refund", at_least=1000))),
    ("text", "CARD-LOST to two hundred and fifty", targets(cells("card_lost", at_least=250))),
    (
        "text",
        'bring "card lost" to 1,500 and login to two dozen',
        targets(cells("card_lost", at_least=1500), cells("login", at_least=24)),
    ),
    ("text", "refund, invoice and login to 80", targets(cells("refund", "invoice", "login", at_least=80))),
    ("text", "refund to 80, invoice to 60", targets(cells("refund", at_least=80), cells("invoice", at_least=60))),
    (
        "text",
        "at least 50 for refund, 60 for invoice and 70 for login",
        targets(cells("refund", at_least=50), cells("invoice", at_least=60), cells("login", at_least=70)),
    ),
    ("text", "refund: 50\ninvoice: 60", targets(cells("refund", at_least=50), cells("invoice", at_least=60))),
    ("text", "bring every class except login to 50", targets(cells("refund", "invoice", "card_lost", at_least=50))),
    (
        "text",
        "refund to 100 and the others to 50",
        targets(cells("refund", at_least=100), cells("invoice", "login", "card_lost", at_least=50)),
    ),
    ("text", "I want more than 100 refund texts", targets(cells("refund", at_least=101))),
    ("text", "bring the smallest class to 60", targets(cells("refund", at_least=60))),
    ("text", "refund should have as many as login", targets(cells("refund", at_least=40))),
    # relative counts
    ("text", "double the minority class", targets(cells("refund", factor=2.0))),
    ("text", "double refund and triple login", targets(cells("refund", factor=2.0), cells("login", factor=3.0))),
    ("text", "three times as many refund items", targets(cells("refund", factor=3.0))),
    ("text", "20% more refund", targets(cells("refund", factor=1.2))),
    ("text", "200 more refund and 50 more login", targets(cells("refund", more=200), cells("login", more=50))),
    ("text", "add 20 to every class", targets(cells(more=20))),
    ("text", "generate 50 new refund texts", targets(cells("refund", more=50))),
    ("speech", "200 more angry clips", targets(cells("angry", more=200))),
    # nearly right names
    ("text", "bring refnd to 100", REFUND),
    ("text", "bring Invoices to 100", targets(cells("invoice", at_least=100))),
    # cells
    (
        "text",
        "20 short texts of refund",
        targets(cells("refund", axes=("label", "words"), only={"words": "<5"}, at_least=20)),
    ),
    (
        "text",
        "30 refund texts by phone",
        targets(cells("refund", axes=("label", "channel"), only={"channel": "phone"}, at_least=30)),
    ),
    (
        "text",
        "label=refund, channel=phone: 30 items",
        targets(cells("refund", axes=("label", "channel"), only={"channel": "phone"}, at_least=30)),
    ),
    ("text", "words 5-15: 40", targets(cells(axes=("words",), only={"words": "5-15"}, at_least=40))),
    ("text", "at least 10 of every class and channel", targets(cells(axes=("label", "channel"), at_least=10))),
    ("text", "30 items for each channel", targets(cells(axes=("channel",), at_least=30))),
    (
        "speech",
        "every speaker should have 20 clips of each word",
        targets(cells(axes=("label", "speaker"), at_least=20)),
    ),
    ("speech", "30 noisy clips", targets(cells(axes=("snr",), only={"snr": "0-10"}, at_least=30))),
    (
        "speech",
        "short clips of stop: 20",
        targets(cells("stop", axes=("label", "duration"), only={"duration": "<0.5"}, at_least=20)),
    ),
    (
        "speech",
        "bea needs 40 clips of angry",
        targets(cells("angry", axes=("label", "speaker"), only={"speaker": "bea"}, at_least=40)),
    ),
    (
        "pets",
        "50 dark images of cats",
        targets(cells("cat", axes=("label", "brightness"), only={"brightness": "<0.25"}, at_least=50)),
    ),
    (
        "pets",
        "20 dark and 30 bright pictures of dogs",
        targets(
            cells("dog", axes=("label", "brightness"), only={"brightness": "<0.25"}, at_least=20),
            cells("dog", axes=("label", "brightness"), only={"brightness": ">=0.75"}, at_least=30),
        ),
    ),
    ("pets", "cats: 40; dogs: 60", targets(cells("cat", at_least=40), cells("dog", at_least=60))),
    # classes that are words of the language, or numbers
    ("speech", "bring stop and go to 100", targets(cells("stop", "go", at_least=100))),
    ("speech", '"stop" to 100', targets(cells("stop", at_least=100))),
    ("speech", "yes, no and stop to 80", targets(cells("yes", "no", "stop", at_least=80))),
    ("speech", "the stop class needs 60", targets(cells("stop", at_least=60))),
    ("speech", "no, 50 clips of go", targets(cells("go", at_least=50))),
    ("speech", "bring angry up to 30", targets(cells("angry", at_least=30))),
    ("numbers", "bring one to 36", targets(cells("one", at_least=36))),
    ("numbers", "one, two and three to 40", targets(cells("one", "two", "three", at_least=40))),
    ("numbers", "36 clips of two", targets(cells("two", at_least=36))),
    ("numbers", "at least thirty six of every word", targets(cells(at_least=36))),
    ("digits", "bring 3 to 80", targets(cells("3", at_least=80))),
    ("digits", "digits 3, 5 and 7 to 80", targets(cells("3", "5", "7", at_least=80))),
    ("digits", "class 7 has 8 images, bring it to 80", targets(cells("7", at_least=80))),
    ("digits", "bring seven to 100", targets(cells("7", at_least=100))),
    # tools
    ("text", "no back-translation", {"deny": ("text.translate_back",)}),
    ("text", "without typos", {"deny": ("text.keyboard_noise",)}),
    ("text", "no typos, swaps or OCR", {"deny": ("text.keyboard_noise", "text.swap_words", "text.ocr_noise")}),
    ("text", "don't use text.swap_words", {"deny": ("text.swap_words",)}),
    ("text", "no lexical edits", {"deny": ("text.swap_words", "text.replace_words")}),
    ("text", "don't use a language model", {"deny": ("text.paraphrase",)}),
    ("text", "only word swaps", {"use_only": ("text.swap_words",)}),
    ("text", "typos are fine again", {"allow": ("text.keyboard_noise",)}),
    ("pets", "don't mirror", {"deny": ("image.flip_crop",)}),
    ("pets", "no blur, no noise", {"deny": ("image.blur", "image.noise")}),
    ("speech", "use only speed changes and noise", {"use_only": ("speech.change_speed", "speech.add_noise")}),
    # limits
    ("text", "under two dollars", limits(money_usd=2)),
    ("text", "do not spend more than $3", limits(money_usd=3)),
    ("text", "at most 500 samples", limits(samples=500)),
    ("text", "in 10 minutes", limits(seconds=600)),
    ("text", "max 50k tokens", limits(tokens=50_000)),
    ("text", "use at most 10 rounds", limits(rounds=10)),
    ("text", "max 5 minutes on the gpu", limits(gpu_seconds=300)),
    ("text", "three synthetic per real item", limits(synthetic_per_real=3)),
    ("text", "at most 3 times as many synthetic as real", limits(synthetic_per_real=3)),
    (
        "text",
        "at most two dollars, half an hour and 500 samples",
        limits(money_usd=2, seconds=1800, samples=500),
    ),
    ("text", "no time limit", {"limits": WishedLimits(lifted=("seconds",))}),
    # policy, goals, the student, the export
    ("text", "nothing may leave this machine", {"remote": "deny"}),
    ("text", "I can't use the API", {"remote": "deny"}),
    ("text", "make sure it never leaves my laptop", {"remote": "deny"}),
    ("text", "nothing should be sent to the cloud", {"remote": "deny"}),
    ("text", "you may use the API", {"remote": "allow"}),
    ("text", "ask me before each round", {"approval": "ask"}),
    ("text", "you don't need to ask me", {"approval": "auto"}),
    ("text", "don't ask", {"approval": "auto"}),
    ("text", "ask above 1 dollar", {"ask_above_usd": 1.0}),
    ("text", "don't ask below 1 dollar", {"ask_above_usd": 1.0}),
    ("text", "it has to help", {"gain": 0.0}),
    ("text", "make sure the model gets better", {"gain": 0.0}),
    ("text", "improve accuracy by 2 points", {"gain": 0.02}),
    ("text", "cover 90% of the validation items", {"held_out_coverage": 0.9}),
    ("text", "balance my classes", {"balance": True}),
    ("text", "make the classes equal", {"balance": True}),
    ("text", "make every class as big as the largest", {"balance": True}),
    ("text", "forget the targets", {"drop_targets": True}),
    ("text", "I'll fine-tune BERT", {"student": "pretrained"}),
    ("text", "the model is trained from scratch", {"student": "scratch"}),
    ("text", "write it to out/ as jsonl", {"export_path": "out/", "export_format": "jsonl"}),
    ("text", "save to out.csv", {"export_path": "out", "export_format": "csv"}),
    ("text", 'export as parquet to "My Data"', {"export_path": "My Data", "export_format": "parquet"}),
    ("text", "use seed 42", {"seed": 42}),
    ("text", "note that customers type in a hurry", {"request": "customers type in a hurry"}),
    ("text", "bring refund to 100 because they type in a hurry", {**REFUND, "request": "they type in a hurry"}),
    # acts and questions
    ("text", "go", {"act": "run"}),
    ("text", "ok, run it now please", {"act": "run"}),
    ("speech", "yes", {"act": "approve"}),
    ("speech", "yes, run it", {"act": "run"}),
    ("speech", "no", {"act": "refuse"}),
    ("speech", "stop", {"act": "stop"}),
    ("text", "undo", {"act": "undo"}),
    ("text", "show me the plan", {"act": "plan"}),
    ("text", "what have I asked for?", {"act": "show_job"}),
    ("text", "bring refund to 100, then run it", {**REFUND, "act": "run"}),
    ("text", "why is refund short?", {"question": "why is refund short?"}),
    ("text", "explain the plan", {"question": "explain the plan"}),
    ("text", "Could you bring refund to 100?", REFUND),
    ("text", "Could you tell me more?", {"question": "Could you tell me more?"}),
    # several at once
    (
        "text",
        "Hi! Could you bring refund to 100 and keep it under $2? Thanks.",
        {**REFUND, **limits(money_usd=2)},
    ),
    (
        "text",
        "bring refund to 100 without typos in at most 10 minutes, write it to out/aug as parquet and ask me first",
        {
            **REFUND,
            **limits(seconds=600),
            "deny": ("text.keyboard_noise",),
            "export_path": "out/aug",
            "export_format": "parquet",
            "approval": "ask",
        },
    ),
    (
        "digits",
        "at least 80 of every digit, no mirroring",
        {**targets(cells(at_least=80)), "deny": ("image.flip_crop",)},
    ),
    # nothing to do
    ("text", "thanks!", {}),
    ("text", "I have 500 rows in total", {}),
    ("text", "", {}),
    ("text", "???", {}),
]


@pytest.mark.parametrize(("which", "said", "wanted"), TABLE, ids=[f"{which}: {said}" for which, said, _ in TABLE])
def test_what_is_said_is_understood(which, said, wanted):
    assert read(said, FACTS[which]) == Wish(**wanted)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("actually make it 80", cells("refund", at_least=80)),
        ("make it 80 instead", cells("refund", at_least=80)),
        ("no, make it 80", cells("refund", at_least=80)),
        ("80", cells("refund", at_least=80)),
        ("how about 80?", cells("refund", at_least=80)),
        ("double it", cells("refund", factor=2.0)),
        ("50 more", cells("refund", more=50)),
        ("the same for invoice", cells("invoice", at_least=100)),
        ("invoice too", cells("invoice", at_least=100)),
    ],
)
def test_a_change_of_mind_is_about_the_last_target(said, wanted):
    assert read(said, TEXT, LAST) == Wish(targets=(wanted,))


def test_a_change_of_mind_in_one_text_leaves_one_target():
    assert read("bring refund to 100. Actually, make it 80.", TEXT).targets == (cells("refund", at_least=80),)


@pytest.mark.parametrize(
    ("which", "said", "unclear"),
    [
        ("text", "make it rhyme", "make it rhyme"),
        ("text", "translate everything to French", "translate everything to French"),
        ("text", "bring complaints to 100", "bring complaints to 100"),
        ("text", "don't bring refund to 100", "don't bring refund to 100"),
        ("text", "bring refund to between 50 and 100", "bring refund to between 50 and 100"),
        ("text", "refund to 2.5", "refund to 2.5"),
        ("text", "refund to -5", "refund to -5"),
        ("text", "at most 100 per class", "at most 100 per class"),
        ("text", "I don't want to fine-tune", "don't want to fine-tune"),
        ("text", "don't write it to out/", "don't write it to out/"),
        ("text", "it doesn't have to help", "it doesn't have to help"),
        ("text", "don't forget the targets", "don't forget the targets"),
        ("text", "channel=fax: 10", "channel=fax: 10 (every channel, or which?)"),
        ("text", "more refund examples", "more refund examples (how many?)"),
        ("text", "make it 80", "make it 80 (of what?)"),
        ("text", "double the rare classes", "double the rare classes (which classes?)"),
        ("text", "no mixup", "mixup (no tool for this data does that)"),
        ("speech", '"yes"', '"yes" (how many?)'),
        ("speech", "clips under 1 second: 20", "clips under 1 second: 20"),
        ("pets", "bring cats to 40 rhyming images", "bring cats to 40 rhyming images"),
    ],
)
def test_what_is_not_understood_is_quoted_and_changes_nothing(which, said, unclear):
    assert read(said, FACTS[which]) == Wish(unclear=(unclear,))


def test_what_is_understood_stands_beside_what_is_not():
    heard = read("Bring refund to 100. Make it rhyme! No typos.", TEXT)
    assert heard == Wish(**REFUND, deny=("text.keyboard_noise",), unclear=("Make it rhyme",))


def test_a_misspelt_name_that_fits_two_classes_is_asked_about():
    facts = Facts(modality="text", label_column="label", classes={"carton": 1, "cartoon": 1})
    heard = read("bring cartoan to 10", facts)
    assert heard.targets == ()
    assert "did you mean 'carton' or 'cartoon'?" in heard.unclear[0]


def test_of_two_spellings_the_exact_one_is_meant():
    facts = Facts(modality="text", label_column="label", classes={"Refund": 1, "refund": 2, "refunds": 3})
    for name in facts.classes:
        assert read(f"bring {name} to 10", facts).targets == (cells(name, at_least=10),)
    assert "did you mean" in read("bring REFUND to 10", facts).unclear[0]


def test_of_two_smallest_classes_none_is_taken():
    facts = Facts(modality="text", label_column="label", classes={"a": 1, "b": 1})
    assert read("double the smallest class", facts) == Wish(
        unclear=("double the smallest class (which one: 'a' or 'b'?)",)
    )


def test_data_are_no_orders():
    facts = Facts(modality="text", label_column="label", classes={"no typos": 3, "run it": 4, "yes": 5})
    heard = read("bring 'no typos', 'run it' and 'yes' to 50", facts)
    assert heard == Wish(targets=(cells("no typos", "run it", "yes", at_least=50),))


def test_what_is_too_long_is_said_to_be_unread():
    heard = read("refund to 100. " + "x" * LONGEST, TEXT)
    assert heard.targets == (cells("refund", at_least=100),)
    assert heard.unclear[-1].endswith("(only the first 4,000 characters are read)")


# --- numbers --------------------------------------------------------------------------------------

ONES = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelt(number: int) -> str:
    """Spell a number below a million as people do."""
    if number >= 1000:
        rest = number % 1000
        joined = " and " if rest < 100 else " "
        return f"{spelt(number // 1000)} thousand{f'{joined}{spelt(rest)}' if rest else ''}"
    if number >= 100:
        return f"{ONES[number // 100 - 1]} hundred{f' and {spelt(number % 100)}' if number % 100 else ''}"
    if number >= 20:
        return TENS[number // 10 - 2] + (f"-{ONES[number % 10 - 1]}" if number % 10 else "")
    return ONES[number - 1]


@given(st.integers(1, 999_999))
def test_numbers_are_read_in_words_and_in_digits(number):
    for said in (spelt(number), str(number), f"{number:,}"):
        words = tokens(said)
        assert number_at(words, 0) == (number, len(words)), said


@pytest.mark.parametrize(
    ("said", "value"), [("2k", 2000), ("1.5k", 1500), ("two dozen", 24), ("a hundred", 100), ("3 million", 3_000_000)]
)
def test_short_forms_of_numbers(said, value):
    assert number_at(tokens(said), 0) == (value, len(tokens(said)))


# --- any text -------------------------------------------------------------------------------------

_PHRASES = sorted(
    {one for table in (SIGNS, TOOL_WORDS) for phrases in table.values() for one in phrases.split("|")}
    | set(FILLER.split("|"))
    | set(PREPOSITIONS.split("|"))
)
_NAMES = ["refund", "login", "card_lost", "refnd", "cat", "angry", "adam", "channel", "phone", "zzz", "out/x", '"stop"']
_DIGITS = st.integers(0, 100_000).map(str) | st.sampled_from(["2.5", "-5", "1,500", "10k", "$2", "90%"])
_MARKS = st.sampled_from([",", ".", "?", ":", "=", "and", "and", ";", "to", "of"])
_REQUESTS = st.lists(st.sampled_from(_PHRASES) | st.sampled_from(_NAMES) | _DIGITS | _MARKS, max_size=14).map(" ".join)
_KNOWN = st.sampled_from(sorted(FACTS))


def numbers_of(wish: Wish) -> list[float]:
    """Return every number in a wish."""
    found = [one for target in wish.targets for one in (target.at_least, target.factor, target.more)]
    found += [value for name, value in wish.limits.model_dump().items() if name != "lifted"]
    found += [wish.gain or None, wish.held_out_coverage, wish.ask_above_usd, wish.ask_above_samples, wish.seed]
    return [float(one) for one in found if one is not None]


def numbers_in(said: str, facts: Facts) -> set[float]:
    """Return every number that a text or the facts can stand for, by a reading of its own."""
    found = set()
    for digits, thousand in re.findall(r"(\d[\d,]*(?:\.\d+)?)(k?)", said):
        found.add(float(digits.replace(",", "")) * (1000 if thousand else 1))
    words = re.findall(r"[a-z]+", said.lower())
    found |= {float(ONES.index(word) + 1) for word in words if word in ONES}
    found |= {1.0} if re.search(r"\ban? (?:second|minute|hour)", said) else set()
    shares = {round(one / 100, 6) for one in found} | {1 + one / 100 for one in found}
    bigger = {one + 1 for one in found} | {one * size for one in found for size in (60, 3600)}
    return found | shares | bigger | {2.0, 3.0, 4.0} | {float(one) for one in facts.classes.values()}


def check(said: str, facts: Facts, last: WishedTarget | None) -> None:
    heard = read(said, facts, last)
    assert heard == read(said, facts, last)
    known = {"label": set(facts.classes)} | {axis: set(values) for axis, values in facts.axes.items()}
    for target in heard.targets:
        assert set(target.axes) <= set(known)
        for one in target.only:
            assert set(one.values) <= known[one.axis]
    assert {*heard.deny, *heard.allow, *heard.use_only} <= set(facts.tools)
    for piece in heard.unclear:
        quoted = re.sub(r" \([^()]*(?:\([^()]*\))?[^()]*\)$", "", piece).rstrip("…")
        assert quoted in said or piece in said, piece
    assert heard.request in said or "; " in heard.request
    assert Wish.model_validate_json(heard.model_dump_json()) == heard


@settings(max_examples=300, deadline=None)
@given(_REQUESTS, _KNOWN)
def test_no_request_names_what_is_not_there(said, which):
    check(said, FACTS[which], None)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120), _KNOWN)
def test_no_text_breaks_it(said, which):
    check(said, FACTS[which], LAST if which == "text" else None)


@settings(max_examples=300, deadline=None)
@given(_REQUESTS, _KNOWN)
def test_every_number_was_said_or_follows_from_the_facts(said, which):
    heard = read(said, FACTS[which])
    known = sorted(numbers_in(said, FACTS[which]))
    for number in numbers_of(heard):
        assert any(abs(number - one) <= 1e-6 * max(1, one) for one in known), (number, known)


# --- the words ------------------------------------------------------------------------------------


def test_every_well_known_word_is_for_a_tool_or_a_family_of_the_catalogue():
    """A name in the table that nothing carries would be a word that never works."""
    named = {tool.name for tool in load().values() if tool.kind == "augment"} | set(vocabulary.load().families)
    assert [name for name in TOOL_WORDS if not any(fnmatchcase(one, name) for one in named)] == []


@pytest.mark.parametrize(("words", "modality"), [(RANGES, None), (SPOKEN_RANGES, "speech")])
def test_every_word_for_a_range_names_ranges_that_a_measure_has(words, modality):
    ranges = {
        axis_name(tool): bins_of(tool)
        for kind in ("text", "image", "speech")
        if modality in (None, kind)
        for tool in select("measure", kind)
    }
    for word, (axis, wanted) in words.items():
        assert set(wanted) <= set(ranges[axis]), word


def test_no_phrase_means_two_things():
    shared = {"min"}  # `min 10` and `10 min`: the place tells
    phrases = [phrase for some in SIGNS.values() for phrase in some.split("|")]
    assert {one for one in phrases if phrases.count(one) > 1} == shared


def test_tools_are_known_by_their_names_and_families():
    lexicon = Lexicon(TEXT)
    for said in ("text.swap_words", "swap words", "lexical-edit"):
        assert "text.swap_words" in lexicon.entries[tuple(one.low for one in tokens(said))].names
