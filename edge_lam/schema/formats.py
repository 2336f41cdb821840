"""The formats of strings and numbers: which are held by the grammar, which only by the check, and which by none.

A format that is not here is an annotation, as JSON Schema has it: it is reported, and nothing is held to it.
"""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from typing import Any

from edge_lam.schema.addresses import ADDRESSES, IPV4, URI
from edge_lam.schema.error import shortened
from edge_lam.schema.guidance import Complaint, schema_complaint, text_fits
from edge_lam.schema.walk import walk, with_subschemas

# Held by the grammar, which knows them.
FORMATS = ("date", "time", "date-time", "duration", "hostname", "ipv4", "uuid", "uri")
# Spelled like these patterns.
PATTERN_FORMATS = {
    **ADDRESSES,
    "json-pointer": r"^(/([^~/]|~[01])*)*$",
    "relative-json-pointer": r"^(0|[1-9][0-9]*)(#|(/([^~/]|~[01])*)*)$",
    "byte": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}
# The same as patterns, for where llguidance can't be had.
_DAY_OF_MONTH = "(?:0[1-9]|[12][0-9]"
_DAY = f"[0-9]{{4}}-(?:(?:0[13578]|1[02])-{_DAY_OF_MONTH}|3[01])|(?:0[469]|11)-{_DAY_OF_MONTH}|30)|02-{_DAY_OF_MONTH}))"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_TIMES = "(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DAYS = "(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"
SPELLINGS = {
    "date": f"^{_DAY}$",
    "time": f"^{_CLOCK}$",
    "date-time": f"^{_DAY}[tT]{_CLOCK}$",
    "duration": f"^P(?:{_DAYS}(?:T{_TIMES})?|T{_TIMES}|[0-9]+W)$",
    "hostname": rf"^{_LABEL}(?:\.{_LABEL})*$",
    "ipv4": f"^{IPV4}$",
    "uuid": "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": URI,
}
# What of these only the check can tell.
FINER = {
    "date": "leap years are checked",
    "time": "leap seconds are checked",
    "date-time": "leap years and leap seconds are checked",
    "hostname": "length is checked, and punycode where the package idna is installed",
}
# Checked by jsonschema; the last one where idna is installed.
CHECKED_FORMATS = {
    "idn-email": "no grammar is known for it",
    "regex": "by the rules of Python, which are not quite those of ECMAScript",
    "idn-hostname": "where the package idna is installed",
}
FORMAT_ALIASES = {"url": "uri", "ip-address": "ipv4"}  # by names that look like no format
LONGEST_HOST = 253
ALIKE = 0.85  # how alike an unknown name and a format must be for one to be a slip of the pen
MINUTES_OF_A_DAY = 24 * 60
# Formats of whole numbers (OpenAPI, Rust's and Go's generators): smallest and largest.
NUMBER_FORMATS = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "uint": (0, None),
}
# OpenAPI's names for what any number or any text is.
OPEN_FORMATS = ("float", "double", "decimal", "int", "password", "binary")


def has_format(text: str, name: str) -> bool:
    """Tell whether a text has a format; every text has one that is not known."""
    if name in CHECKED_FORMATS:
        from jsonschema import Draft202012Validator

        return bool(Draft202012Validator.FORMAT_CHECKER.conforms(text, name))
    if name in PATTERN_FORMATS:
        return text_fits(text, pattern=PATTERN_FORMATS[name])
    if name not in FORMATS:
        return True
    return text_fits(text, format=name) and _is_valid(text, name)


def _is_valid(text: str, name: str) -> bool:
    """Tell what the grammar of a format can't: it knows how long a month is, but not which years are leap years."""
    if name == "hostname":
        return len(text) <= LONGEST_HOST and all(map(_is_label, text.split(".")))
    try:
        if name in ("date", "date-time"):
            date.fromisoformat(text[:10])
        if name in ("time", "date-time"):
            return _is_second(text[11:] if name == "date-time" else text)
    except ValueError:  # no such day or second
        return False
    return True


def _is_second(time: str) -> bool:
    """Tell whether a second may be the sixtieth: leap seconds come at the end of a day in UTC."""
    if time[6:8] != "60":
        return True
    zone = time[-6:] if time[-1] not in "Zz" else "+00:00"
    offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    return (int(time[:2]) * 60 + int(time[3:5]) - offset) % MINUTES_OF_A_DAY == MINUTES_OF_A_DAY - 1


def _is_label(label: str) -> bool:
    """Tell whether a part of a host name is one, where it stands for letters beyond ASCII."""
    if label[2:4] != "--":
        return True
    if label[:2].lower() != "xn":
        return False
    try:
        import idna
    except ImportError:  # an optional package of jsonschema's: without it such a label counts as fine
        return True
    try:
        return bool(idna.decode(label))
    except (idna.IDNAError, UnicodeError):  # the answer to the question
        return False


def unknown_format(name: str) -> str:
    """Return what to say of a format that is no constraint, as JSON Schema has it, and what may have been meant."""
    known = (*FORMATS, *PATTERN_FORMATS, *CHECKED_FORMATS)
    # "datetime" and "Date" are slips; "ulid" and "cuid" are formats of their own, though they look like "uuid".
    close = (
        [FORMAT_ALIASES[name.lower()]]
        if name.lower() in FORMAT_ALIASES
        else get_close_matches(name.lower(), known, n=1, cutoff=ALIKE)
    )
    return f"unknown format {shortened(name)!r}" + "".join(f"; did you mean {meant}?" for meant in close)


def without_contradictions(schema: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Take out the formats that no value has that fits what stands beside them.

    Authors write ``"format": "time"`` beside a pattern, or examples, of "09:30", which lacks the time zone that the
    format asks for. The pattern is then what they mean.

    Returns:
        The schema, and by the JSON pointer of each such format why it is none.
    """
    contradicted = {path: reason for path, part in walk(schema) if (reason := _contradiction(part))}
    return (_without_formats(schema, "", contradicted) if contradicted else schema), contradicted


def _contradiction(schema: Any) -> str:
    name = schema.get("format") if isinstance(schema, dict) else None
    if name not in FORMATS and name not in PATTERN_FORMATS:
        return ""
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    texts = [value for value in values if isinstance(value, str)]
    if texts:
        fits = any(has_format(text, name) for text in texts)
        return "" if fits else f"none of its values is a {name!r}"
    limits = {key: schema[key] for key in ("pattern", "minLength", "maxLength") if key in schema}
    held = {"pattern": PATTERN_FORMATS[name]} if name in PATTERN_FORMATS else {"format": name}
    if not limits or schema_complaint({}, {"type": "string", "allOf": [limits, held]}) is not Complaint.NOTHING_FITS:
        return ""
    own = schema_complaint({}, {"type": "string", **limits})
    return "" if own is Complaint.NOTHING_FITS else f"nothing that fits the {' and the '.join(limits)} is a {name!r}"


def _without_formats(schema: Any, path: str, contradicted: dict[str, str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    plain = with_subschemas(schema, lambda step, child: _without_formats(child, path + step, contradicted))
    return {key: value for key, value in plain.items() if key != "format" or path not in contradicted}


def pattern_of(name: str) -> str:
    """Return the pattern of a format that is held while a call is decoded; "" if it has none."""
    return PATTERN_FORMATS.get(name) or SPELLINGS.get(name, "")
