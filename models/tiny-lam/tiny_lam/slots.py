"""Values that people put into requests: cities, names, dates, amounts, short texts.

Each kind has a pool of real values; open kinds (names, titles, places) also draw made-up words, so that a model must
copy what it reads instead of choosing what it knows. A tenth of every pool is kept out of training, but for the words
of closed classes: weekdays, months and units.
"""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable

from tiny_lam import texts
from tiny_lam.arithmetic import WORD_NUMBERS, expression, more_expression
from tiny_lam.pools import KINDS, LIKE_UNITS, MORE_KINDS, OPEN_KINDS

VOCABULARY: list[str] = []  # filled by `use_vocabulary`
_invented = 0.4  # share of an open kind's values that are made-up words, and half as many joined of the vocabulary's

CLOSED = frozenset(value for kind in ("weekday", "month", "unit") for value in KINDS[kind])
SIGNS = frozenset(("email", "file", "folder", "id", "phone", "url"))  # kinds whose values are no words
_ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kl pr sh st th tr".split()
_VOWELS = "a e i o u ai ea ie oo ou".split()
_CODAS = ["", "", "", "l", "n", "r", "s", "t", "m", "x", "nd", "rk", "st"]


def made_up_word(rng: random.Random, *, capital: bool = True) -> str:
    """Invent a pronounceable word of one to three syllables."""
    syllables = rng.choice((1, 2, 2, 2, 3))
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables)) + rng.choice(_CODAS)
    return word.capitalize() if capital else word


def is_held_out(text: str, *, one_in: int = 10) -> bool:
    """Whether a value is kept out of training: one in ten, chosen by its checksum, and none of a closed class."""
    return text not in CLOSED and zlib.crc32(text.encode()) % one_in == 0


def draw(kind: str, rng: random.Random, *, held_out: bool = False, more: bool = False) -> str:
    """Draw one value of `kind`.

    `held_out` draws from the tenth that training never sees (made-up words too); `more` draws half of the values from
    larger pools and composes half of the dates, times, addresses, numbers and texts, so that each of their digits and
    words is copied and none is known.
    """
    if kind == "unit":  # all are trained, and pairs of them held out
        return rng.choice(KINDS[kind])
    if more and rng.random() < 0.5:
        value = _draw_held_out(kind, rng) if held_out else _draw_more(kind, rng)
        if value and is_held_out(value) == held_out:
            return value
    pool = [value for value in KINDS[kind] if is_held_out(value) == held_out] or KINDS[kind]
    if kind not in OPEN_KINDS or rng.random() < 1 - _invented:
        return rng.choice(pool)
    return _invent(kind, rng, pool)


def _draw_more(kind: str, rng: random.Random) -> str:
    """Draw a value of `kind` for training, beyond its pool; "" where there is none."""
    if kind in OPEN_KINDS and rng.random() < _invented / 2:
        return joined_words(rng)
    if VOCABULARY and kind not in SIGNS and rng.random() < 0.06:
        return _with_a_word(kind, rng)
    return _draw_wider(kind, rng)


def _draw_wider(kind: str, rng: random.Random) -> str:
    """Compose a value of `kind` or take one of the larger pool; "" where neither is known."""
    sources: list[Callable[[], str]] = []
    if kind in COMPOSED:
        sources.append(lambda: COMPOSED[kind](rng))
    if kind in MORE_KINDS:
        sources.append(lambda: rng.choice(MORE_KINDS[kind]))
    return rng.choice(sources)() if sources else ""


def _draw_held_out(kind: str, rng: random.Random) -> str:
    """As `_draw_wider`, a value that training never draws; "" where there is none."""
    for _ in range(100):
        value = _draw_wider(kind, rng)
        if is_held_out(value):
            return value
    return ""


def _with_a_word(kind: str, rng: random.Random) -> str:
    """A value of the pool with a word of the vocabulary in it, most of them held-out ones.

    What is never copied is learnt as what is never written: so held-out words are copied too, but here never alone.
    """
    held = [value for value in KINDS[kind] if is_held_out(value)]
    words = rng.choice(held if held and rng.random() < 0.7 else KINDS[kind]).split()
    words.insert(rng.randint(0, len(words)), rng.choice(VOCABULARY))
    return " ".join(words)


def draw_other(kind: str, taken: set[str], rng: random.Random) -> str:
    """Draw a value of the whole pool of `kind` that is none of `taken` (lower case), for a pool held out that is small."""
    return rng.choice([value for value in KINDS[kind] if value.lower() not in taken])


def draw_like_unit(unit: str, rng: random.Random, *, held_out: bool = False) -> str:
    """Draw another unit of what `unit` measures; a third of the pairs is held out. Any unit, where `unit` is none."""
    same = {unit, f"{unit}s", f"{unit}es", {"foot": "feet"}.get(unit, unit)}  # a phrase may fix one: "a mile"
    for units in LIKE_UNITS:
        if any(same & set(names) for names in units):
            others = [name for names in units if not same & set(names) for name in names]
            allowed = [other for other in others if is_held_out(f"{unit} {other}", one_in=3) == held_out]
            return rng.choice(allowed or others)
    return draw("unit", rng)


def use_vocabulary(words: list[str], *, invented: float = 0.4) -> None:
    """Let `draw_any` also draw these words: a tokenizer's, so that each of its tokens is copied now and then.

    `invented` is the share of made-up values: a model that starts from nothing has to learn to copy what it does not
    know; one that knows its language has that already, and learns more from values as people write them.
    """
    global _invented  # noqa: PLW0603 - set once, before anything is drawn
    _invented = invented
    VOCABULARY[:] = sorted(word for word in words if word.isalpha() and len(word) > 1)


def draw_any(rng: random.Random, slot: str) -> str:
    """Draw a value of any kind, or words of the vocabulary, for a slot of kind `slot`.

    A value is held out for its own kinds alone: as a person's name, "Chinese" is a word like any other.
    """
    kind = rng.choice(sorted(KINDS))
    if rng.random() < 0.5:
        own = {*KINDS[slot], *MORE_KINDS.get(slot, ())}
        foreign = [value for value in KINDS[kind] if is_held_out(value) and value not in own]
        if foreign:
            return rng.choice(foreign)
    if not VOCABULARY or rng.random() < 0.4:
        return draw(kind, rng, more=True)
    with_a_word = kind not in SIGNS and rng.random() < 0.05
    while True:
        value = _with_a_word(kind, rng) if with_a_word else joined_words(rng)
        if not is_held_out(value):
            return value


def draw_any_list(rng: random.Random, slot: str) -> list[str]:
    """Draw one to three values of any kind for a list of kind `slot`, none of which could be read as two."""
    values: dict[str, None] = {}
    count = rng.choice((1, 2, 2, 3))
    while len(values) < count:
        value = draw_any(rng, slot)
        if "," not in value and " and " not in value:
            values[value] = None
    return list(values)


def joined_words(rng: random.Random) -> str:
    """One to three words of the vocabulary, or words joined of two or three, as a name holds tokens that a text knows alone."""
    words = rng.choices(VOCABULARY or _ONSETS, k=rng.choice((1, 1, 2, 3)))
    for i in range(len(words)):
        if rng.random() < 0.4:
            words[i] += "".join(rng.choices(VOCABULARY or _VOWELS, k=rng.choice((1, 1, 2)))).lower()
        if rng.random() < 0.3:
            words[i] = words[i].capitalize()
    return " ".join(words)


def _invent(kind: str, rng: random.Random, pool: list[str]) -> str:
    if kind == "id":
        letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randint(0, 3)))
        digits = "".join(rng.choice(string.digits) for _ in range(rng.randint(2, 5)))
        return letters + rng.choice(("", "-")) * bool(letters) + digits
    if kind == "file":
        stem = made_up_word(rng, capital=False) + rng.choice(("", "", f"_{rng.randint(1, 99)}"))
        return f"{stem}.{rng.choice(('txt', 'pdf', 'csv', 'md', 'py', 'json', 'png'))}"
    if kind == "folder":
        return rng.choice(("", "/", "~/", "/home/", "/srv/")) + made_up_word(rng, capital=False)
    if kind in ("message", "note", "task", "phrase", "topic"):
        words = [w for text in rng.sample(pool, k=min(3, len(pool))) for w in text.split()]
        rng.shuffle(words)
        words = words[: rng.randint(2, 6)]
        if rng.random() < 0.5:
            words[rng.randrange(len(words))] = made_up_word(rng, capital=False)
        return " ".join(words)
    capital = kind not in ("item", "product", "label", "word", "event")
    return " ".join(made_up_word(rng, capital=capital) for _ in range(rng.choice((1, 1, 2))))


def number(rng: random.Random, low: float, high: float, decimals: int) -> tuple[str, int | float]:
    """Draw a (surface, value) pair: digits, or a number word now and then for small whole numbers."""
    if decimals and rng.random() < 0.35:
        value = round(rng.uniform(low, high), rng.randint(1, decimals))
        if value != int(value):
            return str(value), value
    whole = rng.randint(int(low), int(high))
    if rng.random() < 0.3 and low < 20 < high:  # small numbers are what people ask for most
        whole = rng.randint(max(int(low), 1), 20)
    if 0 < whole < len(WORD_NUMBERS) and rng.random() < 0.15:
        return WORD_NUMBERS[whole], whole
    return str(whole), whole


def join_words(items: list[str], rng: random.Random) -> str:
    """Say a list: "a", "a and b", "a, b and c"."""
    if len(items) == 1:
        return items[0]
    return ", ".join(items[:-1]) + rng.choice((" and ", " and ", ", ", ", and ")) + items[-1]


MORE_PAIRED: dict[str, Callable[[random.Random], tuple[str, str]]] = {"expression": more_expression}
PAIRED: dict[str, Callable[[random.Random], tuple[str, str]]] = {"expression": expression}


def _date(rng: random.Random) -> str:
    day, month = rng.randint(1, 28), rng.choice(KINDS["month"])
    return rng.choice(
        (f"{day} {month}", f"{month} {day}", f"{rng.randint(2024, 2029)}-{rng.randint(1, 12):02}-{day:02}")
    )


def _time(rng: random.Random) -> str:
    hour, minute = rng.randint(0, 23), rng.choice((0, 15, 30, 45, rng.randint(0, 59)))
    if rng.random() < 0.5:
        return f"{hour}:{minute:02}"
    return f"{hour % 12 + 1}{f':{minute:02}' if minute else ''} {rng.choice(('am', 'pm'))}"


def _name(rng: random.Random) -> str:
    """A word as names of hosts and people's addresses have it."""
    if rng.random() < 0.5:
        return made_up_word(rng, capital=False)
    return draw(rng.choice(("person", "animal", "company", "item", "word", "city")), rng).split()[-1].lower()


def _url(rng: random.Random) -> str:
    host = f"{_name(rng)}.{rng.choice(('com', 'org', 'net', 'io', 'gov', 'eu', 'dev', 'de'))}"
    path = f"/{_name(rng)}" if rng.random() < 0.4 else ""
    return rng.choice(("https://", "www.", "www.", "", f"{_name(rng)}.")) + host + path


def _email(rng: random.Random) -> str:
    name = _name(rng) + rng.choice(("", "", f".{_name(rng)}", str(rng.randint(1, 99))))
    return f"{name}@{_name(rng)}.{rng.choice(('com', 'org', 'net', 'edu', 'io', 'de'))}"


def _phone(rng: random.Random) -> str:
    digits = "".join(rng.choice(string.digits) for _ in range(10))
    return rng.choice((f"555-{digits[:4]}", f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"+{digits[:2]} {digits[2:]}"))


def _id(rng: random.Random) -> str:
    """Letters and digits in any order, with doubles."""
    signs = string.digits + string.digits + rng.choice(string.ascii_uppercase) * 4
    text = "".join(rng.choice(signs) for _ in range(rng.randint(3, 7)))
    return text if rng.random() < 0.7 else text[:2] + text[1:2] * rng.randint(1, 3) + text[2:]


def _text(kind: str) -> Callable[[random.Random], str]:
    return lambda rng: texts.compose(kind, rng, lambda inner: draw(inner, rng))


COMPOSED: dict[str, Callable[[random.Random], str]] = {
    "date": _date, "time": _time, "url": _url, "email": _email, "phone": _phone, "id": _id,
    **{kind: _text(kind) for kind in texts.PATTERNS},
}  # fmt: skip


def clock(rng: random.Random) -> str:
    """A time of day as a tool returns it."""
    seconds = f":{rng.randint(0, 59):02}" if rng.random() < 0.4 else ""
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}{seconds}"


def device_state(rng: random.Random) -> str:
    """The state of a memory, disk or battery as a tool returns it."""
    total = rng.choice((8, 16, 23.4, 24, 31.2, 64, 128, 256, 251.9, 512, 1000))
    free = f"{rng.uniform(0, total):.1f} GB free of {total} GB"
    percent = f"{rng.randint(1, 100)} percent"
    return rng.choice((free, free, f"{percent}, charging", f"{percent}, not charging", "no battery found"))


def names(rng: random.Random) -> list[str]:
    """A few file names."""
    return [draw(rng.choice(("file", "file", "folder")), rng).strip("/~") or "home" for _ in range(rng.randint(1, 6))]


def notes(rng: random.Random) -> list[str]:
    """A few notes."""
    return [draw("note", rng) for _ in range(rng.randint(1, 4))]
