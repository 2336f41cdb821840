"""What a chat template is rewritten to as it is compiled: spellings that Jinja lacks, turns and values counted.

`sandbox` has the filters that the rewritten template calls: ``<tick>``, ``<made>``, ``<paid>`` and ``<concat>``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from edge_lam.formats.budget import LONGEST_NUMBER, TooMuchError, bits

MAX_TOKENS = 10_000  # of a template: as many as 75 KB of one like xLAM-2's have


class Generation(Extension):
    """``{% generation %}``, which `transformers` marks replies with for training; nothing to a prompt."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return what stands in the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class BoundedLength(Extension):
    """Refuses a template that would take long to compile."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Yield the tokens, as long as they are not too many."""
        for number, token in enumerate(stream):
            if number >= MAX_TOKENS:
                raise TemplateSyntaxError(f"it has more than {MAX_TOKENS:,} parts", token.lineno)
            yield token


class Queues(NodeTransformer):
    """Rewrites ``{% set _ = ns.ids.append(id) %}`` and ``{% set id = ns.ids.pop(0) %}``, as Kimi-K2 has it.

    Lists can't be changed, but a namespace can hold another list.
    """

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node | list[nodes.Node]:  # noqa: N802 - jinja2 looks it up
        """Rewrite a statement that assigns what such a call returns."""
        match node.node:
            case nodes.Call(
                node=nodes.Getattr(
                    node=nodes.Getattr(node=nodes.Name(name=space), attr=name) as held, attr="append" | "pop" as method
                ),
                args=[argument],
                kwargs=[],
            ):
                place = nodes.NSRef(space, name)
            case _:
                return node
        if method == "append":
            return nodes.Assign(place, nodes.Add(held, nodes.List([argument])))
        if argument != nodes.Const(0):
            return node
        taken = nodes.Getitem(held, argument, "load")
        rest = nodes.Getitem(held, nodes.Slice(nodes.Const(1), None, None), "load")
        return [nodes.Assign(node.target, taken), nodes.Assign(place, rest)]


class Bounds(NodeTransformer):
    """Rewrites a template so that its loops are counted, and what it makes, compares and writes is weighed."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        """Rewrite the parts, then the node."""
        super().generic_visit(node, *args, **kwargs)
        if isinstance(node, nodes.For):
            node.body.insert(0, nodes.ExprStmt(_through("<tick>", nodes.Const(None))))
            node.iter = _through("<made>", node.iter)
        elif isinstance(node, nodes.Compare):
            node.expr = _through("<paid>", node.expr)
            for operand in node.ops:
                operand.expr = _through("<paid>", operand.expr)
        elif isinstance(node, nodes.Const) and bits(node.value) > LONGEST_NUMBER:
            raise TooMuchError("a number is too large")
        elif isinstance(node, nodes.Concat):
            return _through("<concat>", nodes.List(node.nodes))
        elif isinstance(node, nodes.TemplateData):  # which is not finalized: in a loop, it is written many times
            return _through("<made>", nodes.Const(node.data))
        elif _makes(node):
            return _through("<made>", node)
        return node


def _makes(node: nodes.Node) -> bool:
    """Tell whether an expression makes a list, a dict or a slice."""
    if isinstance(node, nodes.Tuple):
        return node.ctx == "load"
    return isinstance(node, nodes.List | nodes.Dict) or isinstance(getattr(node, "arg", None), nodes.Slice)


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
