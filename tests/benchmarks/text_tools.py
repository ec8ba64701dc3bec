"""Speed of the text tools: sentences a second against a plain Python loop of the same edit, and nlpaug where installed.

    python tests/benchmarks/text_tools.py

The loop uses one `random.Random` for all sentences. The tools start every sentence from a seed of its own; so does
"seeded", the same loop with a `random.Random(seed)` a sentence. The tools also keep marks, white space and capitals,
which the loops do not. All take turns every round.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import random  # noqa: TID251 - the thing compared with
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tools.batches import Corpus, Texts
from tools.card import Params
from tools.catalogue import load
from tools.kernels.words import FUNCTION_WORDS
from tools.seeds import generator, seed_for
from tools.text.insert_punctuation import MARKS
from tools.text.keyboard_noise import NEIGHBOURS
from tools.text.ocr_noise import CONFUSIONS

RATES = {
    "swap_words": 0.1,
    "delete_words": 0.15,
    "insert_words": 0.15,
    "insert_punctuation": 0.25,
    "replace_words": 0.25,
    "keyboard_noise": 0.4,
    "ocr_noise": 0.08,
    "reorder_sentences": 1.0,
}
Loop = Callable[[str, float, random.Random], str]


def sentences(count: int, words: int, marks: bool) -> list[str]:
    """Make sentences of a Zipf vocabulary of 5,000 letter words; with `marks`, of two clauses and a full stop."""
    rng = generator(3)
    letters = np.array(list("etaoinshrdlcumwfgypbvk"))
    vocabulary = sorted(FUNCTION_WORDS)
    vocabulary += ["".join(rng.choice(letters, int(rng.integers(3, 11)))) for _ in range(5000 - len(vocabulary))]
    weights = 1 / np.arange(1, 5001)
    drawn = rng.choice(5000, (count, words), p=weights / weights.sum())
    texts = [" ".join(vocabulary[at] for at in row) for row in drawn]
    if not marks:
        return texts
    half = words // 2
    return [
        f"{' '.join(text.split()[:half]).capitalize()}. {' '.join(text.split()[half:]).capitalize()}." for text in texts
    ]


def count_words(texts: Sequence[str]) -> Corpus:
    """Count the words of `texts`."""
    words = [text.lower().split() for text in texts]
    term = Counter(word for text in words for word in text)
    document = Counter(word for text in words for word in set(text))
    return Corpus(len(texts), document, term)


def swap(text: str, rate: float, rng: random.Random) -> str:
    words = text.split()
    for _ in range(max(1, round(rate * len(words)))):
        one, other = rng.randrange(len(words)), rng.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    return " ".join(words)


def delete(text: str, rate: float, rng: random.Random) -> str:
    words = text.split()
    kept = [word for word in words if rng.random() >= rate]
    return " ".join(kept or [rng.choice(words)])


def insert(text: str, rate: float, rng: random.Random) -> str:
    words = text.split()
    content = [word for word in words if word.lower() not in FUNCTION_WORDS] or words
    for _ in range(max(1, round(rate * len(words)))):
        words.insert(rng.randrange(len(words)), rng.choice(content))
    return " ".join(words)


def punctuate(text: str, rate: float, rng: random.Random) -> str:
    words = text.split()
    chosen = set(rng.sample(range(len(words)), max(1, min(round(rate * len(words)), len(words) // 3))))
    made: list[str] = []
    for at, word in enumerate(words):
        if at in chosen:
            made.append(rng.choice(MARKS))
        made.append(word)
    return " ".join(made)


def replacer(corpus: Corpus) -> Loop:
    """Return the loop of the TF-IDF replacement, its tables made beforehand."""
    idf = {word: math.log(corpus.documents / held) for word, held in corpus.document_frequency.items()}
    scores = {word: count * idf[word] for word, count in corpus.term_frequency.items()}
    words, highest = list(scores), max(scores.values())
    bounds = np.cumsum([highest - scores[word] for word in words]).tolist()

    def replace(text: str, rate: float, rng: random.Random) -> str:
        old = text.lower().split()
        informative = [old.count(word) / len(old) * idf[word] for word in old]
        top = max(informative)
        mean = sum(top - one for one in informative) / len(old) or 1.0
        made = [
            rng.choices(words, cum_weights=bounds)[0] if rng.random() < rate * (top - one) / mean else word
            for one, word in zip(informative, old, strict=True)
        ]
        return " ".join(made)

    return replace


def mistype(text: str, rate: float, rng: random.Random) -> str:
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) >= 4]
    for at in rng.sample(long, max(1, round(rate * len(long)))) if long else []:
        word = words[at]
        place = rng.randrange(1, len(word) - 1)
        kind = rng.randrange(4)
        key = rng.choice(NEIGHBOURS.get(word[place].lower(), "e"))
        if kind == 0:
            words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        elif kind == 1:
            words[at] = word[:place] + word[place + 1 :]
        else:
            words[at] = word[: place + kind - 2] + key + word[place + 1 :]
    return " ".join(words)


def misread(text: str, rate: float, rng: random.Random) -> str:
    made: list[str] = []
    at = 0
    while at < len(text):
        shape = text[at : at + 2] if text[at : at + 2] in CONFUSIONS else text[at]
        at += len(shape)
        made.append(rng.choice(CONFUSIONS[shape]) if shape in CONFUSIONS and rng.random() < rate else shape)
    return "".join(made)


def reorder(text: str, rate: float, rng: random.Random) -> str:
    parts = text.rstrip(".").split(". ")
    rng.shuffle(parts)
    return ". ".join(parts) + "."


def peers(names: Sequence[str]) -> dict[str, Callable[[str], object]]:
    """Return nlpaug's form of each edit it has; none where it is not installed."""
    if importlib.util.find_spec("nlpaug") is None:
        return {}
    import nlpaug.augmenter.char as nac
    import nlpaug.augmenter.word as naw

    made = {
        "swap_words": naw.RandomWordAug(action="swap", aug_p=0.1),
        "delete_words": naw.RandomWordAug(action="delete", aug_p=0.15),
        "keyboard_noise": nac.KeyboardAug(aug_word_p=0.4, aug_char_max=1),
        "ocr_noise": nac.OcrAug(aug_char_p=0.08, aug_word_p=1.0),
    }
    return {name: tool.augment for name, tool in made.items() if name in names}


def rate_of(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def rounds(works: dict[str, tuple[Callable[[], object], int]], count: int) -> dict[str, float]:
    """Return the median speed of each work over `count` rounds in turns, after one warm-up."""
    speeds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(count + 1):
        for name, (work, items) in works.items():
            speed = rate_of(work, items)
            if turn:
                speeds[name].append(speed)
    return {name: statistics.median(values) for name, values in speeds.items()}


def compare(name: str, loop: Loop, batch: Texts, options: argparse.Namespace) -> dict[str, float]:
    """Return sentences a second of the tool in batches, of the loops, and of nlpaug."""
    tool = load()[f"text.{name}"]
    params: list[Params] = [
        tool.params(seed=seed_for(1, name, str(at)), rate=RATES[name])  # type: ignore[call-arg]
        for at in range(len(batch))
    ]
    size = options.batch
    parts = [
        (Texts(batch.items[at : at + size], batch.corpus), params[at : at + size]) for at in range(0, len(batch), size)
    ]
    rng = random.Random(5)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "tool": (lambda: [tool.run(texts, own) for texts, own in parts], len(batch)),
        "loop": (lambda: [loop(text, RATES[name], rng) for text in batch.items], len(batch)),
    }
    works["seeded"] = (
        lambda: [
            loop(text, RATES[name], random.Random(own.seed)) for text, own in zip(batch.items, params, strict=True)
        ],
        len(batch),
    )
    for peer in peers([name]).values():
        some = batch.items[:300]
        works["nlpaug"] = (lambda peer=peer, some=some: [peer(text) for text in some], len(some))
    return rounds(works, options.rounds)


def main() -> None:
    """Print one line a tool and a kind of sentence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=15)
    parser.add_argument("--batch", type=int, default=256, help="sentences handed to a tool at once")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if options.rounds < 5:
        parser.error("--rounds: give 5 or more; a median of fewer says little")
    for marks in (False, True):
        texts = sentences(options.sentences, options.words, marks)
        batch = Texts(texts, count_words(texts))
        loops: dict[str, Loop] = {
            "swap_words": swap,
            "delete_words": delete,
            "insert_words": insert,
            "insert_punctuation": punctuate,
            "replace_words": replacer(batch.corpus),
            "keyboard_noise": mistype,
            "ocr_noise": misread,
            "reorder_sentences": reorder,
        }
        print(f"\n{len(texts):,} sentences like: {texts[0]}")
        print(
            f"{'tool':20}{'tool/s':>12}{'loop/s':>12}{'ratio':>8}{'seeded/s':>12}{'ratio':>8}{'nlpaug/s':>12}{'ratio':>8}"
        )
        for name, loop in loops.items():
            if name == "reorder_sentences" and not marks:
                continue
            speed = compare(name, loop, batch, options)
            line = f"{name:20}{speed['tool']:12,.0f}{speed['loop']:12,.0f}{speed['tool'] / speed['loop']:8.2f}"
            line += f"{speed['seeded']:12,.0f}{speed['tool'] / speed['seeded']:8.2f}"
            if "nlpaug" in speed:
                line += f"{speed['nlpaug']:12,.0f}{speed['tool'] / speed['nlpaug']:8.1f}"
            print(line)


if __name__ == "__main__":
    main()
