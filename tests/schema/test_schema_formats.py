"""What becomes of each `format`, shown by llguidance itself."""

from __future__ import annotations

import pytest

from edge_lam.schema.check import Checker
from tests.schema.held import fits_grammar, held

FORMATS = [
    ("date", "2024-02-29", "2024-02-30"),
    ("time", "12:30:00Z", "12:30"),
    ("date-time", "2024-01-02T03:04:05+01:00", "2024-01-02 03:04:05"),
    ("duration", "P1DT2H", "1D"),
    ("email", "a@b.c", "a b@c.d"),
    ("email", '"joe bloggs"@example.com', '"a"b"@c.d'),
    ("email", "joe@[IPv6:::1]", "joe@[IPv6:1::2::3]"),
    ("hostname", "a.b", "a_b"),
    ("ipv4", "1.2.3.4", "256.1.1.1"),
    ("ipv6", "fe80::1", "1::2::3"),
    ("ipv6", "::ffff:192.168.0.1", "::ffff:192.168.0.256"),
    ("ipv6", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7"),
    ("ipv6", "::", ":"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    ("uri", "https://a.b/c?d#e", "a b"),
    ("json-pointer", "/a~1b/0", "a"),
    ("relative-json-pointer", "1/a", "/a"),
    ("uri-reference", "../a?b#c", "a b"),
    ("uri-reference", "//[::1]:80/a", "//[::01.2.3.4]/"),
    ("uri-reference", "", "a:b[c]"),
    ("iri", "https://é.com", "é.com"),
    ("iri", "http://[V1.fe]", "http://2001:db8::1/a:b@c@d"),
    ("iri-reference", "../é", "<>"),
    ("uri-template", "https://a.b/{id}", "{"),
    ("uri-template", "/{?q,page*,x:3}", "/{q,}"),
    ("uri-template", "/{+path}", "/{x:0}"),
    ("byte", "YWJj", "YW"),
]


@pytest.mark.parametrize(("name", "good", "bad"), FORMATS)
def test_formats_that_the_grammar_enforces(name, good, bad):
    found, verdicts = held({"type": "string", "format": name})
    assert set(verdicts.values()) == {"grammar"}
    for value, fits in ((good, True), (bad, False)):
        assert fits_grammar(found.grammar, {"v": value}) is fits
        assert (Checker(found.check).problems({"v": value}) == []) is fits
    assert held({"type": "string", "format": name, "pattern": "."})[0].grammar != {}


# What a grammar of a format lets through, and the check does not.
FINE = [
    ("date", ["2024-02-29"], ["2023-02-29"]),
    ("time", ["23:59:60Z", "00:59:60+01:00", "15:59:60-08:00"], ["22:59:60Z", "23:59:60+01:00", "23:58:60Z"]),
    ("date-time", ["1998-12-31T23:59:60.5Z", "1998-12-31T15:59:60.123-08:00"], ["1998-12-31T22:59:60Z"]),
    ("hostname", ["xn--4gbwdl.xn--wgbh1c", "a" * 63], [".".join(["a" * 63] * 4), "xn--X", "ab--cd"]),
    ("idn-hostname", ["실례.테스트"], ["〮실례.테스트"]),
]


@pytest.mark.parametrize(("name", "good", "bad"), FINE)
def test_what_only_the_check_can_tell_of_a_format_is_told(name, good, bad):
    found, _ = held({"type": "string", "format": name})
    (told,) = (support for support in found.support if support.keyword == "format")
    assert "checked" in told.reason or told.how == "checked"
    for text in good:
        assert fits_grammar(found.grammar, {"v": text}), text
        assert Checker(found.check).problems({"v": text}) == [], text
    for text in bad:
        assert fits_grammar(found.grammar, {"v": text}), text
        assert Checker(found.check).problems({"v": text}), text


DOMAIN = r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"


def test_a_length_that_a_pattern_makes_too_hard_is_left_to_the_check():
    found, verdicts = held({"type": "string", "pattern": DOMAIN, "maxLength": 253})
    assert verdicts == {("", "type"): "grammar", ("", "pattern"): "grammar", ("", "maxLength"): "checked"}
    long = ".".join(["a" * 63] * 4)
    assert fits_grammar(found.grammar, {"v": "a.example"})
    assert not fits_grammar(found.grammar, {"v": "example"})
    assert [problem.keyword for problem in Checker(found.check).problems({"v": long})] == ["maxLength"]
    assert Checker(found.check).problems({"v": long[2:]}) == []


@pytest.mark.parametrize(
    ("beside", "good", "bad"),
    [
        (
            {"format": "time", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"},
            ["09:30", "09:30:00"],
            ["9:30", "09:30:00Z"],
        ),
        ({"format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d$"}, ["2024-01-02T03:04"], ["2024-01-02"]),
        ({"format": "date", "pattern": r"^\d\d/\d\d/\d{4}$"}, ["01/02/2024"], ["2024-02-01"]),
        ({"format": "byte", "pattern": "^#"}, ["#"], ["YWJj"]),
        ({"format": "time", "maxLength": 5}, ["09:30"], ["09:30:00"]),
        ({"format": "time", "enum": ["09:30", "12:00"]}, ["09:30"], ["09:30:00Z"]),
        ({"format": "date-time", "const": "now"}, ["now"], ["2024-01-02T03:04:05Z"]),
    ],
)
def test_a_format_that_contradicts_what_stands_beside_it_is_no_constraint(beside, good, bad):
    found, verdicts = held({"type": "string", **beside})
    assert verdicts["", "format"] == "ignored"
    assert found.refused is None
    for value in good:
        assert fits_grammar(found.grammar, {"v": value})
        assert Checker(found.check).problems({"v": value}) == []
    for value in bad:
        assert not fits_grammar(found.grammar, {"v": value})
        assert Checker(found.check).problems({"v": value})


@pytest.mark.parametrize(
    "beside",
    [
        {"format": "date", "pattern": "^2"},
        {"format": "time", "enum": ["09:30:00Z", "noon"]},
        {"format": "email", "maxLength": 20},
        {"format": "date", "enum": [None]},
    ],
)
def test_a_format_that_something_fits_is_held(beside):
    assert held({"type": ["string", "null"], **beside})[1]["", "format"] == "grammar"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(
            (name, "")
            for name in ("json", "path", "file-path", "base64url", "jwt", "cuid2", "ulid", "e164", "lower", "int64")
        ),
        *(
            ("datetime", "date-time"),
            ("Date", "date"),
            ("uuid4", "uuid"),
            ("e-mail", "email"),
            ("URI", "uri"),
            ("url", "uri"),
        ),
    ],
)
def test_an_unknown_format_is_an_annotation(name, said):
    found, _ = held({"type": "string", "format": name})
    (told,) = (support for support in found.support if support.keyword == "format")
    assert (told.how, told.reason) == (
        "ignored",
        f"unknown format {name!r}" + (f"; did you mean {said}?" if said else ""),
    )
    assert fits_grammar(found.grammar, {"v": "anything at all"})
    assert Checker(found.check).problems({"v": "anything at all"}) == []
