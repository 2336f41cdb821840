"""More of what reads files that nobody vouches for: those that a user names beside a model, and bodies over HTTP."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
from mutations import damage, damage_json, damage_start, to_json
from readers import CALL, MESSAGES, TOOL, Reader

import edge_lam
from edge_lam.cache import BakedFile, state_key
from edge_lam.cli.defaults import read_config
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import EdgeLamError
from edge_lam.formats import XLam2Qwen, detect, read_template
from edge_lam.llama import Context, GGUFHeader, Model
from edge_lam.llama.gguf_pack import pack_header
from edge_lam.llama.probe import write_model
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam.tools import as_tools
from edge_lam_converters.imatrix import Imatrix, Sums, read_imatrix
from tests.formats.hostile_templates import ENDLESS, LARGE

BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "results"
F32 = 0  # ggml's number of the type


class AdapterFile(Reader):
    """A LoRA adapter, loaded beside a small model and computed with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.model, self.path = folder / "model.gguf", folder / "adapter.gguf"
        write_model(self.model)
        header = GGUFHeader.read(self.model)
        target = next(tensor for tensor in header.tensors if tensor.name.endswith("attn_q.weight"))
        columns, rows = target.shape
        metadata = {
            "general.architecture": header.architecture,
            "general.type": "adapter",
            "adapter.type": "lora",
            "adapter.lora.alpha": 8.0,
        }
        size = 4 * 4 * columns
        factors = [(f"{target.name}.lora_a", (columns, 4), F32, 0), (f"{target.name}.lora_b", (4, rows), F32, size)]
        head = pack_header(metadata, factors)
        self.length, self.data = len(head), head + bytes(size + 4 * 4 * rows)

    def write(self, chance: random.Random) -> None:
        self.path.write_bytes(damage_start(self.data, chance, self.length))

    def read(self) -> None:
        with (
            Model(self.model, device="cpu") as model,
            Context(model, n_ctx=64, n_threads=1, adapters=[(self.path, 1.0)]) as context,
        ):
            context.decode(range(min(40, model.n_vocab)), start=0)


class ImatrixFile(Reader):
    """An importance matrix, as `edge-lam convert --imatrix` reads it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "a.imatrix.gguf"
        names = [f"blk.{n}.attn_q.weight" for n in range(3)]
        Imatrix({name: Sums(np.ones((1, 64)), np.ones(1, np.int64)) for name in names}).write(self.path)
        self.data = self.path.read_bytes()

    def write(self, chance: random.Random) -> None:
        self.path.write_bytes(damage(self.data, chance))

    def read(self) -> None:
        read_imatrix(self.path)


class BakedPrefix(Reader):
    """What `edge-lam bake` wrote, as `--prefix` reads it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "baked.prefix"
        with edge_lam.load(log=False, prefix_cache=False, n_ctx=512, n_threads=1) as lam:
            lam.bake(self.path, DEMO_TOOLS[:1])
            self.key = state_key(lam.engine.context)
        self.data = self.path.read_bytes()

    def write(self, chance: random.Random) -> None:
        self.path.write_bytes(damage_start(self.data, chance, chance.choice((16, 600, len(self.data)))))

    def read(self) -> None:
        BakedFile(self.path).prefix_for(self.key)


class ConfigFile(Reader):
    """The config file, as each command reads it."""

    TEXT = 'model = "xlam-2-1b"\nn_ctx = 2048\nthreads = 2\nrepack = true\nkv_type = "q8_0"\nmemory_budget = "2GiB"\n'
    ODD = ("nan", "1e999", "[[a]]", "[a.b]", '"\\u0000"', "1979-05-27", "{a = 1}", "0x" + "f" * 5000, "[" * 3000, '"""')

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        os.environ["EDGE_LAM_HOME"] = str(folder)

    def write(self, chance: random.Random) -> None:
        lines = self.TEXT.splitlines()
        if chance.random() < 0.5:
            place = chance.randrange(len(lines))
            lines[place] = f"{lines[place].partition('=')[0]}= {chance.choice(self.ODD)}"
        text = "\n".join(lines).encode()
        (self.folder / "config.toml").write_bytes(damage(text, chance) if chance.random() < 0.7 else text)

    def read(self) -> None:
        read_config()


class TemplateFile(Reader):
    """A chat template, as `--template` reads and renders it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "template.jinja"
        self.metadata = GGUFHeader.read(EMBEDDED_MODEL).metadata
        self.own = XLam2Qwen.own_template()
        self.harmful = [*ENDLESS.values(), *LARGE.values()]
        self.tools = as_tools([TOOL])

    def write(self, chance: random.Random) -> None:
        text = self.own
        for _ in range(chance.choice((1, 1, 2, 4))):
            at, other = chance.randrange(len(text) + 1), chance.choice((self.own, *self.harmful))
            start = chance.randrange(len(other))
            text = text[:at] + other[start : start + chance.choice((1, 8, 60))] + text[at + chance.choice((0, 1, 30)) :]
        self.path.write_bytes(text.encode(errors="surrogatepass"))

    def read(self) -> None:
        form = detect(self.metadata, path=EMBEDDED_MODEL, template=read_template(self.path), verbatim=False)
        form.render(MESSAGES, self.tools)


class HTTPBody(Reader):
    """The body of a request, of each kind that the server answers; a refusal is an answer below 500, of one line."""

    TEXTS = (
        b'{"messages": [], "messages": 1}', b'{"a": NaN}', b'{"temperature": 1e999}', b"[" * 100_000, b"\xff\xfe{}",
        b'{"seed": ' + b"9" * 5000 + b"}", b'{"prompt": "\\ud800"}', b'{"model": "' + b"a" * 100_000 + b'"}', b"",
        b'{"messages": ' + b'{"a":' * 5000, b"\x00", b'{"tools": [' + b"{}," * 100_000 + b"{}]}",
    )  # fmt: skip

    def __init__(self, folder: Path) -> None:
        # Here, since the children of no other kind need what takes half a second to import.
        from starlette.testclient import TestClient

        from edge_lam.serve import ServeOptions, app
        from tests.serve.test_any_body import BODIES, FIELDS

        super().__init__(folder)
        lam = edge_lam.load(log=False, prefix_cache=False, n_ctx=2048, n_threads=1)
        self.fields = FIELDS
        self.client = TestClient(app(lam, ServeOptions(max_tokens=2, max_choices=2, timeout=5.0)))
        self.sound = [(path, body) for path, body in BODIES.items()]
        self.sound.append(("/v1/chat/completions", {"messages": MESSAGES[:-1], "tools": [TOOL], "stream": True}))
        self.sound.append(("/v1/chat/completions", {"messages": [MESSAGES[1], {"role": "assistant"} | CALL]}))
        self.path, self.body = "", b""

    def write(self, chance: random.Random) -> None:
        self.path, sound = chance.choice(self.sound)
        if chance.random() < 0.1:
            self.body = chance.choice(self.TEXTS)
            return
        body: Any = damage_json(sound, chance)
        if isinstance(body, dict) and chance.random() < 0.5:
            body[chance.choice(self.fields)] = damage_json(chance.choice(self.sound)[1], chance)
        self.body = damage(to_json(body), chance) if chance.random() < 0.2 else to_json(body)

    def read(self) -> None:
        answer = self.client.post(self.path, content=self.body)  # what the server does not expect is raised here
        if answer.status_code == 200:
            return
        said = answer.json()["error"]
        is_late = answer.status_code == 503 and said["code"] == "timeout"  # other programs kept the machine busy
        assert answer.status_code < 500 or is_late, f"{answer.status_code}: {answer.text[:300]}"
        raise EdgeLamError(said if isinstance(said, str) else said["message"])


class ResultFile(Reader):
    """What `edge-lam bench` wrote, as `edge-lam bench report` reads it; without the plots, which take a second each."""

    def __init__(self, folder: Path) -> None:
        from edge_lam_benchmarks.report import files, html, tables
        from edge_lam_benchmarks.results import read_results, whole
        from tests.benchmarks.bench_data import make_results

        super().__init__(folder)
        self.path = folder / "results.json"
        self.sound = [json.loads(json.dumps(make_results(self.path).to_dict()))]
        self.sound += [read_results(path).to_dict() for path in BENCHMARKS.glob("targets.json.gz")]
        self.whole, self.read_results, self.files, self.html, self.tables = whole, read_results, files, html, tables

    def write(self, chance: random.Random) -> None:
        changed = to_json(damage_json(chance.choice(self.sound), chance))
        self.path.write_bytes(damage(changed, chance) if chance.random() < 0.2 else changed)

    def read(self) -> None:
        with self.whole(self.path):
            results = self.read_results(self.path)
            found, lines = self.tables.tables(results), self.tables.places(results)
            self.files.markdown("a", found, lines)
            self.files.samples_csv(results)
            self.html.page("a", found, lines, {})


USER_READERS: dict[str, type[Reader]] = {
    "adapter": AdapterFile,
    "imatrix": ImatrixFile,
    "baked": BakedPrefix,
    "config": ConfigFile,
    "template": TemplateFile,
    "http": HTTPBody,
    "results": ResultFile,
}
