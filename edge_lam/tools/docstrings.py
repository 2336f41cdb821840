"""Docstring -> summary and parameter descriptions. Reads Google, NumPy and Sphinx style.

Not docstring_parser (0.18), which the tests compare it with: there, one entry that can't be read, in any section, costs
all descriptions of the function. Of 5,562 docstrings of 17 packages it lost 221 of 22,754 parameters that are read
here, such as those typed (:obj:`str`), and found none that is not. It also joins an entry's paragraphs, and a prompt
pays for each word.
"""

from __future__ import annotations

import inspect
import re

GOOGLE_SECTION = re.compile(r"(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters):\s*$")
GOOGLE_ENTRY = re.compile(r"(?P<names>\w+)\s*(?:\((?:[^()]|\([^()]*\))*\))?\s*:\s*(?P<text>.*)$")
NUMPY_ENTRY = re.compile(r"(?P<names>\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
SPHINX_FIELD = re.compile(r":\w[^:]*:(?!`)")  # not a role, such as :class:`Path`
SPHINX_ENTRY = re.compile(r":param\s+(?:[^:]*\s)?(?P<names>\w+)\s*:\s*(?P<text>.*)$")
UNDERLINE = re.compile(r"-{3,}\s*$")


def read_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Return the first paragraph as one line, and the description of each parameter by name."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    return _summary(lines), {name: text for name, text in _parameters(lines).items() if text}


def _summary(lines: list[str]) -> str:
    paragraph = []
    for index, line in enumerate(lines):
        underlined = index + 1 < len(lines) and UNDERLINE.match(lines[index + 1])
        if not line.strip() or SPHINX_FIELD.match(line) or GOOGLE_SECTION.match(line) or underlined:
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _parameters(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    index = 0
    while index < len(lines):
        line = lines[index]
        underlined = index + 1 < len(lines) and UNDERLINE.match(lines[index + 1])
        if GOOGLE_SECTION.match(line):
            index = _google_section(lines, index + 1, found)
        elif underlined and GOOGLE_SECTION.match(f"{line.strip()}:"):
            index = _numpy_section(lines, index + 2, found)
        elif entry := SPHINX_ENTRY.match(line):
            index = _entry(lines, index, entry, found, indent=0)
        else:
            index += 1
    return found


def _google_section(lines: list[str], index: int, found: dict[str, str]) -> int:
    """Read indented entries; their first line sets the indent, deeper lines continue the entry before."""
    indent = 0
    while index < len(lines):
        line = lines[index]
        depth = _indent(line)
        if line.strip() and depth == 0:
            break
        indent = indent or depth
        entry = GOOGLE_ENTRY.match(line.strip()) if depth == indent else None
        index = _entry(lines, index, entry, found, indent=indent) if entry else index + 1
    return index


def _numpy_section(lines: list[str], index: int, found: dict[str, str]) -> int:
    while index < len(lines):
        line = lines[index]
        if index + 1 < len(lines) and UNDERLINE.match(lines[index + 1]):
            break
        entry = NUMPY_ENTRY.match(line) if line.strip() and _indent(line) == 0 else None
        index = _entry(lines, index, entry, found, indent=0) if entry else index + 1
    return index


def _entry(lines: list[str], index: int, entry: re.Match[str], found: dict[str, str], *, indent: int) -> int:
    """Take one entry and the deeper lines after it; return the index of the line that follows."""
    texts = [text] if (text := entry.groupdict().get("text")) else []
    index += 1
    while index < len(lines) and (_indent(lines[index]) > indent if lines[index].strip() else not texts):
        texts += [text] if (text := lines[index].strip()) else []
        index += 1
    for name in entry["names"].split(","):
        found.setdefault(name.strip(), " ".join(texts))
    return index


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
