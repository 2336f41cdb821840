"""What reads files that nobody vouches for: per kind of file, how a sound one is made and damaged, and who reads it."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mutations import damage, damage_json, damage_start, to_json

from edge_lam.cache import PrefixStore, Slot, read_prefix, state_key, write_prefix
from edge_lam.cli.info import describe, describe_format
from edge_lam.cli.saved import load_messages
from edge_lam.errors import EdgeLamError
from edge_lam.llama import Context, GGUFHeader, Model
from edge_lam.llama.gguf_pack import pack_header
from edge_lam.llama.probe import write_model
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam.metrics.log import prune_log
from edge_lam.tools import load_tools
from edge_lam.trajectories import read_entries, read_log
from edge_lam_converters import plan
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint


class Reader(ABC):
    """One kind of file. `folder` is its own; a case is read from there by `read`, which raises EdgeLamError at most."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def write(self, chance: random.Random) -> None:
        """Write a damaged file."""

    @abstractmethod
    def read(self) -> None:
        """Read it, as a user's command would."""


class GGUF(Reader):
    """The header, as `edge-lam info` reads it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "model.gguf"
        tokens = ["a", "b", "<|im_end|>"]
        small = {"general.architecture": "qwen2", "general.name": "x", "tokenizer.chat_template": "{{ messages }}"}
        small |= {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": ["a b"]}
        real = EMBEDDED_MODEL.read_bytes()
        header = GGUFHeader.read(EMBEDDED_MODEL)
        start = min(tensor.offset for tensor in header.tensors)
        self.sources = [(real, 400), (real, start), (pack_header(small, [("a", (32,), 0, 0)]) + bytes(128), 10**6)]

    def write(self, chance: random.Random) -> None:
        data, length = chance.choice(self.sources)
        self.path.write_bytes(damage_start(data, chance, length))

    def read(self) -> None:
        header = GGUFHeader.read(self.path)
        json.dumps(describe(header) | describe_format(header))


class LoadedGGUF(Reader):
    """A model that llama.cpp loads and runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "model.gguf"
        write_model(self.path)
        self.data = self.path.read_bytes()
        self.length = len(self.data.rstrip(b"\0"))

    def write(self, chance: random.Random) -> None:
        self.path.write_bytes(damage_start(self.data, chance, self.length))

    def read(self) -> None:
        with (
            Model(self.path, device="cpu") as model,
            Context(model, n_ctx=min(64, model.n_ctx_train), n_threads=1) as context,
        ):
            context.decode(range(min(40, model.n_vocab)), start=0)


class Checkpoint(Reader):
    """A checkpoint of each architecture, as `edge-lam convert --dry-run` reads it: safetensors, JSON, SentencePiece."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "checkpoint"
        self.names = [name for name in SHAPES if name.startswith("tiny-")]
        for name in self.names:
            write_random_checkpoint(folder / name, SHAPES[name], n_shards=2 if name == "tiny-llama" else 1)

    def write(self, chance: random.Random) -> None:
        sound = self.folder / chance.choice(self.names)
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(sound, self.path)
        name = chance.choice(sorted(file.name for file in sound.iterdir()))
        data = (sound / name).read_bytes()
        if name.endswith(".json") and chance.random() < 0.8:
            data = to_json(damage_json(json.loads(data), chance))
        elif name.endswith(".safetensors"):
            data = damage_start(data, chance, 8 + int.from_bytes(data[:8], "little"))
        else:
            data = damage(data, chance)
        (self.path / name).write_bytes(data)

    def read(self) -> None:
        plan(self.path, self.folder / "out.gguf", quants=["Q8_0"])


TOOL: Any = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Book a table.",
        "parameters": {
            "type": "object",
            "properties": {
                "when": {"type": "string", "format": "date-time"},
                "people": {"type": "integer", "minimum": 1, "maximum": 12, "default": 2},
                "wishes": {"type": "array", "items": {"enum": ["window", "quiet"]}, "maxItems": 3},
                "guest": {"$ref": "#/$defs/guest"},
            },
            "required": ["when"],
            "additionalProperties": False,
            "$defs": {"guest": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {}}}]}},
        },
    },
}
CALL: Any = {"id": "1", "type": "function", "function": {"name": "book", "arguments": '{"when": "2026-01-01"}'}}
MESSAGES: Any = [
    {"role": "system", "content": "x"},
    {"role": "user", "content": [{"type": "text", "text": "book"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "1", "content": "{}"},
    {"role": "assistant", "content": "Done."},
]


class Documents(Reader):
    """Files of tools, messages, trajectories and logs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "file.json"
        record = {"id": "1", "started": "2026-01-01T00:00:00+00:00", "finish_reason": "stop", "tools": [TOOL]}
        record |= {"messages": MESSAGES[:-1], "reply": MESSAGES[-1]}
        self.documents = [[TOOL], MESSAGES, {"conversation": MESSAGES, "tools": [TOOL]}, record]

    def write(self, chance: random.Random) -> None:
        changed = to_json(damage_json(chance.choice(self.documents), chance))
        self.path.write_bytes(damage(changed, chance) if chance.random() < 0.2 else changed)
        self.path.chmod(0o600)

    def read(self) -> None:
        refusals = [
            error for read in (self._tools, load_messages, self._trajectories, read_log) if (error := self._try(read))
        ]
        prune_log(self.path)
        if refusals:
            raise max(refusals, key=lambda error: len(str(error)))

    def _try(self, read: Callable[[str], object]) -> EdgeLamError | None:
        try:
            read(str(self.path))
        except EdgeLamError as error:
            return error
        return None

    @staticmethod
    def _tools(path: str) -> None:
        for tool in load_tools(path):
            tool.validate({"when": "2026-01-01T00:00:00Z", "people": 2, "guest": {"a": 1}})
            json.dumps(tool.definition())

    @staticmethod
    def _trajectories(path: str) -> None:
        for _, entry in read_entries(path):
            if isinstance(entry, EdgeLamError):
                raise entry


class PrefixFile(Reader):
    """A stored prefix, read into a context; of half of the files the checksum is right all the same."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model = Model(EMBEDDED_MODEL, device="cpu")
        self.context = Context(self.model, n_ctx=256, n_threads=1)
        self.tokens = self.model.tokenize("What is kept of a prompt, so that nobody reads it again. " * 12)[:120]
        self.key = state_key(self.context)
        Slot(self.context).extend(self.tokens[:100])
        self.path = folder / "sound.prefix"
        write_prefix(self.path, self.key, self.tokens[:100], self.context.state())
        self.data = self.path.read_bytes()

    def write(self, chance: random.Random) -> None:
        length = chance.choice((len(self.data), 3000, 600))
        data = damage_start(self.data[:-32], chance, length)
        checksum = hashlib.sha256(data).digest() if chance.random() < 0.5 else self.data[-32:]
        self.path.write_bytes(data + checksum)

    def read(self) -> None:
        prefix = read_prefix(self.path, self.key)
        if prefix is None:
            return
        store = PrefixStore(self.key, None)
        store.save(self.tokens[:100], np.array(prefix.state))
        slot = Slot(self.context, store)
        slot.restore(self.tokens)
        slot.reuse(self.tokens)
        slot.extend(self.tokens[len(slot.tokens) :])
        slot.keep(0)


READERS: dict[str, type[Reader]] = {
    "gguf": GGUF,
    "loaded": LoadedGGUF,
    "checkpoint": Checkpoint,
    "documents": Documents,
    "prefix": PrefixFile,
}


def own_folder() -> Path:
    """Return a new folder for the files of one process."""
    return Path(tempfile.mkdtemp(prefix="edge-lam-hostile-"))
