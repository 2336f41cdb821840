"""Fuzzing guided by coverage: atheris changes the files of `corpus/`, and keeps what reaches new lines of edge-lam.

    python tests/hostile/fuzz.py gguf --seconds 600 [--keep FOLDER]
    python tests/hostile/fuzz.py tools FILE...          # reads files once, without atheris

atheris (`pip install -e '.[fuzz]'`, Linux and macOS) builds on libFuzzer. What fails is written to the working folder
as `crash-*`, and belongs into `corpus/` with what mends it: `test_campaign.py` reads all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unicodedata import category

CORPUS = Path(__file__).with_name("corpus")
SLOWEST = 60  # seconds for a file, by the clock: others may keep the machine busy
MAX_MEMORY = 2048  # MiB
LONGEST = 64 << 10  # bytes of a file
LONGEST_MESSAGE = 500

Target = Callable[[bytes], None]


def targets(folder: Path) -> dict[str, Target]:
    """Return what reads bytes, by name: each raises what is no EdgeLamError, or AssertionError, if something is wrong.

    Args:
        folder: for the files that a target needs.
    """
    from edge_lam.cli.info import describe, describe_format
    from edge_lam.errors import EdgeLamError, InvalidCall
    from edge_lam.formats import XLam2Qwen
    from edge_lam.formats.parser import ReplyParser, parse_reply
    from edge_lam.llama import GGUFHeader
    from edge_lam.tools import Tool, load_tools

    model, file, chat_format = folder / "model.gguf", folder / "tools.json", XLam2Qwen()
    known = [Tool("get_weather", "", {"properties": {"city": {"type": "string"}}}), Tool("now", "", {})]

    def refused(error: EdgeLamError) -> None:
        """Hold a refusal to one line, of a length that people read."""
        strange = {character for character in str(error) if category(character) in ("Cc", "Cs", "Zl", "Zp")}
        assert len(str(error)) <= LONGEST_MESSAGE, f"{len(str(error))} characters: {str(error)[:100]}"
        assert not strange, strange

    def read_gguf(data: bytes) -> None:
        model.write_bytes(data)
        try:
            header = GGUFHeader.read(model)
            json.dumps(describe(header) | describe_format(header))
        except EdgeLamError as error:
            refused(error)

    def read_reply(data: bytes) -> None:
        """The first byte says how it is read and cut; nothing of that may matter."""
        how, text = data[:1] or b"\0", data[1:].decode(errors="surrogateescape")
        prose, complete, size = bool(how[0] & 1), bool(how[0] & 2), 1 + (how[0] >> 2) % 7
        whole = parse_reply(text, known, reply_id="1", complete=complete, calls_in_prose=prose)
        parser = ReplyParser(known, reply_id="1", calls_in_prose=prose)
        for start in range(0, len(text), size):
            parser.feed(text[start : start + size])
        parser.finish(complete=complete)
        assert whole.raw == text
        assert (parser.reply.text, parser.reply.calls) == (whole.text, whole.calls)
        assert [str(error) for error in parser.reply.errors] == [str(error) for error in whole.errors]
        assert all(isinstance(error, InvalidCall) and error.raw in text for error in whole.errors)
        assert parser.work <= 13 * len(text) + 100
        for call in whole.calls:
            json.dumps(call.to_openai(), ensure_ascii=False).encode()

    def read_tools(data: bytes) -> None:
        file.write_bytes(data)
        try:
            tools = load_tools(file)
            for tool in tools:
                json.dumps(tool.definition())
                tool.validate({"when": "2026-01-01T00:00:00Z", "people": 2, "guest": {"a": [1.5, None, "x"]}})
            chat_format.grammar(tools, "required")
        except EdgeLamError as error:
            refused(error)

    return {"gguf": read_gguf, "replies": read_reply, "tools": read_tools}


def fuzz(name: str, seconds: int, keep: Path) -> None:
    """Change files until the time is over; ends the process, with 0 if nothing failed."""
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["edge_lam"]), tempfile.TemporaryDirectory() as place:
        target = targets(Path(place))[name]
        limits = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MAX_MEMORY}"]
        limits += [f"-max_len={LONGEST}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *limits, str(keep), str(CORPUS / name)], target)
        atheris.Fuzz()


def main() -> None:
    """Fuzz one target, or read the files that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=[folder.name for folder in sorted(CORPUS.iterdir())])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--keep", type=Path, help="a folder for what reaches new lines; by default none of it is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edge-lam-fuzz-") as place:
        if not options.files:
            keep = options.keep or Path(place)
            keep.mkdir(parents=True, exist_ok=True)
            fuzz(options.target, options.seconds, keep)
        target = targets(Path(place))[options.target]
        for file in options.files:
            target(file.read_bytes())


if __name__ == "__main__":
    main()
