"""The fields of a request's body: those that an API knows, those without a meaning here, and all others, refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from edge_lam.errors import InvalidRequest

# What says who asks, where it is billed or how it is kept: it changes nothing about the answer. The last lines are what
# clients of llama-server and vLLM send about slots, caches and how pieces are put together.
IGNORED = frozenset(
    (
        *("model", "user", "store", "metadata", "service_tier", "safety_identifier", "moderation", "verbosity"),
        *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "prediction", "reasoning_effort"),
        *("timings_per_token", "return_progress", "cache_prompt", "id_slot", "slot_id", "n_keep"),
        *("skip_special_tokens", "spaces_between_special_tokens"),
    )
)

# What would change the answer, and the values with which it doesn't.
NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "audio": (),
    "backend_sampling": (False,),
    "best_of": (1,),
    "continue_final_message": (False,),
    "dry_multiplier": (0,),
    "dynatemp_range": (0,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": (),
    "functions": ([],),
    "grammar": ("",),
    "ignore_eos": (False,),
    "mirostat": (0,),
    "modalities": (["text"], []),
    "post_sampling_probs": (False,),
    "presence_penalty": (0,),
    "repeat_penalty": (1,),
    "repetition_penalty": (1,),
    "stop_token_ids": ([],),
    "suffix": ("",),
    "typical_p": (1,),
    "use_beam_search": (False,),
    "web_search_options": (),
    "xtc_probability": (0,),
}
HINTS = {
    "audio": "answers are text and calls",
    "frequency_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "function_call": "use tool_choice",
    "functions": "use tools",
    "grammar": "use response_format or tools",
    "presence_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "repeat_penalty": "tokens are not penalized: copying from the prompt is what calls are made of",
    "web_search_options": "give a tool that searches",
}


def known_fields(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return the fields that an API knows, without those that are null.

    Raises:
        InvalidRequest: another field that would change the answer, or that nobody knows; `param` names it.
    """
    found = {}
    for name, value in body.items():
        if value is None:
            continue
        if name in names:
            found[name] = value
        elif name in IGNORED:
            continue
        elif name not in NEUTRAL:
            raise InvalidRequest(f"unknown field {name!r}", param=name)
        elif value not in NEUTRAL[name]:
            raise InvalidRequest(f"{name} is not supported", hint=HINTS.get(name, ""), param=name)
    return found


def boolean(fields: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return a field that is true or false.

    Raises:
        InvalidRequest: it is something else.
    """
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be true or false, not {value!r}", param=name)
    return value


def count(fields: Mapping[str, Any], name: str, default: int) -> int:
    """Return a field that is a whole number of at least 1.

    Raises:
        InvalidRequest: it is something else.
    """
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidRequest(f"{name} must be a whole number of at least 1, not {value!r}", param=name)
    return value


def mapping(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a field that is an object; an empty one if it is not there.

    Raises:
        InvalidRequest: it is something else.
    """
    value = fields.get(name, {})
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{name} must be an object, not {value!r}", param=name)
    return value
