"""The keywords of JSON Schema, by what becomes of them: tables that the readers of schemas share.

Tests hold `GRAMMAR` and `CHECKED` against what llguidance does with each keyword.
"""

from __future__ import annotations

# Where schemas stand inside a schema. In `dependencies`, of older drafts, lists of property names stand beside them.
SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SCHEMAS = (
    *("items", "additionalProperties", "additionalItems", "contains", "propertyNames", "not", "if", "then", "else"),
    *("unevaluatedProperties", "unevaluatedItems"),
)

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
APPLICATORS = ("$ref", "anyOf", "oneOf", "allOf", "if")
ANNOTATIONS = ("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment")
# Names and places of schemas: they constrain nothing themselves.
STRUCTURE = ("$defs", "definitions", "$anchor")
# What JSON Schema and OpenAPI have for people and programs to read.
DESCRIPTIVE = (
    *("contentEncoding", "contentMediaType", "contentSchema", "$dynamicAnchor", "$vocabulary"),
    *("discriminator", "example", "externalDocs", "xml"),
)

# Compiled into the grammar. Some have forms that llguidance declines; those are found by asking it.
GRAMMAR = (
    *("type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf"),
    *("properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"),
    *("items", "prefixItems", "minItems", "maxItems"),
    *("minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
)
# Left out of the grammar, which llguidance would decline with any of them; checked when the call is there.
CHECKED = (
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "propertyNames"),
    *("uniqueItems", "contains", "minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems"),
)
# References that depend on how a schema was reached.
REFUSED = ("$dynamicRef", "$recursiveRef")

# Formats of strings that the grammar enforces.
FORMATS = ("date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri")
# Formats of strings that are spelled like these patterns.
PATTERN_FORMATS = {
    "json-pointer": r"^(/([^~/]|~[01])*)*$",
    "relative-json-pointer": r"^(0|[1-9][0-9]*)(#|(/([^~/]|~[01])*)*)$",
    "uri-reference": r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$",
    "iri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\x22{}|\\^`]*$",
    "iri-reference": r"^[^\s<>\x22{}|\\^`]*$",
    "uri-template": r"^([^{}\s<>\x22\\^`|]|\{[^{}\s]+\})*$",
    "byte": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}
# Formats of strings that jsonschema checks without further packages.
CHECKED_FORMATS = ("idn-email", "regex")
# Formats of whole numbers (OpenAPI, Rust's and Go's generators): smallest and largest.
NUMBER_FORMATS = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "uint": (0, None),
}
# OpenAPI's names for what any number or any text is.
OPEN_FORMATS = ("float", "double", "decimal", "int", "password", "binary")

COUNTS = (
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("minContains", "maxContains"),
)
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
WIDEST = 2**63 - 1  # llguidance silently takes a number beyond for this one
TEXTS = ("pattern", "format", "$ref", "$id", "$anchor", "$schema", "$dynamicRef", "$recursiveRef")
