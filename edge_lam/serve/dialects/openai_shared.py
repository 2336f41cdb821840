"""What OpenAI's APIs have in common: the options of a reply, and how its cost is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from edge_lam.engine import Reply
    from edge_lam.model_info import ModelInfo
    from edge_lam.request import ChatOptions

# The fields that are options of `LAM.chat` under the same name, which checks them.
OPTIONS = (
    *("tools", "tool_choice", "parallel_tool_calls", "max_tool_calls", "response_format"),
    *("temperature", "top_k", "top_p", "min_p", "seed", "logit_bias", "logprobs", "top_logprobs", "stop"),
)
LENGTHS = ("max_completion_tokens", "max_tokens", "n_predict")  # the first that is there holds
_FINISH_REASONS = {"timeout": "length"}  # clients know no other word for a reply that was cut off


def read_options(fields: Mapping[str, Any]) -> ChatOptions:
    """Return the options of `LAM.chat` that a request asks for; -1 tokens, as llama-server has it, is no limit."""
    options = {name: fields[name] for name in OPTIONS if name in fields}
    limits = [fields[name] for name in LENGTHS if name in fields]
    if limits and limits[0] != -1:
        options["max_tokens"] = limits[0]
    return cast("ChatOptions", options)


def finish_reason(reply: Reply) -> str:
    """Return why a reply ended, in OpenAI's words."""
    return _FINISH_REASONS.get(reply.finish_reason, reply.finish_reason)


def usage(replies: Sequence[Reply], n: int | None = None) -> dict[str, Any]:
    """Return the tokens of all replies; a prompt counts once for the `n` replies to it, by default all."""
    tokens = [reply.report.tokens for reply in replies]
    prompts = tokens[:: n or len(tokens)]
    prompt, generated = sum(one.prompt for one in prompts), sum(one.generated for one in tokens)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": sum(one.cached for one in prompts)},
    }


def timings(replies: Sequence[Reply]) -> dict[str, Any]:
    """Return times and rates in llama-server's words; milliseconds, and tokens per second."""
    reports = [reply.report for reply in replies]
    read = sum(report.tokens.prompt - report.tokens.cached for report in reports)
    generated = sum(report.tokens.generated for report in reports)
    prefill = sum(report.times.prefill for report in reports)
    decode = sum(report.times.writing for report in reports)
    steps = generated - len(replies)  # a first token comes with the prompt
    return {
        "cache_n": reports[0].tokens.cached,
        "prompt_n": read,
        "prompt_ms": prefill * 1000,
        "prompt_per_token_ms": prefill * 1000 / read if read else 0.0,
        "prompt_per_second": read / prefill if prefill else 0.0,
        "predicted_n": generated,
        "predicted_ms": decode * 1000,
        "predicted_per_token_ms": decode * 1000 / steps if steps > 0 else 0.0,
        "predicted_per_second": steps / decode if decode else 0.0,
    }


def prompt_progress(total: int, cached: int, read: int, seconds: float) -> dict[str, Any]:
    """Return how much of a prompt is read as a chunk tells it, in llama-server's words."""
    told = {"total": total, "cache": cached, "processed": read, "time_ms": round(seconds * 1000)}
    return {"prompt_progress": told}


def fingerprint(info: ModelInfo) -> str:
    """Return what changes where the same seed may lead to another answer."""
    from edge_lam import __version__

    return f"b{__version__}-{info.format_sha256[:8]}"
