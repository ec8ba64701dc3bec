from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.seeds import generator
from tools.similarity.fingerprints import area_weights, cosine_basis, speech_print, thumbnail
from tools.similarity.nearest import VectorIndex
from tools.similarity.seen import THRESHOLDS, Match, Seen, duplicates, similarity

WORDS = ["rain", "train", "money", "light", "garden", "window", "paper", "river", "stone", "music", "horse", "table"]


def line(seed: int) -> str:
    rng = generator(seed)
    return " ".join(WORDS[at] + str(rng.integers(1000)) for at in rng.integers(0, len(WORDS), 12))


def picture(seed: int, height: int = 24, width: int = 20, channels: int = 1) -> Any:
    return generator(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


def clip(seed: int, seconds: float = 0.6, rate_hz: int = 8000) -> Wave:
    rng = generator(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch = 120 + 80 * rng.random()
    voice = sum(rng.random() * np.sin(2 * np.pi * pitch * order * time + rng.random()) for order in range(1, 18))
    envelope = np.interp(time, np.linspace(0, seconds, 7), rng.random(7) * [0, 1, 1, 0.2, 1, 1, 0])
    made = 0.05 * voice * envelope + 3e-4 * rng.standard_normal(len(time))
    return Wave(made.astype(np.float32)[None], rate_hz)


def items(modality: str) -> list[Any]:
    """Ten different items, exact copies of some, and one that is nearly the first."""
    if modality == "text":
        made: list[Any] = [line(at) for at in range(10)]
        near: Any = made[0].replace("rain", "rein", 1).upper()
    elif modality == "image":
        made = [picture(at) for at in range(10)]
        near = np.clip(made[0].astype(int) + 2, 0, 255).astype(np.uint8)
    else:
        made = [clip(at) for at in range(10)]
        near = Wave(made[0].samples * np.float32(10 ** (0.2 / 20)), 8000)
    return [*made[:4], made[1], *made[4:], near, made[9], made[1]]


every_modality = pytest.mark.parametrize("modality", ["text", "image", "speech"])
REPEATED = {4: 1, 11: 0, 12: 10, 13: 1}


@every_modality
def test_copies_and_near_copies_are_found_and_nothing_else(modality):
    found = duplicates(modality, [items(modality)])
    assert found.dtype == np.int64
    assert {at: int(of) for at, of in enumerate(found) if of >= 0} == REPEATED


@every_modality
@pytest.mark.parametrize("chunk", [1, 7])
def test_admission_does_not_depend_on_how_it_is_cut(modality, chunk):
    given = items(modality)
    ids = [f"id{at}" for at in range(len(given))]
    whole, cut = Seen(modality), Seen(modality)
    want = whole.admit(ids, given)
    got = [one for low in range(0, 14, chunk) for one in cut.admit(ids[low : low + chunk], given[low : low + chunk])]
    assert got == want
    assert {at: match.id for at, match in enumerate(want) if match} == {at: f"id{of}" for at, of in REPEATED.items()}
    assert len(whole) == len(cut) == 10


@every_modality
def test_prints_stand_for_payloads(modality):
    given = items(modality)
    ids = [str(at) for at in range(len(given))]
    one, other = Seen(modality), Seen(modality)
    assert one.admit(ids, one.prints(given)) == other.admit(ids, given)
    assert one.nearest(one.prints(given)) == other.nearest(given)


@every_modality
def test_nothing_given_nothing_found(modality):
    seen = Seen(modality)
    assert seen.admit([], []) == seen.nearest([]) == []
    assert seen.nearest(items(modality)[:1]) == [None]
    assert duplicates(modality, []).tolist() == []
    assert len(seen) == 0


@every_modality
def test_the_most_similar_is_nearest_and_the_first_of_equals(modality):
    given = items(modality)
    seen = Seen(modality)
    seen.add(["near", "copy", "again"], [given[11], given[0], given[0]])
    assert seen.nearest([given[0], given[2]]) == [Match("copy", 1.0), None]


@every_modality
def test_admission_names_the_earliest(modality):
    given = items(modality)
    seen = Seen(modality)
    seen.add(["near", "copy"], [given[11], given[0]])
    match = seen.admit(["new"], [given[0]])[0]
    assert match is not None
    assert match.id == "near"
    assert THRESHOLDS[modality] <= match.similarity < 1
    assert len(seen) == 2


@every_modality
def test_a_crowd_is_one_item(modality):
    given = items(modality)[:1] * 400
    assert duplicates(modality, [given[:150], given[150:]]).tolist() == [-1] + [0] * 399


def greedy(texts: list[str]) -> list[int]:
    kept, found = [], []
    for at, text in enumerate(texts):
        similar = similarity("text", [text] * len(kept), [texts[one] for one in kept])
        found.append(next((one for one, value in zip(kept, similar, strict=True) if value >= 0.8), -1))
        if found[-1] < 0:
            kept.append(at)
    return found


def test_alike_texts_get_what_comparing_all_pairs_gives():
    texts = [f"Please play song number {at} by the artist {at % 7} on my player now" for at in range(0, 4000, 18)]
    want = greedy(texts)
    assert 20 < sum(of < 0 for of in want) < len(texts) - 20
    assert duplicates("text", [texts]).tolist() == want
    assert duplicates("text", [texts[:3], texts[3:100], texts[100:]]).tolist() == want


# --- images ----------------------------------------------------------------------------------------


def test_a_thumbnail_averages_areas():
    assert area_weights(2, 4).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert area_weights(3, 2) == pytest.approx(np.array([[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]]))
    halves = np.zeros((32, 48, 1), np.uint8)
    halves[:, 24:] = 200
    made = thumbnail(halves).reshape(16, 16, 3)
    assert (made[:, :8] == 0).all()
    assert (made[:, 8:] == 200).all()


def test_grey_and_the_same_in_colour_are_equal():
    grey = picture(3)
    assert similarity("image", [grey], [np.repeat(grey, 3, axis=2)]) == [1.0]


def test_image_similarity_is_one_minus_the_rms_difference():
    black, grey = np.zeros((20, 20, 3), np.uint8), np.full((40, 20, 1), 51, np.uint8)
    assert similarity("image", [black, black], [grey, black]) == pytest.approx([0.8, 1.0])


@pytest.mark.parametrize(("lighter", "match"), [(7, True), (8, False)])
def test_the_threshold_for_images_is_3_percent_of_white(lighter, match):
    seen = Seen("image")
    seen.add(["dark"], [np.full((30, 30, 3), 100, np.uint8)])
    assert (seen.nearest([np.full((30, 30, 3), 100 + lighter, np.uint8)])[0] is not None) == match


# --- speech ----------------------------------------------------------------------------------------


def changed(wave: Wave, how: str) -> Wave:
    samples, rate = wave.samples[0], wave.rate_hz
    if how == "16 bit":
        samples = np.round(samples * 32767) / 32768
    elif how.endswith("dB"):
        samples = samples * 10 ** (float(how[:-3]) / 20)
    elif how == "noise":
        noise = generator(1).standard_normal(len(samples))
        samples = samples + noise * np.sqrt(np.square(samples).mean() / 100)
    elif how == "speed":
        samples = np.interp(np.arange(0, len(samples) - 1, 0.95), np.arange(len(samples)), samples)
    else:
        samples = np.roll(samples, round(0.06 * rate))
    return Wave(samples.astype(np.float32)[None], rate)


@pytest.mark.parametrize("how", ["16 bit", "0.2 dB", "-0.2 dB"])
def test_a_clip_written_anew_is_the_same(how):
    clips = [clip(at) for at in range(8)]
    assert min(similarity("speech", clips, [changed(one, how) for one in clips])) >= THRESHOLDS["speech"]


@pytest.mark.parametrize("how", ["3 dB", "-3 dB", "noise", "speed", "shift"])
def test_an_augmented_clip_is_another(how):
    clips = [clip(at) for at in range(8)]
    assert max(similarity("speech", clips, [changed(one, how) for one in clips])) < THRESHOLDS["speech"]


def test_a_gain_of_2_dB_lowers_similarity_by_2_over_40():
    tone = Wave(generator(2).standard_normal((1, 8000)).astype(np.float32), 16000)
    assert similarity("speech", [tone], [changed(tone, "2 dB")])[0] == pytest.approx(1 - 2 / 40, abs=1e-3)


def test_silence_an_empty_clip_and_any_length_have_a_print():
    empty, tiny, long = (Wave(np.zeros((1, count), np.float32), 8000) for count in (0, 10, 8000 * 60))
    assert [speech_print(one)[:256].tolist() for one in (empty, tiny, long)] == [[-640] * 256] * 3
    assert len({int(speech_print(one)[256]) for one in (empty, tiny, long)}) == 3


# --- the search ------------------------------------------------------------------------------------


def test_the_coarse_basis_is_orthonormal():
    for basis in (cosine_basis(3), cosine_basis(1, alone=1)):
        assert np.allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-5)
    assert cosine_basis(3).shape == (768, 36)
    assert cosine_basis(1, alone=1).shape == (257, 37)


@pytest.mark.parametrize("radius", [0.0, 50.0, 400.0])
def test_vectors_within_the_radius_are_exactly_those(radius):
    rng = generator(9)
    centres = rng.integers(0, 256, (40, 768))
    vectors = np.clip(centres[rng.integers(0, 40, 900)] + rng.integers(-20, 21, (900, 768)), 0, 255).astype(np.uint8)
    vectors[800:] = vectors[:100]
    index = VectorIndex(cosine_basis(3), radius, 128.0, np.uint8)
    for part in (vectors[:5], vectors[5:300], vectors[300:600]):
        index.add(index.prints(part))
    query, position, square = index.search(index.prints(vectors[600:]), since=5)
    exact = ((vectors[600:, None].astype(np.int64) - vectors[None, :600]) ** 2).sum(2)
    wanted = np.nonzero(exact[:, 5:] <= radius**2)
    assert len(query) > 90
    assert np.array_equal(query, wanted[0])
    assert np.array_equal(position, wanted[1] + 5)
    assert np.array_equal(square, exact[query, position])
