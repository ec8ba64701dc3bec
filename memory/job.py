"""The job: what a person asks for, as a frozen record that is written as YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from memory.records import Call, Modality, Record


class Columns(Record):
    """Which column plays which role; None means found by convention."""

    payload: str | None = None
    label: str | None = None
    id: str | None = None
    split: str | None = None
    group: str | None = None
    transcript: str | None = None
    """What is said in a clip."""
    attributes: tuple[str, ...] = ()


class Splits(Record):
    """Shares cut from the training rows where the data brings no such split; by group where there is one."""

    validation: float = Field(0.0, ge=0, lt=1)
    test: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _leave_some_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together take every row; leave a share to train on")
        return self


class Source(Record):
    """Where the dataset is and how to read it."""

    path: str
    """A file, a folder, or a hub id `owner/name`."""
    modality: Modality | None = None
    columns: Columns = Columns()
    splits: Splits = Splits()


class Target(Record):
    """At least so many near-duplicate-free training items in every cell of these axes."""

    axes: tuple[str, ...] = Field(("label",), min_length=1, max_length=3)
    at_least: int = Field(ge=1)
    only: dict[str, tuple[str, ...]] = Field({})
    """Values an axis is limited to; an axis not named here takes every value seen in training."""

    @model_validator(mode="after")
    def _axes_are_in_order(self) -> Self:
        if len(set(self.axes)) != len(self.axes):
            raise ValueError(f"an axis stands twice in {list(self.axes)}")
        for axis, names in self.only.items():
            if axis not in self.axes:
                raise ValueError(f"only names {axis!r}, which is not one of the axes {list(self.axes)}")
            if not names:
                raise ValueError(f"only gives no value for {axis!r}; leave it out to take all")
        return self


class Goal(Record):
    """That a reference learner gets better on real items that it was not trained on.

    With a goal a run tries several arms, measures what each brings, and keeps the samples of the best alone.
    """

    measure: Literal["probe_macro_f1"]
    gain: float = Field(0.0, ge=0, le=1)
    """The lower bound of the paired 90 % interval of the gain in macro-F1 must reach this share: 0.02 is two points."""


class Reach(Record):
    """That validation items have a training neighbour of their label: what has none is a hole, and asked for.

    About nine in ten have one where nothing is missing, whatever the data; more cannot be expected.
    """

    measure: Literal["held_out_coverage"]
    at_least: float = Field(gt=0, le=1)


def _kind_of_target(value: Any) -> str:
    measure = value.get("measure") if isinstance(value, dict) else getattr(value, "measure", None)
    return "cells" if measure is None else "reach" if measure == "held_out_coverage" else "goal"


AnyTarget = Annotated[
    Annotated[Target, Tag("cells")] | Annotated[Goal, Tag("goal")] | Annotated[Reach, Tag("reach")],
    Discriminator(_kind_of_target),
]


class Limits(Record):
    """What a run may use at most; None means no limit."""

    samples: int | None = Field(10_000, ge=0)
    """Samples made, accepted or not."""
    seconds: float | None = Field(3600.0, gt=0)
    """Making stops when it is spent, over all sittings; what was made by then is judged all the same."""
    gpu_seconds: float | None = Field(None, ge=0)
    """Time spent making samples on a GPU."""
    tokens: int | None = Field(1_000_000, ge=0)
    """Tokens asked and answered by a language model; checked before each question."""
    money_usd: float | None = Field(None, ge=0)
    """Money paid to an endpoint, by `policy.price`; checked before each question, picture and line of speech."""
    synthetic_per_real: float | None = Field(None, gt=0)
    """Accepted samples per near-duplicate-free real training item of the same label."""
    rounds: int = Field(24, ge=1, le=1000)


class ToolPolicy(Record):
    """Which tools may run, as shell patterns; `deny` beats `allow`."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()


class AskAbove(Record):
    """A person is asked where a round is expected to take more than this; what is None is never asked about."""

    samples: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, ge=0)
    """Seconds of making, on one core or one GPU."""
    tokens: int | None = Field(None, ge=0)
    money_usd: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _asks_about_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say above which samples, seconds, tokens or money_usd to ask; or say `approval: ask`")
        return self


class Price(Record):
    """What an endpoint charges, in US dollars. A limit of money is kept to by it."""

    asked: float = Field(0.0, ge=0)
    """For a million tokens that the language model is asked."""
    answered: float = Field(0.0, ge=0)
    """For a million tokens that it answers."""
    picture: float | None = Field(None, ge=0)
    """For one picture, made or edited; None: nothing, and no limit of money can be kept."""
    speech: float | None = Field(None, ge=0)
    """For a million characters said; None: alike."""

    def of(self, asked: int, answered: int) -> float:
        """Return what so many tokens cost, in US dollars."""
        return round((asked * self.asked + answered * self.answered) / 1e6, 8)

    def of_pictures(self, count: int) -> float:
        """Return what so many pictures cost, in US dollars."""
        return round(count * (self.picture or 0.0), 8)

    def of_speech(self, characters: int) -> float:
        """Return what it costs to have so many characters said, in US dollars."""
        return round(characters * (self.speech or 0.0) / 1e6, 8)


def _kind_of_approval(value: Any) -> str:
    return "word" if isinstance(value, str) else "above"


class Policy(Record):
    """Who plans, who agrees, and what is allowed."""

    planner: Literal["rules", "model"] = "rules"
    """`model`: a language model proposes each plan; what does not pass the checks is planned by the rules."""
    model: str | None = None
    """The language model: `openai:NAME` at an endpoint, or a folder or hub id of a transformers model; None: none."""
    image_model: str | None = None
    """What makes or edits pictures: `openai:NAME`, a key of the weights table, or a folder; None: the tool's own."""
    speech_model: str | None = None
    """What speaks: alike."""
    asr_model: str | None = None
    """What hears whether a clip made anew says its words: folder or hub id of a CTC or Whisper model; None: none."""
    match_model: str | None = None
    """What compares pictures with the names of the classes: folder or hub id of a CLIP or SigLIP model; None: none."""
    price: Price | None = None
    """What models at an endpoint cost; what the job names there needs its price where `limits.money_usd` is set."""
    show_samples: bool = False
    """Whether items of the data may stand in what a planning or talking model is told; statistics always do."""
    encoder: str = "all-MiniLM-L6-v2"
    """What compares meanings in a search: a name of the weights table, folder or hub id; `openai:MODEL`; `lexical`."""
    approval: Annotated[
        Annotated[Literal["auto", "ask"], Tag("word")] | Annotated[AskAbove, Tag("above")],
        Discriminator(_kind_of_approval),
    ] = "auto"
    """`ask`: a person agrees to every new recipe; `{money_usd: 0.5}` and the like: to every round that takes more."""
    remote: Literal["deny", "allow"] = "deny"
    licences: Literal["permissive", "any"] = "permissive"
    tools: ToolPolicy = ToolPolicy()


class Assets(Record):
    """Material that tools use beside the dataset."""

    noise: str | None = None
    """A folder of recordings to mix in as noise; None means coloured noise is drawn."""


class Export(Record):
    """Where the augmented dataset goes, and how it is written."""

    path: str | None = None
    """A folder that does not exist yet; None means `export` inside the run folder."""
    format: Literal["same", "csv", "jsonl", "parquet", "imagefolder", "audiofolder"] = "same"


class Job(Record):
    """One piece of work: the dataset, what is wanted of it, and what may be spent."""

    dataset: Source
    request: str = Field("", max_length=2000)
    """What is wanted, in words; the literature is searched for it too."""
    student: Literal["pretrained", "scratch"] | None = None
    """What will be trained on the data: a pretrained model that is fine-tuned, or one from scratch; None: not known."""
    targets: tuple[AnyTarget, ...] = ()
    """Empty means: as many items in every class as the largest class has."""
    use: tuple[Call, ...] = ()
    """What happens to items where the model is used, said as tools: what is held out is measured after these calls."""
    limits: Limits = Limits()
    policy: Policy = Policy()
    assets: Assets = Assets()
    export: Export = Export()
    seed: int = Field(0, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        measured = [one.measure for one in self.targets if not isinstance(one, Target)]
        if len(set(measured)) < len(measured):
            raise ValueError("two targets measure the same; keep one")
        return self

    @property
    def cells(self) -> tuple[Target, ...]:
        """The targets that count items in cells."""
        return tuple(one for one in self.targets if isinstance(one, Target))

    @property
    def goal(self) -> Goal | None:
        """The target that measures a gain, or None."""
        return next((one for one in self.targets if isinstance(one, Goal)), None)

    @property
    def reach(self) -> Reach | None:
        """The target that measures held-out coverage, or None."""
        return next((one for one in self.targets if isinstance(one, Reach)), None)
