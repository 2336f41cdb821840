"""`edge-lam lint`: what tools cost in the prompt, and what becomes of every keyword of their schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.download import model_file
from edge_lam.cli.model_options import format_options
from edge_lam.cli.options import examples
from edge_lam.cli.terminal import console, one_line, plain_table, print_json, print_table
from edge_lam.loading.options import FLAGS

if TYPE_CHECKING:
    from rich.console import Console

    from edge_lam.tool_lint import LintedTool

SAID = {
    "grammar": "enforced by grammar",
    "checked": "checked after decoding",
    "refused": "refused",
    "ignored": "no constraint",
}


@click.command(
    "lint",
    epilog=examples(
        "edge-lam lint tools.json",
        "edge-lam lint my_tools.py --model Salesforce/xLAM-2-1b-fc-r-gguf:Q4_K_M",
        "edge-lam lint home.tools:TOOLS --json",
    ),
)
@click.argument("tools")
@click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Whose tokens count: a GGUF file, a name (xlam-2-1b), or owner/repo:QUANT.  [default: the embedded tiny-lam]",
)
@format_options
@click.option(
    "--constraint",
    type=click.Choice(FLAGS["constraint"].choices),
    default="auto",
    help="What holds replies to their grammars; llama.cpp's own (gbnf) leave more to the check.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    tools: str,
    model: str | None,
    format: str | None,
    template: str | None,
    verbatim: bool,
    constraint: str,
    as_json: bool,
) -> None:
    """Show what tools cost in the prompt, and how calls are held to their schemas.

    TOOLS is file.py, file.json or module:attribute. Each keyword of a schema is enforced by the grammar while a call is
    decoded, checked after decoding, or refused. Exit code 1 if something is refused.
    """
    from edge_lam.decoding import Vocabulary, choose_engine
    from edge_lam.formats import detect, read_template
    from edge_lam.llama import Model
    from edge_lam.tool_lint import ToolLint
    from edge_lam.tools.files import read_tools

    values = read_tools(tools)
    with Model(model_file(model), device="cpu") as loaded:
        text = None if template is None else read_template(template)
        form = detect(loaded.metadata, path=loaded.path, name=format, template=text, verbatim=verbatim)
        vocabulary = Vocabulary(loaded, form.end_of_turn, engine=choose_engine(constraint))
        found = ToolLint(loaded, form, vocabulary).look_at(values)
        about = {"model": loaded.name, "format": form.name, "context": loaded.n_ctx_train}
    if as_json:
        tokens = sum(tool.tokens or 0 for tool in found)
        print_json({**about, "tokens": tokens, "tools": [tool.to_dict() for tool in found]})
    else:
        _show(console(), found, about)
    if any(tool.refusal for tool in found):
        click.get_current_context().exit(1)


def _show(out: Console, found: list[LintedTool], about: dict[str, Any]) -> None:
    for tool in found:
        tokens = "" if tool.tokens is None else f"  {tool.tokens:,} tokens"
        out.print(one_line(f"{tool.name}{tokens}"), style="bold", soft_wrap=True)
        for path, keywords, reason in _rows(tool):
            out.print(f"  {one_line(path)}  {one_line(keywords)}: {one_line(reason)}", soft_wrap=True)
        for path in tool.open:
            out.print(f"  {one_line(path) or '/'}  open: takes properties that are not listed", soft_wrap=True)
        if tool.refusal:
            out.print(f"  refused: {one_line(tool.refusal)}", style="red", soft_wrap=True)
        out.print()
    table = plain_table(f"Tokens of {one_line(about['model'])}", "tool", "tokens", *SAID.values())
    for tool in found:
        table.add_row(one_line(tool.name), "-" if tool.tokens is None else f"{tool.tokens:,}", *_counts(tool))
    total = sum(tool.tokens or 0 for tool in found)
    table.add_row("all", f"{total:,}", *("" for _ in SAID))
    print_table(out, table)
    out.print(f"{total / about['context']:.1%} of a context of {about['context']:,} tokens", soft_wrap=True)


def _rows(tool: LintedTool) -> Iterator[tuple[str, str, str]]:
    """Yield path, keywords and what becomes of them; those of one place that share it stand together."""
    alike: dict[str, dict[tuple[str, str], list[str]]] = {}
    for support in tool.support:
        alike.setdefault(support.path, {}).setdefault((support.how, support.reason), []).append(support.keyword)
    for path, at in alike.items():
        for (how, reason), keywords in at.items():
            yield path or "/", ", ".join(keywords), SAID[how] + (f" ({reason})" if reason else "")


def _counts(tool: LintedTool) -> list[str]:
    counts = {how: sum(support.how == how for support in tool.support) for how in SAID}
    counts["refused"] = max(counts["refused"], bool(tool.refusal))
    return list(map(str, counts.values()))
