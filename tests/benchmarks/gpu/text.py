"""Speed of language models on a GPU: tokens a second of `Local`, texts a second of the filler, against naive loops.

    python tests/benchmarks/gpu/text.py [--items 128] [--naive-items 4] [--rounds 5] [--only local]

A causal model of the size of Qwen3 0.6B with random weights answers prompts of about `--prompt` tokens with 64 tokens
each, drawn at temperature 1. `Local` is handed all of them, once as plain text and once held to the schema that the
writer asks with; the prompts are then longer by the words that say it. Naive is `generate` with one prompt a call, the
likeliest token each time and no schema: in float32, and in bfloat16 as such checkpoints load, which leaves only what
batches bring. The tokenizer knows as many tokens as Qwen3's, made up of letters, so that schemas cost what they cost
there; it reads prompts letter by letter.

Then a masked model of the size of DistilBERT fills two masks a sentence: the filler against one sentence a call of the
whole model in float32, which the filler is in too.

Contestants take turns; figures are medians. The share of time that the GPU was busy is nvidia-smi's, and the memory
the largest that PyTorch held, the models that are compared being loaded all the while. Without a GPU it says so and
measures nothing; `--tiny` runs the same code on small models anywhere, `--cpu` on whole ones.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from busy import Way, device_for, options, precision, take_turns

from memory.errors import ModelError
from memory.exchanges import Message, Request
from tools.engines.filler import Filler
from tools.models.local import Local
from tools.seeds import generator

TOKENS = 64
TOP = 201
"""Words that the tool asks for at each mask."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
QWEN = {
    "vocab_size": 151_936,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40_960,
    "tie_word_embeddings": True,
}
TINY_QWEN = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
TINY_BERT = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "vocab_size": 1024}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SCHEMA: dict[str, object] = {
    "title": "Written",
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1024, "maxLength": 4096}},
    "required": ["text"],
    "additionalProperties": False,
}
"""Of the writer, but for the length: no answer ends before its last token."""


def made_up(count: int, least: int = 2) -> list[str]:
    """Return as many different words of letters."""
    rng = generator(7)
    words: dict[str, None] = {}
    while len(words) < count:
        size = int(rng.integers(least, 9))
        words.setdefault("".join(LETTERS[int(at)] for at in rng.integers(0, 26, size)))
    return list(words)


def checkpoint(folder: Path, tiny: bool) -> Path:
    """Write the causal model and its tokenizer as a folder that models come in, in bfloat16."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    size = TINY_QWEN if tiny else QWEN
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    ends = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    known = [*signs, *made_up(int(size["vocab_size"]) - len(signs) - len(ends)), *ends]
    core = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(known)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=ends[2], pad_token=ends[0], additional_special_tokens=[ends[1]]
    )
    tokenizer.chat_template = TEMPLATE
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Qwen3ForCausalLM(Qwen3Config(**size, **ids))
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def requests(items: int, tokens: int, schema: dict[str, object] | None) -> list[Request]:
    """Return questions of about so many tokens, from three quarters to five quarters of it."""
    rng = generator(5)
    sizes = rng.integers(tokens * 3 // 4, tokens * 5 // 4 + 1, items)
    texts = ["".join(LETTERS[int(at)] for at in rng.integers(0, 26, int(size))) for size in sizes]
    return [
        Request(
            model="random",
            messages=(Message(role="user", content=text),),
            reply_schema=schema,
            max_tokens=TOKENS,
            temperature=1.0,
            seed=at,
        )
        for at, text in enumerate(texts)
    ]


def naive_answers(model: Any, tokenizer: Any, asked: list[Request]) -> int:
    """Answer question by question; return the tokens of the answers."""
    made = 0
    for one in asked:
        said = [{"role": turn.role, "content": turn.content} for turn in one.messages]
        text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        read = tokenizer(text, return_tensors="pt", return_token_type_ids=False).to(model.device)
        out = model.generate(**read, do_sample=False, max_new_tokens=TOKENS)[0, read.input_ids.shape[1] :]
        tokenizer.decode(out, skip_special_tokens=True)
        made += len(out)
    return made


def answers(local: Local, asked: list[Request]) -> int:
    """Answer all questions with the engine; return the tokens of the answers. Raises ModelError where one fails."""
    made = 0
    for reply in local.complete_all(asked):
        if isinstance(reply, ModelError):
            raise reply
        made += reply.tokens_out
    return made


def local_ways(asked: argparse.Namespace, device: str, folder: Path) -> tuple[dict[str, Way], dict[str, Way]]:
    """Build the loops and our ways of answering."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    checkpoint(folder, asked.tiny)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    whole, half = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=kind).to(device)
        for kind in (torch.float32, precision(device))
    )
    local = Local("random", folder, device)
    free, held = (requests(asked.items, asked.prompt, schema) for schema in (None, SCHEMA))
    few = free[: asked.naive_items]
    loops: dict[str, Way] = {
        f"generate, {str(model.dtype).removeprefix('torch.')}": partial(naive_answers, model, tokenizer, few)
        for model in (whole, half)
    }
    return loops, {"Local": lambda: answers(local, free), "Local, schema": lambda: answers(local, held)}


def masked(tiny: bool) -> tuple[Any, Any]:
    """Build the masked model with random weights, in float32 on the CPU, and its tokenizer."""
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertForMaskedLM

    config = DistilBertConfig(**(TINY_BERT if tiny else {}))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    known = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    known += made_up(config.vocab_size - len(known))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = DistilBertForMaskedLM(config).eval()
    return model, BertTokenizerFast(vocab={word: at for at, word in enumerate(known)}, model_max_length=512)


def sentences(items: int, tiny: bool) -> list[str]:
    """Return sentences of 8 to 24 words that the masked model knows, two of them masked."""
    rng = generator(5)
    words = made_up(900 if tiny else 30_000)
    out = []
    for _ in range(items):
        own = [words[int(at)] for at in rng.integers(0, len(words), int(rng.integers(8, 25)))]
        for place in rng.permutation(len(own))[:2]:
            own[int(place)] = "[MASK]"
        out.append(" ".join(own))
    return out


def naive_fillings(model: Any, tokenizer: Any, texts: list[str]) -> int:
    """Fill sentence by sentence; return how many."""
    for text in texts:
        read = tokenizer(text, return_tensors="pt", return_token_type_ids=False).to(model.device)
        with torch.no_grad():
            scores = model(**read).logits[0]
        places = (read["input_ids"][0] == tokenizer.mask_token_id).nonzero()[:, 0]
        chances, words = scores[places].softmax(-1).topk(TOP)
        _ = chances.tolist(), [tokenizer.convert_ids_to_tokens(row) for row in words.tolist()]
    return len(texts)


def filler_ways(asked: argparse.Namespace, device: str) -> tuple[dict[str, Way], dict[str, Way]]:
    """Build the loop and our way of filling masks."""
    (plain, tokenizer), (model, _) = masked(asked.tiny), masked(asked.tiny)
    plain.to(device)
    filler = Filler(model, tokenizer, "random", device)
    texts = sentences(asked.texts, asked.tiny)
    few = texts[: asked.naive_texts]

    def ours() -> int:
        return sum(found is not None for found in filler.fill(texts, TOP))

    return {"naive loop": lambda: naive_fillings(plain, tokenizer, few)}, {"filler": ours}


def main() -> None:
    """Compare on the GPU of this machine, or say that there is none."""
    parser = options(__doc__)
    parser.add_argument("--items", type=int, default=128, help="questions")
    parser.add_argument("--naive-items", type=int, default=4, help="questions that a naive loop answers a round")
    parser.add_argument("--prompt", type=int, default=320, help="tokens of a question, about")
    parser.add_argument("--texts", type=int, default=8192, help="sentences with masks")
    parser.add_argument("--naive-texts", type=int, default=512, help="sentences that the naive loop fills a round")
    parser.add_argument("--only", choices=("local", "filler"), help="one of the two models")
    asked = parser.parse_args()
    if asked.tiny:
        asked.items, asked.naive_items, asked.prompt, asked.texts, asked.naive_texts = 3, 1, 40, 40, 3
    device = device_for(asked)
    if device is None:
        return
    from transformers.utils import logging

    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place:
        if asked.only != "filler":
            take_turns("Answers", "tokens", *local_ways(asked, device, Path(place)), asked.rounds)
        if asked.only != "local":
            take_turns("Masks in texts", "texts", *filler_ways(asked, device), asked.rounds)


if __name__ == "__main__":
    main()
