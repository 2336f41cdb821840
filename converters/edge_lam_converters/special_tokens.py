"""What begins, ends and pads a text, and the chat template.

Reads tokenizer_config.json, config.json, generation_config.json and the template files of a checkpoint, in the order
in which llama.cpp's own converter believes them. Knows nothing of vocabularies and weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint

if TYPE_CHECKING:
    from gguf import GGUFWriter

_ROLES = ("bos", "eos", "unk", "sep", "pad", "mask")
EOS_IDS_KEY = "edge_lam.eos_token_ids"

Template = str | list[dict[str, str]]


@dataclass(frozen=True)
class SpecialTokens:
    """Ids with a meaning.

    Attributes:
        ids: token id by role, such as ``{"bos": 0, "eos": 2}``.
        eos_ids: every id that ends a reply, `ids["eos"]` first; more than one where generation_config.json says so.
        adds: whether a tokenizer puts the role's token at the begin ("bos") or the end ("eos") of every text.
        chat_template: the Jinja template, several by name, or None.
    """

    ids: dict[str, int]
    eos_ids: list[int]
    adds: dict[str, bool]
    chat_template: Template | None

    @classmethod
    def read(
        cls, checkpoint: Checkpoint, document: dict[str, Any], added: dict[str, int], vocab_size: int
    ) -> SpecialTokens:
        """Read what a checkpoint says about its special tokens.

        Args:
            checkpoint: the folder.
            document: its tokenizer.json.
            added: id of each added token by its text.
            vocab_size: every id must be below it.

        Raises:
            CheckpointError: an id out of range, or a rule that llama.cpp can't follow.
        """
        config = checkpoint.optional_json("tokenizer_config.json")
        ids = {}
        for role in _ROLES:
            token_id = added.get(_text(config.get(f"{role}_token")))
            if token_id is None:
                token_id = _first(_id_list(checkpoint.config, "config.json", f"{role}_token_id", vocab_size))
            if token_id is not None:
                ids[role] = token_id
        eos_ids = [ids["eos"]] if "eos" in ids else []
        generation = checkpoint.optional_json("generation_config.json")
        for values, file in ((generation, "generation_config.json"), (checkpoint.config, "config.json")):
            eos_ids += _id_list(values, file, "eos_token_id", vocab_size)
        eos_ids = list(dict.fromkeys(eos_ids))
        if not eos_ids:
            raise CheckpointError(
                "no end-of-text token is named in tokenizer_config.json, config.json or generation_config.json"
            )
        ids.setdefault("eos", eos_ids[0])
        return cls(ids, eos_ids, _adds(document, config, ids), _chat_template(checkpoint, config))

    def write(self, writer: GGUFWriter) -> None:
        """Write the ids, the rules and the template."""
        for role, token_id in self.ids.items():
            getattr(writer, f"add_{role}_token_id")(token_id)
        # GGUF has one eos and two more ids that end a turn; the whole list is kept under our own key.
        further = self.eos_ids[1:]
        if further:
            writer.add_eot_token_id(further[0])
            writer.add_array(EOS_IDS_KEY, self.eos_ids)
        if len(further) > 1:
            writer.add_eom_token_id(further[1])
        for role, value in self.adds.items():
            getattr(writer, f"add_add_{role}_token")(value)
        if self.chat_template is not None:
            writer.add_chat_template(self.chat_template)


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


def _adds(document: dict[str, Any], config: dict[str, Any], ids: dict[str, int]) -> dict[str, bool]:
    """Return whether bos and eos are added: what the post-processor does counts, then what the configuration says."""
    adds: dict[str, bool] = {}
    processor = document.get("post_processor") or {}
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
    return adds


def _template_adds(step: dict[str, Any], ids: dict[str, int]) -> dict[str, bool]:
    """Read a TemplateProcessing such as ``<bos> $A``."""
    pieces = step.get("single") or []
    tokens = step.get("special_tokens") or {}
    at = [i for i, piece in enumerate(pieces) if "Sequence" in piece]
    before, after = (pieces[: at[0]], pieces[at[0] + 1 :]) if len(at) == 1 else (pieces, pieces)

    def is_only(role: str, part: list[dict[str, Any]]) -> bool:
        return [tokens[piece["SpecialToken"]["id"]]["ids"] for piece in part] == [[ids.get(role)]]

    if (before and not is_only("bos", before)) or (after and not is_only("eos", after)):
        raise CheckpointError("tokenizer.json adds other tokens to a text than its bos and eos, which is not supported")
    return {"bos": bool(before), "eos": bool(after)}


def _chat_template(checkpoint: Checkpoint, config: dict[str, Any]) -> Template | None:
    template = config.get("chat_template")
    file = "tokenizer_config.json"
    if template is None and (checkpoint.path / "chat_template.jinja").is_file():
        file = "chat_template.jinja"
        try:
            template = (checkpoint.path / file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{file} can't be read: {error}") from error
    elif template is None:
        file = "chat_template.json"
        template = checkpoint.optional_json(file).get("chat_template")
    if template is None or isinstance(template, str):
        return template
    if isinstance(template, list) and all(_is_named_template(entry) for entry in template):
        return template
    raise CheckpointError(f"{file}: chat_template is neither a text nor a list of named texts")


def _is_named_template(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("template"), str)
