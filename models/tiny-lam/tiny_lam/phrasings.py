"""More ways to ask, as patterns: ``[what's|tell me] the time in {city}`` stands for each choice from each bracket.

Only training draws them: the evaluation's requests stay the same when patterns are added. A pattern that comes out as
a held-out phrasing is drawn again.
"""

from __future__ import annotations

import random
import re

from tiny_lam import slots
from tiny_lam.brackets import CHOICE, resolve
from tiny_lam.spec import ToolSpec, slots_of


def plain(text: str) -> str:
    """A phrasing without the case and the marks at its end, for comparing."""
    return text.lower().rstrip("?.! ")


def check(tool: ToolSpec, patterns: tuple[str, ...]) -> None:
    """Raise ValueError for a pattern that lacks a required parameter of `tool` or names an unknown one."""
    for pattern in patterns:
        brackets = [bracket.split("|") for bracket in CHOICE.findall(pattern)]
        fixed = CHOICE.split(pattern)[::2]  # what stands between the brackets
        if any(sign in text for text in fixed for sign in "[]"):
            raise ValueError(f"{tool.name}: {pattern!r} has brackets inside brackets")
        for i in range(max(map(len, brackets), default=1)):  # each text of each bracket comes at least once
            found = slots_of("".join([*fixed, *(texts[i % len(texts)] for texts in brackets)]))
            if set(tool.required) - found or found - set(tool.params):
                raise ValueError(f"{tool.name}: {pattern!r} must hold {tool.required} and nothing unknown")


def vary(tool: ToolSpec, rng: random.Random) -> str:
    """Draw a phrasing of `tool` from its patterns, never a held-out one."""
    held = {plain(text) for text in tool.held}
    while True:
        text = resolve(rng.choice(tool.more), rng)
        if plain(text) not in held:
            return text


def small_talk(rng: random.Random, *, demo: bool = False) -> str:
    """Draw a request that no tool serves, or where only the demo's tools are given, none of them."""
    text = resolve(rng.choice(SMALL_TALK + BEYOND_THE_DEMO if demo else SMALL_TALK), rng)
    return re.sub(r"<(\w+)>", lambda match: slots.draw(match[1], rng), text)


SMALL_TALK = (
    "[tell|write] me a [joke|story|poem|riddle|rhyme|fairy tale|limerick] about <animal>",
    "[write|compose] a [song|poem|speech|letter|story|rap|haiku] about <topic>",
    "[who wrote|who is the author of|when was|what is the plot of] <book>?",
    "what is the [capital|flag|anthem|main religion|national dish|highest mountain|longest river] of <country>?",
    "[who is <artist>|what do you think about <artist>|how old is <artist>|where was <artist> born]?",
    "why [do|don't|can't] <animal> [sleep|fly|sing|swim|talk|dream|laugh|run so fast]?",
    "how [many teeth do|long do|fast can|big are|smart are] <animal> [have|live|run|]?",
    "[how do I|what's the best way to|teach me to|explain how to] [draw|train|feed|catch|paint] <animal>",
    "[explain|summarize|teach me] <topic> [in simple words|to a child|in two sentences|]",
    "what [do you think|is your opinion|are the pros and cons] of <topic>?",
    "[is|was] <company> a good [company|place to work|employer]?",
    "[which is better|what is better], <food> or <food>?",
    "[do you like|have you ever tried|can you smell|do you eat] <food>?",
    "[who invented|why do people like|what is the history of|is it healthy to eat] <food>?",
    "[what are the rules of|who is the best at|how do I get better at|why is everybody mad about] <sport>?",
    "[what's the moral of|who directed|who starred in|is it worth watching] <movie>?",
    "[do|can] you [love|hate|fear|dream of|know] <person>?",
    "what [gift|present] should I [buy|make|get] for <person>?",
    "[I feel|I am so] [lonely|tired|happy|angry|nervous|bored|lost] [today|lately|about <topic>|]",
    "what would happen if [the moon vanished|nobody slept|it never got dark|<animal> ruled the world]?",
    "how do I [become a|get a job as a] [doctor|teacher|baker|judge|singer|farmer|chef|painter]?",
    "[cook|bring|make|fetch] me [some|a plate of] <food>",
    "[give me|I need] [advice|tips|ideas|some wisdom] [on|about|for] [love|parenting|a first date|studying|saving money|public speaking]",
    "[is|are] [the earth flat|aliens real|numbers infinite|we alone|zombies real|dreams meaningful]?",
    "why [is the sea salty|is the grass green|do we cry|do cats purr|do stars twinkle|is ice slippery|do onions make me cry]?",
    "what makes [music beautiful|the universe expand|people laugh|money valuable|a joke funny]?",
    "what is the origin of [language|laughter|the alphabet|money|superstition]?",
    "[fold|wash|iron] my [laundry|clothes|socks|dishes]",
    "[drive|carry|walk] me [home|to work|to the beach|upstairs]",
    "who [won|lost|started] the [war|election|race|battle|final] [of <country>|in 1950|last century]?",
    "[prove|explain|derive] [the pythagorean theorem|evolution|relativity|photosynthesis|how rainbows form]",
    # Words of the demo's tools, for what no tool does.
    "who [invented|built|made] the [clock|first clock|wristwatch|calculator|computer|battery|hourglass|notebook|metric system|egg timer]?",
    "[what is a good|show me a sensible|suggest a] folder structure [for a student|for photos|for a small company|]",
    "how do I [fold|cut|decorate|recycle] a [paper note|paper folder|letter|napkin|notebook]?",
    "[what is|explain] [time|memory|a unit|a folder|a timer|arithmetic|a battery|storage] [philosophically|in physics|in one sentence]",
    "why [does time fly|is time relative|do clocks turn right|do we have time zones|do days have 24 hours|do batteries age|is memory volatile]?",
    "[is|was] time travel [possible|ever invented|a real thing|dangerous]?",
    "who [discovered|named] [celsius|the kelvin scale|the meter|pi|zero|the kilogram|the mile]?",
    "what is the difference between [RAM and ROM|mass and weight|a watch and a clock|a file and a folder|speed and velocity|celsius and kelvin in theory]?",
    "[prove|explain why] [one is not zero|two is prime|division by zero is undefined|pi is irrational]",
    "what's the [history|origin] of [the mile|the hour|numbers|the calendar|note taking|batteries|the computer]?",
    "[who lives in|who founded|is it nice in|have you been to] <city>?",
    "[why do clocks|when do clocks] change [in spring|in autumn|in winter|] in <country>?",
    "are [old batteries|cheap chargers|power banks|broken clocks] [dangerous|allowed on planes|recyclable]?",
    "[how do I|how can I] [improve my memory|remember names|stop forgetting things|train my memory]?",
    "[I have|I've got] a [bad memory|good memory|terrible sense of time|habit of being late]",
    "[I lost|I found|somebody stole|I broke] my [watch|notebook|charger|folder|calculator|phone]",
    "[what time|when] does the [sun burn out|universe end|tooth fairy come|ice age start]?",
    "how [much|many] <food> [can a person eat|should I eat a day|fit in a car]?",
    "how long [does it take to|would I need to] [learn piano|write a book|get over a cold|walk on the moon|read <book>]?",
    "what [musical note|note on the piano] [comes after c|is the highest|is this]?",
    "[which bank note|what banknote|which bank notes] [is|was] the [rarest|biggest|oldest]?",
    "[how do I|how can I] [tune a guitar|read sheet music|write music notes|hold a pencil]?",
    "what is the meaning of [life|the number 42 in that book|my dream|friendship|happiness]?",
    "[who|what] [counts|adds up|matters most|makes the difference] in [life|politics|love|<sport>]?",
    "[what is in|what goes into|how is it made, the] [a hot dog|gunpowder|toothpaste|<food>]?",
    "[what's inside|what do they keep in] [an atom|a black hole|the white house|a camel's hump|a volcano]?",
    "[do you remember|will you remember] [me|my name|our last talk|my birthday]?",
    "[are you|do you feel] [alive|awake|tired|busy|charged|in a good mood] [today|]?",
)

# Requests that other tools would serve, but none of the demo's: for episodes that have no other tools.
BEYOND_THE_DEMO = (
    "[buy|sell|repair|fix] [me|] [a|my] [watch|battery|clock|hard drive|calculator|laptop|charger|kitchen scale]",
    "[where can I buy|what's the price of|which is the best] [a|] [watch|battery|external disk|alarm clock|notebook|calculator]?",
    "[delete|erase|remove|throw away] [all|] my notes [please|now|]",
    "[edit|change|correct|translate|print on paper|email] my [last|first|second] note [please|]",
    "[delete|move|rename|copy|zip|encrypt] the folder <topic> [please|]",
    "[create|make] a [new folder|new directory|subfolder] [for|about] <topic>",
    "[cancel|pause|stop|extend] [my|the|all] [timer|timers|alarm|countdown] [please|now|]",
    "[how many timers are running|which timer is mine|how long does the timer still run]?",
    "what [date|month|year|season] [is it|do we have] [today|now|]?",
    "what [does the word|does the term] [timer|note|folder|battery|memory|celsius] [mean|come from]?",
    "[translate|spell|pronounce] the word [time|note|folder|battery|minute|calculator] [in|into|for] [French|German|me]",
    "[teach me|how do I learn] [arithmetic|long division|mental math|to tell the time|note taking|speed reading]",
    "[what's the weather|will it snow|how hot will it be|is it raining] in <city> [tomorrow|today|this week|]?",
    "[how far|how big|how expensive|how safe|how old] is <city>?",
    "[who is the mayor of|how many people live in|what language do they speak in|what should I see in] <city>?",
    "[book|find|reserve] [a hotel|a flight|a table|an apartment|a taxi] in <city> [please|for tonight|]",
    "[recommend|suggest] a [note taking app|file manager|good watch|unit converter for my phone|calculator app]",
    "[replace|swap|upgrade] [my|the] [battery|RAM|memory|hard disk|screen] [for me|please|]",
    "[make|get] my [battery last longer|computer faster|laptop quieter|phone cooler]",
    "[how much|what] does a [liter of milk|meter of silk|gallon of gas|kilo of gold|laptop battery] cost?",
    "how [many minutes|many hours|long] should I [cook|boil|bake|fry] <food>?",
    "[call|text|email|message|invite] <person> [please|now|for me|today|]",
    "[play|sing|hum|skip] [a|the|another] [song|tune|lullaby|track] [please|for me|]",
    "[open|close|lock] the [door|window|garage|fridge|curtains] [please|]",
    "[turn|switch] [on|off] the [lights|heating|tv|radio|oven|alarm system] [please|]",
    "[take a photo|take a screenshot|record a video|scan my passport|print the page] [please|now|]",
    "[write|compose] a [love note|thank you note|farewell note|cover letter|sick note] [to|for] <person>",
    "[set|lay|decorate] the [table|dinner table|stage|table for two] [please|for four|]",
    "[set|break] a [world record|good example|trap for <animal>]",
    "[solve|fix] [my relationship problems|world hunger|climate change|my life|this crossword|the mystery of <book>]",
    "[convert|turn] [me|my brother|my friends] [to buddhism|into a frog|into a vegetarian|to the dark side]",
    "[change|switch] [my|the] [password|wallpaper|ringtone|language|channel|subject]",
    "[show|list|name] [me|] [all|some|the] [kings|presidents|provinces|rivers|famous people] of <country>",
    "[list|name] [three|five|a few] [kinds of|facts about] <animal>",
    "[is|are] my [friends|parents|neighbours|kids] [angry|at home|happy|coming] [today|tonight|]?",
    "[read|tell] me [the newspaper|a bedtime story|<book>|my horoscope|my future|my palm]",
    "[remember|forget] [our first date|the good old days|me|what happened in school]?",
)
