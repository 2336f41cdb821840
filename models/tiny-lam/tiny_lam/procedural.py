"""Tools that nobody wrote: verb x noun x parameters, so that a definition must be read and cannot be remembered."""

from __future__ import annotations

import random

from tiny_lam import slots
from tiny_lam.spec import E, I, L, N, Param, ResultKind, S, ToolSpec

VERBS = (
    "get find create delete update list show check send book cancel start stop add remove open close search compare "
    "track schedule order rate share export import archive lock scan print measure assign approve reserve sync merge "
    "publish review verify log count plot split filter restore publish enable disable reset ping monitor"
).split()
SAME_WORK = (
    set("get find list show check search compare track scan count plot measure verify log monitor ping filter".split()),
    set("create add open start enable publish book reserve order schedule assign approve".split()),
    set("delete remove close stop cancel disable archive reset lock".split()),
    set("send share export publish import sync restore".split()),
    set("update rate print merge split approve assign filter".split()),
)
OTHER_WORDS = {
    "get": "fetch|look up|show me|give me|tell me about|I'd like to see", "find": "look for|search for|locate|where is",
    "create": "make|set up|add|open a new|start a new", "delete": "remove|erase|get rid of|throw away|wipe",
    "update": "change|edit|modify|bring up to date", "list": "show|display|give me a list of|which are in|go through",
    "show": "display|let me see|give me|present", "check": "look at|test|inspect|have a look at|is everything ok with",
    "send": "mail|deliver|pass on|dispatch", "book": "reserve|get me|arrange|sign me up for", "cancel": "call off|drop|undo",
    "start": "begin|launch|run|turn on|kick off", "stop": "end|halt|turn off|finish|shut down", "add": "put in|insert|enter|include",
    "remove": "take out|delete|drop|get rid of", "open": "unlock|bring up|start", "close": "shut|end|lock up",
    "search": "look through|look in|find something in|scan", "compare": "weigh up|tell the difference of|match",
    "track": "follow|where is|keep an eye on", "schedule": "plan|set a date for|arrange", "order": "buy|get me|purchase",
    "rate": "give stars to|score|grade", "share": "show others|pass on|give others", "export": "save|write out|download",
    "import": "load|read in|bring in", "archive": "store away|put away|file away", "lock": "secure|close", "scan": "read|go over",
    "print": "put on paper|make a printout of", "measure": "how big is|take the size of", "assign": "give|hand over",
    "approve": "say yes to|accept|allow", "reserve": "book|keep|hold", "sync": "bring in line|match up", "merge": "join|combine|put together",
    "publish": "release|put online|make public", "review": "read through|go over|look over", "verify": "confirm|make sure of|prove",
    "log": "note|write down|record", "count": "how many are in|tell me the number of", "plot": "draw|make a chart of",
    "split": "divide|cut up|break up", "filter": "sort out|narrow down", "restore": "bring back|get back|recover",
    "enable": "turn on|switch on|activate", "disable": "turn off|switch off|deactivate", "reset": "start over with|set back|clear",
    "ping": "poke|is it there,", "monitor": "watch|keep an eye on|observe",
}  # fmt: skip
NOUNS = (
    "order ticket report sensor account profile invoice playlist project task server camera document parcel table "
    "meeting contract backup customer vehicle room course photo folder budget survey shipment license sample recipe "
    "session channel badge battery engine garden lesson machine market message network package patient payment phone "
    "plan policy pump queue route schedule signal skill station store student team token tour valve village warehouse "
    "widget window workout zone album article asset batch beacon bridge bucket cabin cargo"
).split()
NAMED_KINDS: tuple[tuple[str, str, str], ...] = (
    ("city", "city", "City"),
    ("location", "city", "Where to look"),
    ("country", "country", "Country"),
    ("name", "person", "Full name"),
    ("user", "person", "Name of the user"),
    ("owner", "person", "Who owns it"),
    ("date", "date", "Day"),
    ("day", "weekday", "Day of the week"),
    ("month", "month", "Month"),
    ("time", "time", "Time of day"),
    ("order_id", "id", "Identifier of the order"),
    ("code", "id", "Code to use"),
    ("reference", "id", "Reference number"),
    ("email", "email", "Email address"),
    ("phone", "phone", "Phone number"),
    ("file", "file", "File name"),
    ("path", "folder", "Folder"),
    ("url", "url", "Web address"),
    ("title", "book", "Title"),
    ("song", "song", "Song title"),
    ("artist", "artist", "Artist"),
    ("topic", "topic", "Topic"),
    ("query", "topic", "What to search for"),
    ("item", "item", "Item"),
    ("product", "product", "Product name"),
    ("company", "company", "Company"),
    ("text", "message", "Text"),
    ("message", "message", "Message to send"),
    ("color", "color", "Color"),
    ("room", "room", "Room of the house"),
    ("device", "device", "Device"),
    ("language", "language", "Language"),
    ("currency", "currency", "Currency"),
    ("team", "team", "Team"),
    ("category", "genre", "Category"),
    ("address", "address", "Street address"),
    ("label", "label", "Label"),
    ("subject", "subject", "Subject"),
    ("airport", "airport", "Airport code"),
)
NUMBER_NAMES = ("amount", "limit", "count", "size", "level", "price", "weight", "distance", "duration", "max_results",
                "quantity", "budget", "temperature", "speed", "width", "height", "age", "score", "priority", "radius")  # fmt: skip
ENUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("status", ("open", "closed", "pending")),
    ("priority", ("low", "medium", "high")),
    ("format", ("pdf", "csv", "json")),
    ("mode", ("fast", "normal", "careful")),
    ("size", ("small", "medium", "large")),
    ("order", ("ascending", "descending")),
    ("unit", ("metric", "imperial")),
    ("type", ("public", "private")),
    ("level", ("basic", "pro", "expert")),
    ("frequency", ("daily", "weekly", "monthly")),
)
FRAMES = (
    "{verb} the {noun} with {pairs}",
    "{verb} a {noun}, {pairs}",
    "{verb} {noun} {pairs}",
    "I want to {verb} the {noun} for {pairs}",
    "{pairs}: {verb} the {noun}",
    "{verb} my {noun} using {pairs}",
    "we need to {verb} the {noun} where {pairs}",
    "{noun}: {verb}, {pairs}",
)
SHORT_FRAMES = (
    "{verb} the {noun} for {slot}",
    "{verb} the {noun} {slot}",
    "{verb} {slot} {noun}",
    "{slot}: {verb} its {noun}",
    "{verb} the {noun} of {slot}",
    "I need to {verb} the {slot} {noun}",
)


def _parameter(rng: random.Random) -> tuple[str, Param]:
    roll = rng.random()
    if roll < 0.62:
        name, kind, description = rng.choice(NAMED_KINDS)
        return name, S(description, kind)
    if roll < 0.66:
        name, kind, description = rng.choice(NAMED_KINDS)
        return name + "s", L(description + " list", kind)
    if roll < 0.85:
        name = rng.choice(NUMBER_NAMES)
        words = name.replace("_", " ").capitalize()
        return name, I(words, 1, rng.choice((10, 100, 5000))) if rng.random() < 0.6 else N(words, 0, 500, 2)
    name, values = rng.choice(ENUMS)
    return name, E(name.capitalize(), **{value: [value] for value in values})


def procedural_tool(rng: random.Random, *, verb: str = "", noun: str = "", more: bool = False) -> ToolSpec:
    """Invent a tool; `verb` or `noun` given makes a twin of another one, hard to tell apart.

    Its requests name each parameter that isn't alone ("with city Oslo and limit 5"). With `more`, a third of them say
    the verb in other words, so that words are matched by what they mean; twins by the noun are told apart by the verb
    itself.
    """
    in_other_words = more and not noun
    verb = verb or rng.choice(VERBS)
    noun = noun or (rng.choice(NOUNS) if rng.random() < 0.8 else slots.made_up_word(rng, capital=False))
    params: dict[str, Param] = {}
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        name, param = _parameter(rng)
        params.setdefault(name, param.opt() if params and rng.random() < 0.25 else param)
    verbs = [verb, verb, rng.choice(OTHER_WORDS[verb].split("|")) if in_other_words and verb in OTHER_WORDS else verb]
    says = tuple(_frame(said, noun, params, rng) for said in verbs)
    missing = {}
    for left_out, param in params.items():
        if param.required:
            rest = {name: p for name, p in params.items() if name != left_out and p.required}
            missing[left_out] = (_frame(verb, noun, rest, rng),)
    description = f"{verb.capitalize()} {rng.choice(('a', 'the', 'one'))} {noun}."
    result: dict[str, ResultKind] = {}
    for _ in range(rng.choice((1, 1, 2))):
        key, kind, _text = rng.choice(NAMED_KINDS)
        result[key if rng.random() < 0.5 else rng.choice(NUMBER_NAMES)] = kind if rng.random() < 0.5 else (1, 500, 1)
    return ToolSpec(f"{verb}_{noun}", description, params, says, missing=missing, result=result)


def same_work(verb: str, words: set[str]) -> bool:
    """Whether `verb` may mean what one of `words` does, so that one tool could serve for the other."""
    return any(verb in group and words & group for group in SAME_WORK)


def _frame(verb: str, noun: str, params: dict[str, Param], rng: random.Random) -> str:
    said = [name for name, param in params.items() if param.required or rng.random() < 0.5]
    if not said:
        return rng.choice((f"{verb} the {noun}", f"{verb} my {noun}", f"{verb} {noun}", f"I want to {verb} the {noun}"))
    if len(said) == 1 and rng.random() < 0.5:
        return rng.choice(SHORT_FRAMES).format(verb=verb, noun=noun, slot="{" + said[0] + "}")
    rng.shuffle(said)
    link = rng.choice((" ", " ", " = ", " is ", ": "))
    pairs = slots.join_words([f"{name.replace('_', ' ')}{link}{{{name}}}" for name in said], rng)
    return rng.choice(FRAMES).format(verb=verb, noun=noun, pairs=pairs)
