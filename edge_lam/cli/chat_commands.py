"""What may be typed into `edge-lam chat` after a "/"."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from edge_lam.cli.options import options_of
from edge_lam.cli.request_options import sampling_options
from edge_lam.cli.saved import load_messages, save_messages
from edge_lam.cli.summary import show_reports
from edge_lam.cli.terminal import one_line
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.formats.turns import split_turns

if TYPE_CHECKING:
    from edge_lam.cli.conversation import ChatSession


def handle(chat: ChatSession, message: str) -> bool:
    """Answer a message or run a command; return whether the chat goes on."""
    if not message.startswith("/") or "\n" in message:
        chat.answer(message)
        return True
    try:
        return _run(chat, message)
    except EdgeLamError as error:
        chat.note(f"error: {error}")
        return True


def _run(chat: ChatSession, line: str) -> bool:
    name, _, rest = line.partition(" ")
    name = ALIASES.get(name.lower(), name.lower())
    if name in _ACTIONS:
        _ACTIONS[name](chat, rest.strip())
    elif name != "/quit":
        close = get_close_matches(name, names(), n=1) or ["/help"]
        chat.note(f"no command {name}; try {close[0]}")
    return name != "/quit"


def names() -> list[str]:
    """Return all that can be typed, other names of commands included."""
    return [*(usage.split()[0] for usage in COMMANDS), *ALIASES]


def _help(chat: ChatSession, _rest: str) -> None:
    rows = []
    for usage, meaning in COMMANDS.items():
        others = ", ".join(other for other, name in ALIASES.items() if name == usage.split()[0])
        rows.append((usage, f"{meaning} (also {others})" if others else meaning))
    lines = click.HelpFormatter(width=chat.out.width)
    lines.indent()
    lines.write_dl(rows)
    lines.write_text('A message goes on after a \\ at the end of a line, and from """ to """.')
    chat.out.out(lines.getvalue().rstrip(), highlight=False)


def _tools(chat: ChatSession, _rest: str) -> None:
    for tool in chat.tools:
        chat.out.print(f"  {tool.name}: {one_line(tool.description)}", soft_wrap=True)


def _report(chat: ChatSession, _rest: str) -> None:
    if chat.reports is None:
        chat.note("there was no reply yet")
    else:
        request, reports = chat.reports
        show_reports(chat.out, {request: reports}, chat.lam.info)


def _retry(chat: ChatSession, _rest: str) -> None:
    request = chat.unanswered
    if not request:
        _, turns = split_turns(chat.messages)
        if not turns or turns[-1][0]["role"] != "user":
            chat.note("there is nothing to ask again")
            return
        asked = [message for message in turns[-1] if message["role"] == "user"]
        request = "\n".join(message["content"] for message in asked)
        chat.messages = [message for turn in turns[:-1] for message in turn]  # its new turn is what /undo takes back
    chat.note(f"again: {request}")
    chat.answer(request)


def _undo(chat: ChatSession, _rest: str) -> None:
    done = chat.undo()
    turns = len(split_turns(chat.messages)[1])
    chat.note(f"taken back; {turns or 'no'} turn{'' if turns == 1 else 's'} before it" if done else "nothing to undo")


def _reset(chat: ChatSession, _rest: str) -> None:
    chat.set_messages([])
    chat.unanswered, chat.reports = "", None
    chat.note("the conversation is forgotten")


def _system(chat: ChatSession, text: str) -> None:
    if text:
        chat.system = text
        chat.note("the system message holds from the next message on")
    else:
        chat.note(f"system message: {chat.system}" if chat.system else "there is no system message")


def _set(chat: ChatSession, rest: str) -> None:
    """Set how replies are sampled; a value is read and checked as that of the flag."""
    name, _, text = rest.removeprefix("parameter ").partition(" ")  # as ollama has it
    parameters = options_of(sampling_options)
    name = name.lstrip("-").replace("-", "_")
    if not name:
        for known in parameters:
            value = chat.options.get(known)
            chat.out.print(f"  {known:<16} {'-' if value is None else value}")
    elif name not in parameters:
        close = get_close_matches(name, parameters, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(parameters)}"
        raise InvalidRequest(f"nothing to set is called {name}", hint=hint)
    else:
        chat.options = {**chat.options, name: _read_value(parameters[name], text.strip())}
        chat.note(f"{name} is {'-' if chat.options[name] is None else chat.options[name]} from the next message on")


def _adapter(chat: ChatSession, name: str) -> None:
    """Choose an adapter of those that have a name."""
    known = chat.lam.info.adapters
    if name not in ("", "off", *known):
        hint = f"there are {', '.join(known)}" if known else "--adapter NAME=FILE loads one"
        raise InvalidRequest(f"no adapter is called {name}", hint=hint)
    if name:
        chat.options = {**chat.options, "adapter": name if name in known else ""}
    chosen = chat.options.get("adapter") or "off"
    chat.note(f"adapter: {chosen}" + (f" (of {', '.join(known)})" if known else ""))


def _read_value(option: click.Option, text: str) -> Any:
    context = click.get_current_context(silent=True) or click.Context(click.Command("chat"))
    if text in ("", "default"):
        return option.get_default(context)
    try:
        return option.type_cast_value(context, text)
    except click.BadParameter as error:
        raise InvalidRequest(f"{option.name}: {error.message}") from error


def _save(chat: ChatSession, name: str) -> None:
    messages = [*chat.opening(), *chat.messages]
    if not name:
        chat.note("name a file: /save FILE")
    elif not messages:
        chat.note("there is nothing to save yet")
    else:
        path = save_messages(name, messages)
        chat.note(f"{_count(messages)} saved to {path}")


def _load(chat: ChatSession, name: str) -> None:
    if not name:
        chat.note("name a file: /load FILE")
        return
    messages = load_messages(name)
    if messages[0]["role"] == "system":
        chat.system = messages.pop(0)["content"]
    chat.set_messages(messages)
    chat.unanswered, chat.reports = "", None
    chat.note(f"{_count(messages)} loaded; the conversation goes on from there")


def _count(messages: list[dict[str, Any]]) -> str:
    return f"{len(messages)} message{'' if len(messages) == 1 else 's'}"


COMMANDS = {
    "/help": "list these commands",
    "/tools": "list the tools",
    "/report": "show where time and memory of the last turn went",
    "/retry": "ask the last message again",
    "/undo": "take back the last turn, /reset or /load",
    "/reset": "forget the conversation",
    "/set NAME VALUE": "set how replies are sampled, as flags do; without NAME show it",
    "/adapter NAME": "compute with an adapter from now on; off for none, without NAME show it",
    "/system TEXT": "set the system message; without TEXT show it",
    "/save FILE": "write the conversation to a file",
    "/load FILE": "go on with a conversation from a file",
    "/quit": "end the chat",
}
ALIASES = {"/clear": "/reset", "/bye": "/quit", "/exit": "/quit", "/?": "/help"}
_ACTIONS: dict[str, Callable[[ChatSession, str], None]] = {
    "/help": _help,
    "/tools": _tools,
    "/report": _report,
    "/retry": _retry,
    "/undo": _undo,
    "/reset": _reset,
    "/set": _set,
    "/adapter": _adapter,
    "/system": _system,
    "/save": _save,
    "/load": _load,
}
