"""Templates that mean harm: a typed error in bounded time and memory, and nothing of Python within reach."""

import pytest

from edge_lam.errors import EdgeLamError
from edge_lam.formats import sandbox
from edge_lam.formats.template import Template

DOUBLED = "{% for i in range(100) %}{% set ns.a = STEP %}{% endfor %}"
HOSTILE = {
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "loops over lists": "{% set l = range(99999)|list %}{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "endless loop": "{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "joined text": "{% set ns = namespace(a='abc') %}" + DOUBLED.replace("STEP", "ns.a ~ ns.a"),
    "added text": "{% set ns = namespace(a='abc') %}" + DOUBLED.replace("STEP", "ns.a + ns.a"),
    "shared list": "{% set ns = namespace(a=[1]) %}" + DOUBLED.replace("STEP", "[ns.a, ns.a]") + "{{ ns.a }}",
    "shared list as JSON": "{% set ns = namespace(a=[1]) %}"
    + DOUBLED.replace("STEP", "[ns.a] * 2")
    + "{{ ns.a|tojson }}",
    "shared list as text": "{% set ns = namespace(a=[1]) %}"
    + DOUBLED.replace("STEP", "[ns.a, ns.a]")
    + "{{ ns.a|string }}",
    "large number": "{% set ns = namespace(a=3) %}" + DOUBLED.replace("STEP", "ns.a * ns.a"),
    "power": "{{ 9 ** (9 ** 9) }}",
    "product": "{{ 'a' * 10 ** 10 }}",
    "padding": "{{ 'a'.ljust(10 ** 10) }}",
    "padding by %": "{{ '%10000000000d' % 1 }}",
    "padding by computed %": "{{ '%*d' % (10 ** 10, 1) }}",
    "format": "{{ '{:10000000000}'.format(1) }}",
    "computed format": "{{ '{:{}}'.format(1, 10 ** 10) }}",
    "repeated format": "{{ ('{0}' * 9999).format('a' * 9999) }}",
    "repeated %": "{{ ('%(a)s' * 9999) % {'a': 'a' * 9999} }}",
    "center": "{{ 'a'|center(10000000000) }}",
    "indent": "{{ 'a\n'|indent(1000000000) }}",
    "JSON indent": "{{ [[1]]|tojson(indent=1000000000) }}",
    "replace": "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
    "replace filter": "{{ ('a' * 1000000)|replace('', 'b' * 1000000) }}",
    "join": "{{ (range(9999)|list)|join('a' * 9999) }}",
    "join method": "{{ ('a' * 9999).join(['x'] * 9999) }}",
    "range": "{{ range(10 ** 9)|list }}",
    "long output": "{% for i in range(99999) %}{{ 'abc' * 999 }}{% endfor %}",
    "time": "{{ strftime_now('%1000000000Y') }}",
    "deep nesting": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "classes": "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "attr filter": "{{ ''|attr('__class__') }}",
    "files": "{% include '/etc/passwd' %}",
    "changing messages": "{{ messages.append(1) }}",
    "too long": "{{ 1 }}" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused(name, monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_STEPS", 20_000)
    with pytest.raises(EdgeLamError) as caught:
        Template(HOSTILE[name]).render(messages=[{"role": "user", "content": "x"}])
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_time_is_bounded_where_steps_are_slow(monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_SECONDS", 0.05)
    with pytest.raises(EdgeLamError, match="does not come to an end"):
        Template("{% set l = range(99999)|list %}{% for i in l %}{{ l|sort|length }}{% endfor %}").render()


def test_what_templates_need_is_left():
    template = (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
        "{{ 'a,b'.split(',')[-1] }}{{ ' x '.strip() }}{{ 'a' ~ 1 ~ none }}{{ '%s-%d' % ('a', 5) }}{{ 2 ** 10 }}"
        "{{ 'ab'|replace('b', 'c') }}{{ [1, 2]|join(', ') }}{{ 'a\nb'|indent(2) }}{{ {'a': 1}.items()|list }}"
        "{{ '{}-{a}'.format(1, a=2) }}{% for m in messages %}{{ 'xy'.replace('x', '') }}{% endfor %}"
        "{% generation %}z{% endgeneration %}{{ 'abc'[:2] }}{{ [1] + [2] }}{{ 'x'.startswith('x') }}"
    )
    (segment,) = Template(template).render(messages=[{}, {}])
    assert segment.text == "2bxa1Nonea-51024ac1, 2a\n  b[('a', 1)]1-2yyzab[1, 2]True"
