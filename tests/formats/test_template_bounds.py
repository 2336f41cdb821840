"""Templates that mean harm: a typed error in bounded time and memory, and nothing of Python within reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from edge_lam.errors import InvalidRequest, UnsupportedModel
from edge_lam.formats import FORMATS, budget
from edge_lam.formats.template import Template, rendering_within
from tests.formats.hostile_templates import ENDLESS, HOSTILE

pytestmark = pytest.mark.slow

MAX_MEGABYTES = 256
# Instead of two, which a tenth of these templates would take to the end. Those that only end by time get less of it.
SECONDS, SECONDS_OF_ENDLESS = 0.5, 0.1
HANGS = 30.0  # seconds: far above the limit of two, for machines that are busy


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[str, float, float]]:
    script = Path(__file__).with_name("run_templates.py")
    seconds = dict.fromkeys(HOSTILE, SECONDS) | dict.fromkeys(ENDLESS, SECONDS_OF_ENDLESS)
    given = json.dumps([[HOSTILE[name], seconds[name]] for name in HOSTILE])
    run = subprocess.run([sys.executable, script], input=given, capture_output=True, text=True, check=True)
    return dict(zip(HOSTILE, map(tuple, json.loads(run.stdout)), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name, outcomes):
    error, seconds, megabytes = outcomes[name]
    assert error, "it was rendered"
    assert len(error) < 400
    assert "\n" not in error
    assert seconds < HANGS
    assert megabytes < MAX_MEGABYTES


def test_time_is_bounded_where_nobody_says_how(monkeypatch):
    assert budget.MAX_SECONDS == 2
    monkeypatch.setattr(budget, "MAX_SECONDS", 0.02)
    with pytest.raises(InvalidRequest, match="takes too long"):
        Template(HOSTILE["slow steps"]).render()


def test_time_is_bounded_by_that_of_the_request():
    slow = Template("{% for i in range(99999) %}{{ 'a' * 1000 }}{% endfor %}")
    with rendering_within(0.0), pytest.raises(InvalidRequest, match="takes too long"):
        slow.render()


def test_time_that_other_programs_take_is_not_the_templates(monkeypatch):
    monkeypatch.setattr(budget, "MAX_SECONDS", 0.02)

    def slow():
        sleep(0.2)
        yield "a"

    (segment,) = Template("{% for each in slow %}{{ each }}{% endfor %}").render(slow=slow())
    assert segment.text == "a"
    with pytest.raises(InvalidRequest, match="takes too long"):
        Template("{% for i in range(99999) %}{{ i }}{% endfor %}").render()


def test_a_template_of_edge_lam_is_not_weighed_and_renders_what_it_would_if_it_were():
    for kind in FORMATS.values():
        if kind.name == "generic":
            continue
        messages = [{"role": "user", "content": "a" * 3_000_000}]
        assert len(kind().render(messages)) > 3_000_000
        with_bounds = Template(kind.own_template()).render(messages=[{"role": "user", "content": "x"}], tools=None)
        without = Template(kind.own_template(), trusted=True).render(
            messages=[{"role": "user", "content": "x"}], tools=None
        )
        assert with_bounds == without


def test_what_templates_need_is_left():
    template = (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
        "{{ 'a,b'.split(',')[-1] }}{{ ' x '.strip() }}{{ 'a' ~ 1 ~ none }}{{ '%s-%d' % ('a', 5) }}{{ 2 ** 10 }}"
        "{{ 'ab'|replace('b', 'c') }}{{ [1, 2]|join(', ') }}{{ 'a\nb'|indent(2) }}{{ {'a': 1}.items()|list }}"
        "{{ '{}-{a}'.format(1, a=2) }}{% for m in messages %}{{ 'xy'.replace('x', '') }}{% endfor %}"
        "{% generation %}z{% endgeneration %}{{ 'abc'[:2] }}{{ [1] + [2] }}{{ 'x'.startswith('x') }}"
        "{{ ns is defined }}{{ 100000 * 70000 }}{{ [[1], [2]]|sum(start=[]) }}{{ ['b', 'a']|sort|first }}"
        "{{ messages|selectattr('x', 'defined')|list|length }}{{ {'b': [1]}|tojson(indent=1, separators=(',', ': ')) }}"
    )
    (segment,) = Template(template).render(messages=[{}, {}])
    text = "2bxa1Nonea-51024ac1, 2a\n  b[('a', 1)]1-2yyzab[1, 2]TrueTrue7000000000[1, 2]a0{\n \"b\": [\n  1\n ]\n}"
    assert segment.text == text


def test_a_long_conversation_is_within_the_bounds():
    messages = [{"role": "user", "content": "word " * 200, "tool_calls": []} for _ in range(500)]
    template = (
        "{% set ns = namespace(found=[], text='') %}{% for m in messages %}"
        "{% if m.role == 'user' and (loop.last or messages[loop.index0 + 1].role != 'tool') %}"
        "{% set ns.found = ns.found + [m] %}{{ m.content.split('</think>')[-1].strip() }}{{ messages|length }}"
        "{% endif %}{% if m == messages[-1] %}{{ messages[1:]|length }}{{ m.content|tojson }}{% endif %}{% endfor %}"
    )
    (segment,) = Template(template).render(messages=messages)
    assert segment.text.count("word") > 500 * 200


def test_a_template_of_too_many_parts_says_so():
    with pytest.raises(UnsupportedModel, match=r"line 1: it has more than 10,000 parts"):
        Template("{{ 1 }}" * 5_000).render()
