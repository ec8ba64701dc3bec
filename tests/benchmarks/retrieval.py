"""How well the literature is searched: by words, by meaning, by both, against plain BM25; and how fast.

    python tests/benchmarks/retrieval.py                 # all queries, quality and time
    python tests/benchmarks/retrieval.py --fit           # fit the weights of memory/literature/index.py anew

`queries.jsonl` holds labelled questions: `relevant` maps the key of a note to 2 (answers the question) or 1 (of use),
and is empty where nothing in the literature answers. Weights are fitted on the development questions only; the
held-out ones were written without sight of the search, of its vocabulary and of the needs in the notes. Plain BM25 is
`bm25s` over title, task, approach, regime, families, limits and mitigations of a note, with stop words and Porter
stems; it knows neither the vocabulary nor the needs. Rank fusion joins plain BM25 and dense. direct@5: the share of
questions with a direct answer among the first five. AUC: how well the best score tells questions that are answered from
those that nothing answers.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bm25s
import numpy as np
import snowballstemmer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from agent.evidence import open_literature
from agent.settings import from_environment, keep_quiet
from memory.job import Policy
from memory.literature import notes, vocabulary
from memory.literature.index import ANSWERED, Index, Query
from tools.embed.choose import choose

QUERIES = Path(__file__).with_name("queries.jsonl")
Ranking = list[tuple[str, float]]


def read(limit: int | None) -> list[dict[str, Any]]:
    """Return the questions; with a limit, the first few of every split."""
    found = [json.loads(line) for line in QUERIES.read_text(encoding="utf-8").splitlines()]
    kept: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        kept.setdefault(one["split"], []).append(one)
    return [one for part in kept.values() for one in (part if limit is None else [*part[:limit], *part[-limit:]])]


def plain_bm25() -> Callable[[str], Ranking]:
    """Return a ranking by BM25 over what the notes say, made by a library."""
    known = notes.load()
    stem = snowballstemmer.stemmer("porter").stemWords
    texts = []
    for note in known.values():
        parts = [
            note.title,
            note.task,
            note.approach,
            note.feeds,
            note.data_regime,
            *note.generators,
            *note.mitigations,
        ]
        parts += [*note.families, *note.applies_when, *(one.text for one in note.limitations)]
        texts.append(" ".join(part.replace("-", " ") for part in parts if part))
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stem, show_progress=False), show_progress=False)
    keys = list(known)

    def rank(words: str) -> Ranking:
        [tokens] = bm25s.tokenize([words], stopwords="en", stemmer=stem, return_ids=False, show_progress=False)
        there = [token for token in tokens if token in index.vocab_dict]
        scores = index.get_scores(there) if there else np.zeros(len(keys))
        return sorted(zip(keys, scores.tolist(), strict=True), key=lambda one: (-one[1], one[0]))

    return rank


def ndcg(relevant: dict[str, int], ranked: Sequence[str], depth: int = 10) -> float:
    """Return nDCG with gains 2^grade - 1 (Järvelin & Kekäläinen 2002)."""
    gains = [2 ** relevant.get(key, 0) - 1 for key in ranked[:depth]]
    ideal = sorted((2**grade - 1 for grade in relevant.values()), reverse=True)[:depth]
    return _discounted(gains) / _discounted(ideal)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def quality(questions: Sequence[dict[str, Any]], rankings: Sequence[Ranking]) -> dict[str, float]:
    """Return the mean measures over the questions that have an answer, and how well the best score tells the others."""
    rows = []
    for question, ranking in zip(questions, rankings, strict=True):
        relevant = question["relevant"]
        if not relevant:
            continue
        ranked = [key for key, _ in ranking]
        direct = {key for key, grade in relevant.items() if grade == 2}
        first = next((1 / (place + 1) for place, key in enumerate(ranked) if key in relevant), 0.0)
        recall = len(set(ranked[:5]) & set(relevant)) / len(relevant)
        rows.append((ndcg(relevant, ranked), recall, first, float(bool(direct & set(ranked[:5])))))
    means = np.mean(rows, axis=0).tolist()
    answerable = [bool(question["relevant"]) for question in questions]
    best = [ranking[0][1] if ranking else 0.0 for ranking in rankings]
    told = roc_auc_score(answerable, best) if len(set(answerable)) == 2 else float("nan")
    return dict(zip(("nDCG@10", "recall@5", "MRR", "direct@5"), means, strict=True)) | {"AUC": float(told)}


def ways(index: Index, questions: Sequence[dict[str, Any]], told: bool) -> dict[str, list[Ranking]]:
    """Return the rankings of every way to search; `told` gives the modality, as a dataset does."""
    plain, known = plain_bm25(), notes.load()
    made: dict[str, list[Ranking]] = {"plain BM25": [], "lexical": [], "dense": [], "rank fusion": [], "hybrid": []}
    for question in questions:
        modality = question["modality"] if told else None
        found = index.search(Query(words=question["words"], modality=modality))
        made["hybrid"].append([(one.key, one.score) for one in found])
        for name, score in (("lexical", lambda one: one.bm25), ("dense", lambda one: one.cosine or 0.0)):
            made[name].append(sorted(((one.key, score(one)) for one in found), key=lambda one: (-one[1], one[0])))
        ranked = plain(question["words"])
        made["plain BM25"].append([one for one in ranked if modality is None or modality in known[one[0]].modalities])
        made["rank fusion"].append(fused(made["plain BM25"][-1], made["dense"][-1]))
    return made


def fused(*rankings: Ranking) -> Ranking:
    """Return the reciprocal-rank fusion of some rankings, k = 60 (Cormack et al. 2009)."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, (key, _) in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (60 + place)
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


def show_quality(index: Index, questions: Sequence[dict[str, Any]]) -> None:
    """Print a table per split, with and without the modality given."""
    for split in dict.fromkeys(question["split"] for question in questions):
        mine = [question for question in questions if question["split"] == split]
        answered = sum(bool(question["relevant"]) for question in mine)
        for told in (False, True):
            given = "modality given" if told else "words alone"
            print(f"\n{split}, {given}: {answered} answerable questions, {len(mine) - answered} that nothing answers")
            print(f"{'':12}{'nDCG@10':>9}{'recall@5':>10}{'MRR':>7}{'direct@5':>10}{'AUC':>7}{'over BM25':>11}")
            made = {name: quality(mine, rankings) for name, rankings in ways(index, mine, told).items()}
            for name, one in made.items():
                over = one["nDCG@10"] - made["plain BM25"]["nDCG@10"]
                cells = f"{one['nDCG@10']:9.3f}{one['recall@5']:10.3f}{one['MRR']:7.3f}{one['direct@5']:10.3f}"
                print(f"{name:12}{cells}{one['AUC']:7.3f}{over:+11.3f}")
        best = [index.search(Query(words=question["words"]), 1)[0].score >= ANSWERED for question in mine]
        right = [said == bool(question["relevant"]) for said, question in zip(best, mine, strict=True)]
        print(f"a best score of {ANSWERED} tells {100 * sum(right) / len(right):.0f} % of the questions right")


def show_time(index: Index, questions: Sequence[dict[str, Any]], records: int) -> None:
    """Print the latency of a warm query, the time to open and to build an index, and of imports."""
    spent = []
    for question in [*questions[:5], *questions]:
        start = time.perf_counter()
        index.search(Query(words=question["words"], modality=question["modality"]), 10)
        spent.append(1000 * (time.perf_counter() - start))
    warm = sorted(spent[5:])
    known = Query(known=("tasks:text-classification", "situations:few-shot"), modality="text")
    planned = sorted(_milliseconds(lambda: index.search(known)) for _ in range(21))
    print(
        f"\nwarm query: median {statistics.median(warm):.1f} ms, 95 % under {warm[int(0.95 * (len(warm) - 1))]:.1f} ms"
    )
    print(f"query of a plan (no words, no encoder): median {statistics.median(planned):.1f} ms")
    settings = from_environment()
    opened = _milliseconds(lambda: open_literature(Policy(), settings).close())
    print(f"opening an index that is there: {opened:.0f} ms")
    base = notes.load()
    many = dict(base)
    for number in range(max(0, records - len(base))):
        key, note = list(base.items())[number % len(base)]
        many[f"{key}copy{number}"] = note.model_copy(update={"key": f"{key}copy{number}"})
    many = dict(list(many.items())[:records])
    encoder = choose(Policy().encoder, remote=False, base_url="", api_key=None)
    assert encoder is not None
    encoder.encode(["warm"])
    with TemporaryDirectory() as place:
        built = _milliseconds(lambda: Index.open(Path(place), many, vocabulary.load(), encoder).close())
    print(f"building the index of {len(many)} records: {built / 1000:.1f} s")
    for module in ("chromadb", "torch", "transformers.models.bert.modeling_bert", "memory.literature.index"):
        print(f"import {module}: {_import_seconds(module):.1f} s")


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def _import_seconds(module: str) -> float:
    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    return once(f"import {module}") - once("pass")


def fit(index: Index, questions: Sequence[dict[str, Any]]) -> None:
    """Print weights for `HYBRID` and `LEXICAL`: logistic regression of relevance, direct answers counting twice."""
    rows, relevant, weight = [], [], []
    for question in questions:
        if question["split"] != "development":
            continue
        for one in index.search(Query(words=question["words"])):
            grade = question["relevant"].get(one.key, 0)
            rows.append((one.cosine or 0.0, math.sqrt(one.bm25)))
            relevant.append(grade > 0)
            weight.append(max(1, grade))
    for name, columns in (("HYBRID", [0, 1]), ("LEXICAL", [1])):
        model = LogisticRegression(C=100.0, max_iter=2000)
        model.fit(np.array(rows)[:, columns], relevant, sample_weight=weight)
        print(f"{name}: intercept {model.intercept_[0]:.2f}, weights {model.coef_[0].round(2).tolist()}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="questions from either end of every split")
    parser.add_argument("--records", type=int, default=300, help="records to build an index of")
    parser.add_argument("--encoder", default=Policy().encoder)
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    keep_quiet("deny")
    questions = read(given.limit)
    with open_literature(Policy(encoder=given.encoder), from_environment()) as index:
        print(f"{len(notes.load())} records, {index.ranking} ranking {index.why_lexical or ''}")
        if given.fit:
            fit(index, questions)
            return
        show_quality(index, questions)
        if index.ranking == "hybrid":
            show_time(index, questions, given.records)


if __name__ == "__main__":
    main()
