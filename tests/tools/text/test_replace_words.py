"""TF-IDF word replacement."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from tools.batches import Corpus, Texts
from tools.text.replace_words import ReplaceWords, Vocabulary, count_vocabulary, replace_words, replacement_chances

CORPUS = Corpus(
    documents=4,
    document_frequency={"the": 4, "card": 2, "card.": 1, "lost": 1, "42": 3},
    term_frequency={"the": 8, "card": 2, "card.": 1, "lost": 1, "42": 3},
)


def replaced(text: str, seed: int = 0, rate: float = 0.3, corpus: Corpus = CORPUS) -> str | None:
    return replace_words(Texts([text], corpus), [ReplaceWords(seed=seed, rate=rate)])[0]


def test_the_chances_follow_the_formula():
    vocabulary = Vocabulary(idf={"a": 0.0, "b": 1.0, "c": 2.0}, words=[], bounds=[], unseen=3.0)
    # TF-IDF times |x|: 0, 2 (b stands twice), 2 and 2; C = 2; C - TFIDF = 2, 0, 0, 0; Z = 0.5
    assert replacement_chances(["a", "b", "b", "c"], 0.2, vocabulary) == pytest.approx([0.8, 0, 0, 0])
    # 0, 1, 3: lacking 3, 2, 0; Z = 5/3
    assert replacement_chances(["a", "b", "new"], 0.1, vocabulary) == pytest.approx([0.18, 0.12, 0])
    assert replacement_chances(["a", "b", "new"], 0.9, vocabulary) == pytest.approx([1, 1, 0])


def test_equally_telling_words_have_the_rate_as_their_chance():
    assert replacement_chances(["x", "y"], 0.3, Vocabulary({}, [], [], 1.0)) == [0.3, 0.3]


def test_the_vocabulary_follows_the_formula_and_adds_up_words_with_marks():
    made = count_vocabulary(CORPUS)
    assert made.words == ["card", "lost", "the"]
    assert made.idf == pytest.approx({"card": math.log(4 / 3), "lost": math.log(4), "the": 0.0})
    card, lost = 3 * math.log(4 / 3), math.log(4)
    assert made.bounds == pytest.approx([lost - card, lost - card, 2 * lost - card])
    assert made.unseen == pytest.approx(math.log(4))


def test_new_words_come_in_proportion_to_their_weight():
    # "the" tells least and goes; "lost" weighs nothing; where "the" is drawn for itself, the next word comes
    made = Counter((replaced("the zebra", seed, 0.01) or "").split()[0] for seed in range(2000))
    weight = (math.log(4) - 3 * math.log(4 / 3)) / (2 * math.log(4) - 3 * math.log(4 / 3))
    assert made == {"card": 2000}
    made = Counter((replaced("zebra qux", seed, 0.01) or "").split()[0] for seed in range(2000))
    assert made["card"] / (made["card"] + made["the"]) == pytest.approx(weight, abs=0.04)


@pytest.mark.parametrize("text", ["", "  ", "word", "12 34", "word 12", "我喜欢吃苹果。"])
def test_a_text_with_fewer_than_two_words_is_refused(text: str):
    assert replaced(text) is None


def test_an_empty_corpus_refuses():
    assert replaced("the lost card", corpus=Corpus()) is None


def test_a_corpus_without_another_word_refuses():
    assert replaced("only only", corpus=Corpus(1, {"only": 1}, {"only": 2})) is None


def test_numbers_marks_case_and_white_space_stay():
    for seed in range(40):
        made = replaced("THE  42 (Zebra)!", seed, 0.9)
        assert made is not None
        first, number, last = made.split()
        assert first in ("CARD", "THE")
        assert number == "42"
        assert last.startswith("(")
        assert last.endswith(")!")
        assert made.count("  ") == 1


def test_a_new_corpus_of_the_same_shape_is_counted_anew():
    for word in ("alpha", "beta"):
        made = replaced("x y", corpus=Corpus(1, {word: 1}, {word: 1}))
        assert made is not None
        assert word in made
