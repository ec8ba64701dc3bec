"""Texts go through a language that is here, and come back as other texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tools.batches import Texts
from tools.engines.translator import Trip
from tools.text.translate_back import TranslateBack, translate_back

ITEMS = ["Where is my parcel?", "My card is lost."]


class Told:
    """Comes back with a text that names the trip."""

    digest = "told"

    def __init__(self, *pivots: str, answer: str | None = "{text} by {pivot}") -> None:
        self.pivots, self.answer, self.trips = pivots, answer, list[Trip]()

    def there_and_back(self, trips: Sequence[Trip]) -> list[str | None]:
        self.trips += trips
        return [self.answer and self.answer.format(text=trip.text, pivot=trip.pivot) for trip in trips]


def back(items: Sequence[str], translator: Told, **params: object) -> list[str | None]:
    return translate_back(
        Texts(items, engine=translator), [TranslateBack(seed=at, **params) for at in range(len(items))]
    )


def test_the_pivot_is_the_one_asked_for():
    assert back(ITEMS, Told("de", "fr"), pivot="fr") == ["Where is my parcel? by fr", "My card is lost. by fr"]


def test_any_pivot_is_one_of_those_that_are_here():
    translator = Told("de", "fr", "ru")
    back(["dog"] * 60, translator)
    assert {trip.pivot for trip in translator.trips} == {"de", "fr", "ru"}


def test_a_pivot_that_is_not_here_is_refused():
    assert back(ITEMS, Told("de"), pivot="ru") == [None, None]


def test_seed_and_temperature_go_along():
    translator = Told("de")
    back(ITEMS, translator, temperature=0.65)
    assert [(trip.seed, trip.temperature) for trip in translator.trips] == [(0, 0.65), (1, 0.65)]


@pytest.mark.parametrize("text", ["", " ", "我的包裹在哪里", "Где моя посылка?", "my посылка"])
def test_what_is_surely_not_english_is_refused(text):
    translator = Told("de")
    assert back([text, "Where is it?"], translator) == [None, "Where is it? by de"]
    assert len(translator.trips) == 1


def test_what_comes_back_unchanged_or_not_at_all_is_refused():
    assert back(ITEMS, Told("de", answer="{text}")) == [None, None]
    assert back(ITEMS, Told("de", answer=" {text}\n")) == [None, None]
    assert back(ITEMS, Told("de", answer=None)) == [None, None]


def test_models_with_random_weights_bring_texts_back(engine_for):
    translator = engine_for("translator")
    made = translate_back(Texts(ITEMS, engine=translator), [TranslateBack(seed=at, temperature=0.8) for at in range(2)])
    assert all(made)
    assert made == translator.there_and_back([Trip(text, "de", at, 0.8) for at, text in enumerate(ITEMS)])
