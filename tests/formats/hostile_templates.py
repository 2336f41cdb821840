"""Templates that mean harm, by what they try."""

DOUBLED = "{% for i in range(100) %}{% set ns.a = STEP %}{% endfor %}"
GROWING = "{% set ns = namespace(a=START) %}" + DOUBLED
BIG = "{% set s = 'a' * 1900000 %}"


def grown(step: str, then: str = "", start: str = "[1]") -> str:
    return GROWING.replace("START", start).replace("STEP", step) + then


ENDLESS = {
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "loops over lists": "{% set l = range(99999)|list %}{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}",
    "loops that find nothing": "{% set l = range(99999)|list %}{% for i in l %}{% for j in l if j < 0 %}"
    "{% endfor %}{% endfor %}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "endless block": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "endless loop": "{% for x in [1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "slow steps": "{% set l = range(99999)|list %}{% for i in l %}{{ l|sort|length }}{% endfor %}",
    "searches in a list": BIG + "{{ 'b' in [s] * 200000 }}",
    "least of a list": "{{ (['a' * 8000000] * 200000)|min|length }}",
    "least of texts": BIG + "{{ ([s] * 200000)|min|length }}",
    "most of what is made": BIG + "{{ range(99999)|map(attribute='no')|map('default', s)|max|length }}",
    "searches from the right": "{% set s = 'a' * 1000000 %}{{ s.rfind('b' + 'a' * 500000) }}",
    "strips": "{% set s = 'ab' * 500000 %}{{ s.strip('c' * 900000 + 'ab')|length }}",
    "trim filter": "{% set s = 'ab' * 500000 %}{{ s|trim('c' * 900000 + 'ab')|length }}",
    "digits": "{{ ('9' * 1900000)|int(base=9) }}",
    "sum of lists": "{{ ([[1]] * 80000)|sum(start=[])|length }}",
    "equal trees": "{% set ns = namespace(a=(1,), b=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}"
    "{% set ns.b = (ns.b, ns.b) %}{% endfor %}{{ ns.a == ns.b }}",
    "keys that are trees": grown("(ns.a, ns.a)", "{{ {ns.a: 1}|length }}", "(1,)"),
    "items that are trees": grown("(ns.a, ns.a)", "{{ {}[ns.a] }}", "(1,)"),
    "unique trees": grown("(ns.a, ns.a)", "{{ [ns.a]|unique|list|length }}", "(1,)"),
    "punycode": "{{ ('ü' * 400000).encode('punycode')|length }}",
}
LARGE = {
    "joined text": grown("ns.a ~ ns.a", start="'abc'"),
    "added text": grown("ns.a + ns.a", start="'abc'"),
    "shared list": grown("[ns.a, ns.a]", "{{ ns.a }}"),
    "shared list as JSON": grown("[ns.a] * 2", "{{ ns.a|tojson }}"),
    "shared list as text": grown("[ns.a, ns.a]", "{{ ns.a|string }}"),
    "namespaces in each other": "{% set ns = namespace(a=1) %}{% for i in range(60) %}"
    "{% set ns = namespace(a=ns, b=ns) %}{{ ns }}{% endfor %}",
    "namespace in itself": "{% set ns = namespace() %}{% set ns.a = [ns, ns] %}{{ ns.a }}",
    "large number": grown("ns.a * ns.a", start="3"),
    "power": "{{ 9 ** (9 ** 9) }}",
    "power of two": "{{ 2 ** 99999999 }}",
    "written number": "{{ 0x" + "f" * 500_000 + " // 3 }}",
    "product": "{{ 'a' * 10 ** 10 }}",
    "padding": "{{ 'a'.ljust(10 ** 10) }}",
    "padded bytes": "{{ 'a'.encode().ljust(10 ** 10) }}",
    "number as bytes": "{{ (1).to_bytes(10 ** 10, 'big') }}",
    "padding by %": "{{ '%10000000000d' % 1 }}",
    "padding by computed %": "{{ '%*d' % (10 ** 10, 1) }}",
    "format": "{{ '{:10000000000}'.format(1) }}",
    "computed format": "{{ '{:{}}'.format(1, 10 ** 10) }}",
    "repeated format": "{{ ('{0}' * 9999).format('a' * 9999) }}",
    "repeated format_map": "{{ ('{a}' * 9999).format_map({'a': 'a' * 9999}) }}",
    "repeated %": "{{ ('%(a)s' * 9999) % {'a': 'a' * 9999} }}",
    "center": "{{ 'a'|center(10000000000) }}",
    "indent": "{{ 'a\n'|indent(1000000000) }}",
    "JSON indent": "{{ [[1]]|tojson(indent=1000000000) }}",
    "deep JSON indent": grown("[ns.a, 1]", "{{ ([ns.a] * 999)|tojson(indent=1000) }}"),
    "JSON separators": "{{ (range(9999)|list)|tojson(separators=('a' * 1000000, ':')) }}",
    "replace": "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
    "replace filter": "{{ ('a' * 1000000)|replace('', 'b' * 1000000) }}",
    "join": "{{ (range(9999)|list)|join('a' * 9999) }}",
    "join method": "{{ ('a' * 9999).join(['x'] * 9999) }}",
    "range": "{{ range(10 ** 9)|list }}",
    "texts made one by one": "{{ (['a' * 8000000] * 1000)|map('upper')|list|length }}",
    "texts made of one": BIG + "{{ ([s] * 1000)|map('upper')|list|length }}",
    "texts replaced": BIG + "{{ range(9999)|map('string')|map('replace', '1', s)|list|length }}",
    "joins mapped": "{{ ([['a'] * 9999] * 999)|map('join', 'a' * 9999)|list|length }}",
    "selected and mapped": BIG + "{{ ([s] * 999)|select('string')|map('title')|map('list')|list|length }}",
    "slices": BIG + "{{ [" + "s[1:], " * 1200 + "]|length }}",
    "copies of dicts": "{% set d = dict.fromkeys(range(99999)|list) %}{{ d }}",
    "dicts of dicts": grown("dict(a=ns.a, b=ns.a)", "{{ ns.a }}", "{}"),
    "long output": "{% for i in range(99999) %}{{ 'abc' * 999 }}{% endfor %}",
    "long text in a loop": "{% set x %}{% for i in range(99999) %}"
    + "text " * 9999
    + "{% endfor %}{% endset %}{{ x }}",
    "long text in a macro": "{% macro f() %}" + "text " * 9999 + "{% endmacro %}{% for i in range(99999) %}"
    "{% set x = f() ~ f() %}{% endfor %}",
    "escapes": BIG
    + "{% autoescape true %}{{ (('<' * 1900000)|e|replace('&', '<&'|safe))|e|e|e|e }}{% endautoescape %}",
    "time": "{{ strftime_now('%1000000000Y') }}",
    "a long reason": BIG + "{{ raise_exception(s) }}",
    "words": "{{ (('a ' * 900000)|title) ~ ('a ' * 900000).split(' ') }}",
}
LONG = {
    "deep nesting": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep lists": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "deep blocks": "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "too long": "{{ 1 }}" * 200_000,
    "a megabyte of calls": "{{a[f(1)]}}" * 90_000,
    "a megabyte of filters": "{{a|upper|lower}}" * 55_000,
    "a megabyte of macros": "{% macro f(a, b=1) %}x{% endmacro %}" * 25_000,
    "a megabyte of list": "{{ [" + "1," * 450_000 + "] }}",
    "a megabyte of sum": "{{ 1" + "+1" * 450_000 + " }}",
    "a megabyte of blanks": "{{ 1 }}" + " \n" * 450_000 + "{%",
    "a megabyte of comments": "{#" * 450_000,
}
ESCAPES = {
    "classes": "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "classes by item": "{{ ''['__class__']['__mro__'] }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "globals of a macro": "{% macro f() %}{% endmacro %}{{ f._func.__globals__ }}",
    "attr filter": "{{ ''|attr('__class__') }}",
    "attribute of map": "{{ (['']|map(attribute='__class__')|first).x }}",
    "format attribute": "{{ '{0.__class__.__mro__}'.format(1) ~ ''.__class__.x }}",
    "frames": "{{ ([1]|map('string')).gi_frame.f_globals }}",
    "files": "{% include '/etc/passwd' %}",
    "changing messages": "{{ messages.append(1) }}",
    "changing a message": "{{ messages[0].update(a=1) }}",
}
HOSTILE = ENDLESS | LARGE | LONG | ESCAPES
