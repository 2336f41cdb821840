"""The schema room on a phone: what is heavy, or not there, is imported where it is used."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
for name in ("jsonschema", "referencing", "pydantic", "pydantic_core", "llguidance", "idna", "numpy"):
    sys.modules[name] = None
import edge_lam.schema.check, edge_lam.schema.limits
from edge_lam.schema.compile import compile_schema
from edge_lam.schema.normalize import normalize_parameters
place = {"type": "object", "properties": {"city": {"type": "string", "format": "date"}}}
given = {"properties": {"n": {"type": "integer", "enum": [1, 2]}, "at": {"anyOf": [place, {"type": "null"}]}}}
compiled = compile_schema(normalize_parameters(given))
assert {support.how for support in compiled.support} == {"grammar"}
assert compiled.held()["properties"]["at"]["anyOf"][0]["additionalProperties"] is False
"""


def test_a_plain_schema_is_compiled_without_any_other_package():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
