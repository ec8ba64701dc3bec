"""Priors: effects in one unit, weighed by how near they are, with null and negative results counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agent import priors
from agent.priors import Prior, Regime, expected_gain, gain_of, outcome_of
from memory.literature import notes, vocabulary
from memory.literature.notes import Effect, Note
from memory.outcomes import Outcome

WORDS = vocabulary.load()


def effect(**changes: Any) -> Effect:
    plain = {
        "families": ["lexical-edit"],
        "metric": "accuracy",
        "better": "higher",
        "scale": "percent",
        "dataset": "TREC",
        "baseline_value": 80.0,
        "value": 82.0,
        "delta": 2.0,
        "outcome": "gain",
    }
    return Effect.model_validate({**plain, **changes})


def paper(key: str, *effects: Effect, **changes: Any) -> Note:
    plain = notes.load()["wei2019eda"]
    return plain.model_copy(update={"key": key, "effects": effects, "evidence": "full-text", **changes})


def prior(*papers: Note, family: str = "lexical-edit", **regime: Any) -> Prior:
    return priors.prior(family, Regime(**{"modality": "text", **regime}), papers, WORDS)


def measured(run: str = "r", **changes: Any) -> Outcome:
    """One arm of an earlier run: a tenth of the error went away, and nothing is in doubt."""
    plain = {
        "run": run,
        "ended": "2026-01-31T12:00:00+00:00",
        "modality": "text",
        "per_class": None,
        "imbalance": None,
        "pretrained": None,
        "arm": "usual text.swap_words",
        "families": ["lexical-edit"],
        "tools": {"text.swap_words": "1"},
        "strength": "usual",
        "dose": 1.0,
        "before": 0.8,
        "gain": 0.02,
        "spread": 0.0,
        "measured_on": "folds",
        "units": 100,
        "made": 50,
        "accepted": 40,
        "seconds": 1.0,
    }
    return Outcome.model_validate({**plain, **changes})


def after(*runs: Outcome, papers: tuple[Note, ...] = (), family: str = "lexical-edit", **regime: Any) -> Prior:
    return priors.prior(family, Regime(**{"modality": "text", **regime}), papers, WORDS, runs)


NUMBERLESS = {"baseline_value": None, "value": None, "delta": None}


@pytest.mark.parametrize(
    ("changes", "gain"),
    [
        ({}, (0.1, True)),
        ({"better": "lower", "baseline_value": 20.0, "value": 18.0, "delta": -2.0}, (0.1, True)),
        ({"value": 79.0, "delta": -1.0, "outcome": "loss"}, (-0.05, True)),
        ({**NUMBERLESS, "scale": "relative", "better": "lower", "delta": -12.0}, (0.12, True)),
        ({**NUMBERLESS, "scale": "relative", "delta": 12.0}, (priors.STATED_GAIN, False)),
        ({"baseline_value": None, "value": None}, (priors.STATED_GAIN, False)),
        ({"best_case": True}, (priors.STATED_GAIN, False)),
        ({**NUMBERLESS, "scale": "unclear"}, (priors.STATED_GAIN, False)),
        ({**NUMBERLESS, "scale": "unclear", "outcome": "none"}, (0.0, False)),
        ({**NUMBERLESS, "scale": "unclear", "outcome": "loss"}, (-priors.STATED_GAIN, False)),
        ({"scale": "other"}, None),
        ({"isolated": False}, None),
    ],
)
def test_an_effect_is_the_share_of_the_error_that_goes_away(changes, gain):
    found = gain_of(effect(**changes))
    assert found == (gain and (pytest.approx(gain[0]), gain[1]))


def test_nothing_known_is_what_a_sceptic_expects():
    nothing = prior()
    assert (nothing.mean, nothing.records) == (0.0, ())
    assert 0 < nothing.spread < 0.1


def test_papers_that_agree_move_the_mean_and_narrow_the_spread():
    one = prior(paper("a", effect()))
    many = prior(*(paper(name, effect()) for name in "abcdefgh"))
    assert 0 < one.mean < many.mean < 0.1
    assert many.spread < one.spread


def test_papers_that_disagree_widen_the_spread():
    loss = effect(value=78.0, delta=-2.0, outcome="loss")
    agree = prior(*(paper(name, effect()) for name in "abcd"))
    differ = prior(paper("a", effect()), paper("b", loss), paper("c", effect()), paper("d", loss))
    assert differ.spread > agree.spread
    assert abs(differ.mean) < 1e-9


def test_a_null_result_counts_like_any_other():
    null = effect(**NUMBERLESS, scale="unclear", outcome="none")
    assert prior(paper("a", effect()), paper("b", null)).mean < prior(paper("a", effect())).mean


def test_one_paper_counts_once_however_many_effects_it_has():
    many = paper("a", *[effect()] * 9)
    assert prior(many, paper("b", effect(value=80.0, delta=0.0, outcome="none"))).mean < 0.06


def test_a_nearer_regime_weighs_more():
    few = paper("few", effect(per_class=5, value=84.0, delta=4.0))
    lots = paper("lots", effect(per_class=5000, value=80.0, delta=0.0, outcome="none"))
    assert prior(few, lots, per_class=5.0).mean > prior(few, lots, per_class=5000.0).mean
    assert prior(few, lots, per_class=5.0).records == ("few", "lots")
    assert prior(few, lots, per_class=5000.0).records == ("lots", "few")


def test_what_was_pretrained_is_evidence_for_what_is_pretrained():
    null = effect(**NUMBERLESS, scale="unclear", outcome="none", pretrained=True)
    scratch, tuned = paper("scratch", effect(pretrained=False)), paper("tuned", null)
    assert prior(scratch, tuned, pretrained=False).mean > prior(scratch, tuned, pretrained=True).mean


def test_a_family_learns_from_its_parts_and_a_little_from_its_siblings():
    speed = paper("speed", effect(families=["speed"]), families=("speed",), modalities=("speech",))
    kinds = ("speed", "signal-perturbation", "pitch", "noise")
    means = [prior(speed, family=kind, modality="speech").mean for kind in kinds]
    assert means[0] == means[1] > means[2] > means[3] == 0.0


def test_how_well_a_paper_was_read_weighs():
    read, abstract = paper("a", effect()), paper("a", effect(), evidence="abstract")
    told = paper("a", effect(source="second-hand"))
    assert prior(read).mean > prior(abstract).mean > prior(told).mean > 0


def test_an_effect_of_several_families_together_says_less_of_each():
    both = paper(
        "a", effect(families=["lexical-edit", "back-translation"]), families=("lexical-edit", "back-translation")
    )
    assert 0 < prior(both).mean < prior(paper("a", effect())).mean


@given(mean=some.floats(-0.5, 0.5), spread=some.floats(0.01, 0.5))
def test_an_expected_gain_is_positive_and_at_least_the_mean(mean, spread):
    gain = expected_gain(Prior(mean=mean, spread=spread))
    assert gain >= max(0.0, mean) - 1e-12
    assert expected_gain(Prior(mean=mean, spread=spread * 1.5)) >= gain - 1e-12


def test_an_expected_gain_of_no_mean_is_the_density_at_zero():
    assert expected_gain(Prior(mean=0.0, spread=0.1)) == pytest.approx(0.1 / (2 * 3.141592653589793) ** 0.5)


def test_the_literature_says_what_its_papers_say():
    """Surface edits help models from scratch on little data, and hardly those that were pretrained."""
    known = notes.load()
    scratch = priors.prior(
        "lexical-edit", Regime(modality="text", per_class=150, pretrained=False), known.values(), WORDS
    )
    tuned = priors.prior("lexical-edit", Regime(modality="text", per_class=150, pretrained=True), known.values(), WORDS)
    assert scratch.mean > 2 * tuned.mean > 0
    assert "wei2019eda" in scratch.records
    assert "longpre2020effective" in tuned.records


def test_paraphrases_pay_less_as_real_items_grow():
    known = notes.load().values()
    means = [
        priors.prior("llm-paraphrase", Regime(modality="text", per_class=size, pretrained=True), known, WORDS).mean
        for size in (5, 20, 100, 1000)
    ]
    assert means == sorted(means, reverse=True)


def test_an_outcome_is_what_a_paper_reports_of_a_family_by_itself():
    known = notes.load()
    assert outcome_of(known["longpre2020effective"], ("lexical-edit",), WORDS) == "none"
    assert outcome_of(known["ko2015speed"], ("speed",), WORDS) == "gain"
    assert outcome_of(known["ko2015speed"], ("noise",), WORDS) == "unknown"
    assert outcome_of(known["lin2020keyword"], ("tts-synthesis",), WORDS) == "mixed"


def test_an_outcome_counts_like_a_paper_read_in_full():
    run, read = after(measured()), prior(paper("a", effect()))
    assert (run.mean, run.spread) == (read.mean, read.spread)
    assert (run.records, run.outcomes) == ((), 1)
    assert (read.records, read.outcomes) == (("a",), 0)


def test_a_good_outcome_raises_and_a_bad_one_lowers():
    papers = (paper("a", effect()), paper("b", effect(value=81.0, delta=1.0)))
    before = prior(*papers)
    good, bad = after(measured(gain=0.06), papers=papers), after(measured(gain=-0.06), papers=papers)
    assert bad.mean < before.mean < good.mean
    assert good.records == bad.records == before.records == ("a", "b")
    assert good.outcomes == bad.outcomes == 1


def test_a_gain_is_the_share_of_the_error_that_goes_away():
    assert after(measured(before=0.5, gain=0.05)).mean == after(measured(before=0.9, gain=0.01)).mean
    assert after(measured(before=0.9, gain=-0.5)).mean == after(measured(before=0.9, gain=-0.1)).mean < 0
    assert after(measured(before=1.0, gain=0.0)) == after()


def test_a_noisy_outcome_moves_less():
    means = [after(measured(spread=spread)).mean for spread in (0.0, 0.005, 0.01, 0.05)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 2 * means[3] > 0
    half = after(measured(spread=0.2 * priors.SCEPTIC_SPREAD)).mean
    assert half == pytest.approx(0.1 * 0.5 / (0.5 + priors.SCEPTIC_WEIGHT), abs=1e-4)
    assert after(measured(spread=1.0)).outcomes == 0, "it says next to nothing, so nothing rests on it"


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ({"per_class": 5.0}, {"per_class": 5000.0}),
        ({"imbalance": 1.0}, {"imbalance": 100.0}),
        ({"pretrained": False}, {"pretrained": True}),
        ({"modality": "speech"}, {"modality": "text"}),
    ],
)
def test_an_outcome_of_a_far_regime_moves_less(there, here):
    one = measured(**there)
    assert after(one, **{**here, **there}).mean > after(one, **here).mean > 0


def test_an_outcome_of_several_families_says_less_of_each():
    both = measured(families=["lexical-edit", "back-translation"])
    for family in both.families:
        assert 0 < after(both, family=family).mean < after(measured()).mean


def test_outcomes_of_families_reach_their_kin():
    one = measured(families=["speed"], modality="speech")
    kinds = ("speed", "signal-perturbation", "pitch", "noise")
    means = [after(one, family=kind, modality="speech").mean for kind in kinds]
    assert means[0] == means[1] > means[2] > means[3] == 0.0


def test_copies_and_families_that_are_no_more_never_count():
    nothing = prior()
    assert after(measured(families=[], tools={}, arm="copies", gain=0.15)) == nothing
    assert after(measured(families=["phrenology"])) == nothing
    assert 0 < after(measured(families=["phrenology", "lexical-edit"])).mean < after(measured()).mean


def test_a_run_counts_once_however_many_arms_it_has():
    one = [measured("a", gain=0.04), measured("b", gain=0.0)]
    many = [measured("a", arm=f"arm {at}", gain=0.04) for at in range(9)] + one[1:]
    assert after(*many) == after(*one)
    assert after(*many).outcomes == 2


@given(
    order=some.permutations(range(6)),
    gains=some.lists(some.floats(-0.5, 0.2), min_size=6, max_size=6),
    spreads=some.lists(some.floats(0, 0.3), min_size=6, max_size=6),
)
def test_a_prior_does_not_depend_on_the_order_of_outcomes(order, gains, spreads):
    runs = [measured("abc"[at % 3], gain=gains[at], spread=spreads[at]) for at in range(6)]
    papers = (paper("p", effect()),)
    found = after(*runs, papers=papers)
    assert after(*(runs[at] for at in order), papers=papers) == found
    shares = [0.0, 0.1, *(max(-1.0, min(1.0, gain / (1 - 0.8))) for gain in gains)]
    assert min(shares) - 1e-4 <= found.mean <= max(shares) + 1e-4


def test_every_family_named_gets_its_outcomes():
    known = notes.load()
    names, here = ["lexical-edit", "text-noise"], Regime(modality="text")
    plain = priors.priors(names, here, known, WORDS)
    found = priors.priors(names, here, known, WORDS, [measured()])
    assert [found[name].outcomes for name in names] == [1, 0]
    assert found["text-noise"] == plain["text-noise"]
    assert found["lexical-edit"].mean > plain["lexical-edit"].mean
