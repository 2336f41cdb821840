"""What begins, ends and pads a text.

Reads tokenizer.json, tokenizer_config.json, config.json and generation_config.json of a checkpoint, in the order in
which llama.cpp's own converter believes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.tokenizer_json import TokenizerFile

if TYPE_CHECKING:
    from gguf import GGUFWriter

_ROLES = ("bos", "eos", "unk", "sep", "pad", "mask")
EOS_IDS_KEY = "edge_lam.eos_token_ids"
# Control tokens of the xLAM line's bases that llama.cpp takes for the end of a turn by their text alone.
_ENDS_BY_TEXT = {"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "</s>"}


@dataclass(frozen=True)
class CheckpointTokens:
    """Ids with a meaning.

    Attributes:
        ids: token id by role, such as ``{"bos": 0, "eos": 2}``.
        eos_ids: every id that ends a reply, `ids["eos"]` first; more than one where generation_config.json says so.
        untold: those after the first that llama.cpp does not take for an end by their text.
        adds: whether a tokenizer puts the role's token at the begin ("bos") or the end ("eos") of every text, or
            between two texts ("sep").
    """

    ids: dict[str, int]
    eos_ids: list[int]
    untold: list[int]
    adds: dict[str, bool]

    @classmethod
    def read(
        cls, checkpoint: Checkpoint, file: TokenizerFile | None, vocab_size: int, ends: dict[str, int]
    ) -> CheckpointTokens:
        """Read what a checkpoint says about its special tokens.

        Args:
            checkpoint: the folder.
            file: its tokenizer.json, if it has one.
            vocab_size: every id must be below it.
            ends: ids of "bos" and "eos" that tokenizer.model names, which count when no other file names one.

        Raises:
            CheckpointError: an id out of range, or a rule that llama.cpp can't follow.
        """
        config = checkpoint.optional_json("tokenizer_config.json")
        added = file.added_ids if file is not None else {}
        ids = {}
        for role in _ROLES:
            token_id = added.get(_text(config.get(f"{role}_token")))
            if token_id is None:
                token_id = _first(_id_list(checkpoint.config, "config.json", f"{role}_token_id", vocab_size))
            if token_id is not None:
                ids[role] = token_id
        for role in ends.keys() - ids.keys():
            if 0 <= ends[role] < vocab_size:  # -1 says that there is none
                ids[role] = ends[role]
        eos_ids = [ids["eos"]] if "eos" in ids else []
        generation = checkpoint.optional_json("generation_config.json")
        for values, name in ((generation, "generation_config.json"), (checkpoint.config, "config.json")):
            eos_ids += _id_list(values, name, "eos_token_id", vocab_size)
        eos_ids = list(dict.fromkeys(eos_ids))
        if not eos_ids:
            raise CheckpointError(
                "no end-of-text token is named in tokenizer_config.json, config.json or generation_config.json"
            )
        ids.setdefault("eos", eos_ids[0])
        known = {added[text] for text in _ENDS_BY_TEXT & added.keys()}
        untold = [token_id for token_id in eos_ids[1:] if token_id not in known]
        return cls(ids, eos_ids, untold, _adds(file, config, ids))

    def write(self, writer: GGUFWriter) -> None:
        """Write the ids and the rules."""
        for role, token_id in self.ids.items():
            getattr(writer, f"add_{role}_token_id")(token_id)
        # GGUF has one eos and two more ids that end a turn; the whole list is kept under our own key. What llama.cpp
        # finds by itself is left to it: written as eot, "<|endoftext|>" would pass for the end of a turn.
        if len(self.eos_ids) > 1:
            writer.add_array(EOS_IDS_KEY, self.eos_ids)
        if self.untold:
            writer.add_eot_token_id(self.untold[0])
        if len(self.untold) > 1:
            writer.add_eom_token_id(self.untold[1])
        for role, value in self.adds.items():
            getattr(writer, f"add_add_{role}_token")(value)


def _text(token: object) -> str:
    """Return the text of a token of tokenizer_config.json, which is a string or an object; "" for none."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else ""


def _id_list(values: dict[str, Any], file: str, key: str, vocab_size: int) -> list[int]:
    value = values.get(key)
    ids = value if isinstance(value, list) else [] if value is None else [value]
    for token_id in ids:
        if not isinstance(token_id, int) or isinstance(token_id, bool) or not 0 <= token_id < vocab_size:
            raise CheckpointError(f"{file}: {key} is {str(value)[:60]}, but token ids go from 0 to {vocab_size - 1}")
    return ids


def _first(ids: list[int]) -> int | None:
    return ids[0] if ids else None


def _adds(file: TokenizerFile | None, config: dict[str, Any], ids: dict[str, int]) -> dict[str, bool]:
    """Return what is added: what the post-processor adds counts, then what the configuration says."""
    adds: dict[str, bool] = {}
    processor = (file.document.get("post_processor") if file is not None else None) or {}
    for step in processor.get("processors", [processor] if processor else []):
        kind = step.get("type")
        if kind == "ByteLevel":
            adds.setdefault("bos", False)
            adds.setdefault("eos", False)
        elif kind == "TemplateProcessing":
            adds |= _template_adds(step, ids)
        else:
            raise CheckpointError(f"tokenizer.json: the post-processor {kind} is not supported")
    for role in ("bos", "eos"):
        value = config.get(f"add_{role}_token")
        if isinstance(value, bool):
            adds.setdefault(role, value)
    if processor:
        adds.setdefault("bos", False)  # llama.cpp would add it by itself with some tokenizers
    return adds


def _template_adds(step: dict[str, Any], ids: dict[str, int]) -> dict[str, bool]:
    """Read a TemplateProcessing such as ``<bos> $A`` for one text and ``<bos> $A <sep> $B`` for two."""
    before, _, after = _around_texts(step, "single")
    if before not in ([], [[ids.get("bos")]]) or after not in ([], [[ids.get("eos")]]):
        raise CheckpointError("tokenizer.json adds other tokens to a text than its bos and eos, which is not supported")
    adds = {role: True for role, tokens in (("bos", before), ("eos", after)) if tokens}
    _, between, _ = _around_texts(step, "pair")
    if between:
        ends = ([ids.get("sep")], [ids.get("eos")])
        adds["sep"] = (between[0] in ends and not after) or (len(between) == 2 and between[1] in ends)
    return adds


def _around_texts(step: dict[str, Any], kind: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the ids of the tokens before, between and after the texts of a template."""
    pieces, tokens = step.get(kind) or [], step.get("special_tokens") or {}
    at = [i for i, piece in enumerate(pieces) if "Sequence" in piece] or [len(pieces)]
    found = [tokens[piece["SpecialToken"]["id"]]["ids"] if "SpecialToken" in piece else None for piece in pieces]
    return found[: at[0]], found[at[0] + 1 : at[-1]], found[at[-1] + 1 :]
