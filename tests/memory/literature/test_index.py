"""The index: built once, named by what went into it, whole or not there, and searched by meaning, words and facts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memory.errors import UsageError
from memory.literature import vocabulary
from memory.literature.index import ANSWERED, Index, Query, index_digest

WORDS = vocabulary.load()


@pytest.fixture
def opened(tmp_path, few, encoder):
    with Index.open(tmp_path / "cache", few, WORDS, encoder) as index:
        yield index


def folders(cache: Path) -> list[str]:
    return sorted(one.name for one in cache.iterdir() if one.is_dir())


def test_an_index_is_built_once_and_then_opened(tmp_path, few, encoder):
    said = []
    Index.open(tmp_path, few, WORDS, encoder, said.append).close()
    built = encoder.asked
    assert built > len(few)
    assert said[-1] == {"node": "index", "done": built, "of": built}
    Index.open(tmp_path, few, WORDS, encoder, said.append).close()
    assert encoder.asked == built
    assert len(folders(tmp_path)) == 1


def test_another_note_or_encoder_makes_another_index(tmp_path, few, encoder, another_encoder):
    fewer = {key: note for key, note in few.items() if key != "wei2019eda"}
    for notes, by in ((few, encoder), (fewer, encoder), (few, another_encoder)):
        Index.open(tmp_path, notes, WORDS, by).close()
    assert len(folders(tmp_path)) == 3
    digests = {index_digest(few, WORDS, one) for one in (None, encoder, another_encoder)}
    assert len({*digests, index_digest(fewer, WORDS, encoder)}) == 4


@pytest.mark.parametrize("harm", ["nothing", "a file", "half"])
def test_a_broken_index_is_built_again(tmp_path, few, encoder, harm):
    Index.open(tmp_path, few, WORDS, encoder).close()
    [folder] = [one for one in tmp_path.iterdir() if one.is_dir()]
    if harm == "nothing":
        shutil.rmtree(folder)
        folder.mkdir()
    elif harm == "a file":
        (folder / "chroma.sqlite3").write_bytes(b"no database")
    else:
        fewer = {key: note for key, note in few.items() if key != "wei2019eda"}
        Index.open(tmp_path / "else", fewer, WORDS, encoder).close()
        [other] = [one for one in (tmp_path / "else").iterdir() if one.is_dir()]
        shutil.rmtree(folder)
        other.rename(folder)
    with Index.open(tmp_path, few, WORDS, encoder) as index:
        assert index.search(Query(words="synonyms of words"), 1)[0].key == "wei2019eda"


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_index(tmp_path, few, encoder):
    digest = index_digest(few, WORDS, encoder)
    partial = tmp_path / f".literature-{digest[:16]}.partial"
    partial.mkdir()
    (partial / "chroma.sqlite3").write_bytes(b"half")
    with Index.open(tmp_path, few, WORDS, encoder) as index:
        assert index.ranking == "hybrid"
    assert folders(tmp_path) == [f"literature-{digest[:16]}"]


BUILD = """
import runpy, sys
from pathlib import Path
from memory.literature import notes, vocabulary
from memory.literature.index import Index, Query
Words = runpy.run_path(sys.argv[1])["Words"]
known = {key: notes.load()[key] for key in ("wei2019eda", "snyder2015musan")}
with Index.open(Path(sys.argv[2]), known, vocabulary.load(), Words()) as index:
    print(index.ranking, index.search(Query(words="background noise"), 1)[0].key)
"""


def test_processes_that_start_at_once_share_one_index(tmp_path):
    words = [sys.executable, "-c", BUILD, str(Path(__file__).with_name("conftest.py")), str(tmp_path / "cache")]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate(timeout=120)[0] for one in runs]
    assert said == ["hybrid snyder2015musan\n"] * 4
    assert len(folders(tmp_path / "cache")) == 1


def test_where_nothing_can_be_written_the_index_is_made_for_this_process_alone(tmp_path, few, encoder):
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    with Index.open(blocked, few, WORDS, encoder) as index:
        assert index.search(Query(words="misspelled words and typos"), 1)[0].key == "pruthi2019misspellings"
        assert index._store is not None
        place = index._store.folder
        assert place.exists()
    assert not place.exists()


def test_an_index_that_cannot_be_written_to_is_used_as_a_copy(tmp_path, few, encoder, monkeypatch):
    Index.open(tmp_path, few, WORDS, encoder).close()
    built = encoder.asked
    from memory.literature import store

    real = store._client

    def refused(folder: Path):
        if folder.parent == tmp_path:
            raise OSError("attempt to write a readonly database")
        return real(folder)

    monkeypatch.setattr(store, "_client", refused)
    monkeypatch.setattr(store, "_is_writable", lambda _cache: False)
    with Index.open(tmp_path, few, WORDS, encoder) as index:
        assert index.ranking == "hybrid"
        assert encoder.asked == built


def test_without_an_encoder_words_alone_are_compared_and_it_says_why(tmp_path, few):
    with Index.open(tmp_path, few, WORDS, None, why="it is not here") as index:
        assert (index.ranking, index.why_lexical) == ("lexical", "it is not here")
        [best] = index.search(Query(words="background noise of kitchens"), 1)
        assert best.key == "snyder2015musan"
        assert best.cosine is None
    assert not list(tmp_path.iterdir())


def test_a_modality_a_situation_and_keys_are_filters(opened):
    words = "random masks"
    assert {one.key for one in opened.search(Query(words=words, modality="image"))} == {"zhong2020randomerasing"}
    assert {one.key for one in opened.search(Query(words=words, within=("noisy-audio",)))} == {"snyder2015musan"}
    assert [one.key for one in opened.search(Query(words=words, only=("wei2019eda",)))] == ["wei2019eda"]
    assert opened.search(Query(words=words, only=())) == []


def test_what_is_known_needs_no_encoder_and_prefers_what_is_for_it(opened, encoder):
    asked = encoder.asked
    found = opened.search(Query(known=("families:occlusion",), modality=None))
    assert found[0].key == "zhong2020randomerasing"
    assert encoder.asked == asked


def test_words_and_what_is_known_add_up(opened):
    alone = {one.key: one.score for one in opened.search(Query(words="noise"))}
    both = {one.key: one.score for one in opened.search(Query(words="noise", known=("situations:noisy-audio",)))}
    assert both["snyder2015musan"] > alone["snyder2015musan"]


def test_the_same_question_has_the_same_answer(opened):
    query = Query(words="cut a patch out of an image", known=("situations:robustness",))
    assert opened.search(query) == opened.search(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Query(), "needs words"),
        (Query(words="  "), "needs words"),
        (Query(words="x", within=("sunny",)), r"no 'sunny' among the situations.*few-shot"),
        (Query(known=("tasks:gardening",)), r"no 'gardening' among the tasks.*keyword-spotting"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(opened, query, said):
    with pytest.raises(UsageError, match=said):
        opened.search(query)


def test_a_score_is_a_probability_and_falls_along_the_list(opened):
    scores = [one.score for one in opened.search(Query(words="typos and misspelled words"))]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert 0 < ANSWERED < 1
