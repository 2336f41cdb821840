"""More ways to ask for the demo's tools, as patterns of `tiny_lam.phrasings`; written apart from the held-out ones."""

from __future__ import annotations

import random

_RNG = random.Random(20)


def _numbered(frames: str, count: int) -> tuple[str, ...]:
    """Each line of `frames` filled `count` times with numbers: ``add <a> and <b> -> <a> + <b>``."""
    texts = []
    for line in frames.strip().splitlines():
        for _ in range(count):
            said, meant = line.strip().split(" -> ")
            for slot in ("<a>", "<b>", "<c>"):
                number = str(_RNG.randint(2, 10 ** _RNG.choice((1, 2, 2, 3))))
                said, meant = said.replace(slot, number), meant.replace(slot, number)
            texts.append(f"{said}{{expression={meant}}}")
    return tuple(texts)


def _glued(frames: str, units: str, count: int, amount: str, unit: str) -> tuple[str, ...]:
    """Each line of `frames` with ``<x>`` for a number and a unit in one word: ``45min``, ``45-minute``."""
    texts = []
    for line in frames.strip().splitlines():
        for _ in range(count):
            said, meant = _RNG.choice(units.split()).split("=")
            number = _RNG.randint(1, _RNG.choice((12, 60, 120)))
            texts.append(f"{line.strip().replace('<x>', f'{number}{said}')}{{{amount}={number}}}{{{unit}={meant}}}")
    return tuple(texts)


MORE: dict[str, tuple[str, ...]] = {
    "get_time": (
        "[what's|what is|tell me|give me|show me|find out|check] the [time|current time|exact time] in {city} [now|right now|please|at the moment|today|]",
        "[what's|what is] the [time|hour] [like|] [in|over in|at|for] {city} [these days|right now|now|]?",
        "what time [is it|do they have|do we have|have people] in {city} [now|right now|currently|at present|]?",
        "what [time|hour] does [the clock|a clock|my phone] show [in|for] {city}?",
        "what's [{city} time|{city}'s time|the {city} time]?",
        "[the|] time [in|for|of|at] {city} [now|please|right now|]",
        "[current|local|exact] time [in|at|of] {city} [please|now|]",
        "{city} time [please|now|right now|]",
        "{city}, what time [is it|is it now|is it there|do they have]?",
        "{city} - [time|time now|what time|current time]?",
        "time zone [of|for] {city}, [what time|what is the time|which time]?",
        "[how late|how early] is it [now|right now|already|] in {city} [now|]?",
        "is it [night|day|evening|afternoon|noon|dark|late|early|midnight|daytime|already tomorrow|still yesterday|lunch time|dinner time|bedtime|already late] in {city} [now|right now|at the moment|yet|already|]?",
        "is it [already|still|] [morning|evening|night|Monday|Friday|the weekend] [over there|there|now|] in {city}?",
        "[are|will] people [awake|asleep|sleeping|up|at work|in bed] in {city} [now|right now|yet|at this time|]?",
        "[are|is] the [shops|banks|office|school|offices] [open|still open|closed] in {city} at this time?",
        "[my|our] [friend|brother|sister|aunt|son|daughter|boss|client|colleague|team|wife|husband|cousin|uncle|grandma] [is|lives|works|moved to|is staying] in {city}, what [time|hour] [is it there|does he have|do they have|is it for her|is it over there] [now|right now|]?",
        "I [have|got] a [call|meeting|video call|date|friend|client] [with someone|] in {city}, what time is it [there|for them|over there] [now|]?",
        "I [want|need|would like|have] to [call|phone|ring|text] [someone|a friend|my mother|my boss|a customer|people] in {city}, [is it too late|is it too early|what time is it there|how late is it there]?",
        "[can|could|should] I [still|already|] [call|phone|text|ring] [someone|my friend|people|my dad] in {city} [now|at this time|]?",
        "I['m| am] [flying|travelling|going|moving] to {city}, what['s| is] the time [there|over there] [now|]?",
        "I [just|] landed in {city}, what time is it [here|now|]?",
        "[do you know|can you see|could you check|can you find out|can you say] what time it is in {city}?",
        "[any idea|who knows] [what time it is|how late it is] in {city}?",
        "I [need|want|would like] [to know|] the [time|current time|hour] in {city}",
        "I [need|want] to know [what time it is|how late it is] in {city}",
        "[let me know|find|get|look up|fetch|read me|say|show] the [time|hour|current time|local time] [in|for|of] {city}",
        "[look|check] [at|] the [clock|clocks|time] in {city} [for me|]",
        "what [do|would] the clocks [say|show] in {city}?",
        "[if|when] it is [noon|3 pm|midnight|now] here, what time is it in {city}?",
        "[set|adjust|change] my watch to {city} time, what [is it|time is it]?",
        "[I'm meeting|we are calling|someone writes from] {city}, [time|the time|current time] there?",
        "[and|so|then|now] what about the [time|hour] in {city}?",
        "how many hours [ahead|behind] is {city}, what time is it there?",
        "[what is|give me] the [date and time|time of day|day and hour] in {city}",
        "[what|which] [part|time] of [the|] day is it in {city}?",
        "did the [sun|day] [go down|start|end] in {city} yet, what time is it?",
        "when I call {city} now, [how late|what time] is it there?",
        "[have|did] they [had|have] [lunch|breakfast|dinner] in {city} [yet|already]? what time is it",
        "[hours|time] in {city}?",
    ),
    "convert_units": (
        "[convert|change|turn|transform|switch|translate] {value} {from_unit} [to|into|in] {to_unit} [for me|please|quickly|]",
        "[convert|change] [to|into] {to_unit} [from|:] {value} {from_unit}",
        "{value} {from_unit} [to|in|into|is how many|makes how many|would be how many] {to_unit} [please|]?",
        "{value} {from_unit}, [in|what is that in|how many|how much is that in|that in] {to_unit}?",
        "{value} {from_unit} [->|=>|=] {to_unit}",
        "how [many|much] {to_unit} [is|are|in|make|make up|are in|is in|does it take for|do you need for|are there in] {value} {from_unit} [exactly|about|roughly|]?",
        "how [much|many] [is|are|would be] {value} {from_unit} [in|as|when in] {to_unit} [exactly|about|]?",
        "[what's|what is|what are] {value} {from_unit} in {to_unit} [exactly|please|then|roughly|]?",
        "what [does|do|would] {value} {from_unit} [make|equal|come out to|give] in {to_unit}?",
        "[tell|show|give] me [what|how many|how much] {value} {from_unit} [is|are|would be] in {to_unit}",
        "[tell|show|give] me {value} {from_unit} in {to_unit} [please|]",
        "[tell me|say|find out|calculate|figure out|compute|work out] how many {to_unit} {value} {from_unit} [is|are|make|has|have]",
        "I [have|bought|need|got|measured|found|ordered] {value} {from_unit}, [what|how much|how many] is [that|it] in {to_unit}?",
        "I [weigh|ran|walked|drove|drank|lost|gained|use|lifted|cycled] {value} {from_unit}, [how much|how many|what] [is that|would that be] in {to_unit}?",
        "[it|the box|the table|my bag|the car|the room|the fish|the bottle|the baby|my dog] [is|weighs|measures|holds] {value} {from_unit}, [what is that|how much is that|how many is that] in {to_unit}?",
        "[the|my] [recipe|map|scale|car|oven|weather report|book|package|doctor|video|box] [says|shows|needs|gives] {value} {from_unit}, [convert that|what's that|tell me that|I want that] [to|in] {to_unit}",
        "[my|the] [trip|run|walk|flight|film|race|way] [is|was|took|takes] {value} {from_unit}, [so|] how many {to_unit} [is that|was that]?",
        "if [it's|it is|I have|I drive|I run|you have|we have] {value} {from_unit}, [how many|what is it in|how much is it in] {to_unit}?",
        "it [is|was|gets|feels like] {value} {from_unit} [outside|today|here|], what is that in {to_unit}?",
        "I [need|want|would like] {value} {from_unit} [in|as|to be in|converted into|changed to] {to_unit} [please|]",
        "I [don't|do not] [understand|know|use] {from_unit}, [what are|how much are|give me] {value} {from_unit} in {to_unit}",
        "[can|could] you [convert|change|give me|tell me|say] {value} {from_unit} [in|to|into] {to_unit}?",
        "[do you know|do you happen to know|can you work out|can you see] how many {to_unit} [are in|make|there are in] {value} {from_unit}?",
        "[help me|let's|please] [convert|turn|change] {value} {from_unit} [to|into] {to_unit}",
        "[we|they|people] [say|use|have] {value} {from_unit}, how much is [that|it] in {to_unit}?",
        "[is|are] {value} {from_unit} [much|a lot|many|heavy|far|long|hot|cold] in {to_unit}?",
        "[conversion|converter|unit converter|units]: {value} {from_unit} [to|in|into] {to_unit}",
        "in {to_unit}[,|] [how much|how many|what] [is|are] {value} {from_unit}?",
        "from {from_unit} to {to_unit}[:|,] {value} [please|]",
        "{from_unit} to {to_unit}[:|,] {value}",
        "{value} in {from_unit}, [now|and] in {to_unit} [please|]?",
        "[the|] value of {value} {from_unit} in {to_unit}",
        "[quick|another|next|one more] conversion[:|,] {value} {from_unit} [to|in] {to_unit}",
        "how [long|far|heavy|hot|big|tall|fast] is {value} {from_unit} [in|if I use] {to_unit}?",
        *_glued(
            """convert <x> to {to_unit}
            <x> to {to_unit}
            <x> in {to_unit}
            how many {to_unit} is <x>?
            what's <x> in {to_unit}
            how much is <x> in {to_unit}?
            I need <x> in {to_unit}""",
            "km=km kg=kg g=g lb=lb m=m cm=cm mm=mm ml=ml mi=mi ft=ft oz=oz",
            5,
            "value",
            "from_unit",
        ),
        "how many {to_unit} [are|are there] in [a|one] [pound{value=1}{from_unit=pound}|mile{value=1}{from_unit=mile}|cup{value=1}{from_unit=cup}|liter{value=1}{from_unit=liter}|pint{value=1}{from_unit=pint}|yard{value=1}{from_unit=yard}]",
        "[convert|what is] [one|a] [foot{value=1}{from_unit=foot}|meter{value=1}{from_unit=meter}|kilogram{value=1}{from_unit=kilogram}|kilometer{value=1}{from_unit=kilometer}|week{value=1}{from_unit=week}|ton{value=1}{from_unit=ton}] in {to_unit}",
        "[convert|how much is|what is] {value} degrees {from_unit} [to|in] {to_unit}",
        "{value} degrees {from_unit} in {to_unit} [please|]",
    ),
    "calculate": (
        "[what's|what is|how much is|how much makes|what makes|what would be] {expression} [exactly|then|again|please|now|altogether|]?",
        "[calculate|compute|work out|solve|evaluate|figure out|count|find] {expression} [please|for me|quickly|now|]",
        "[can|could] you [calculate|compute|work out|solve|do|tell me|add up] {expression} [for me|]?",
        "[tell|show|give] me [the result of|the answer to|the value of|what you get for|] {expression} [please|]",
        "[tell|show] me [what|how much] {expression} [is|makes|gives|equals]",
        "{expression}",
        "{expression} [=|= ?|equals|is|makes|please|is what|is how much|gives|?]",
        "[the|] [result|answer|value|solution|total] [of|for|to] {expression} [please|]?",
        "[I need|I want|I'd like] [to know|] [the result of|the answer to|what is|] {expression}",
        "I [have to|must|need to|want to] [calculate|compute|work out|solve|do] {expression}",
        "[do|run|make] [this|the|a] [calculation|sum|computation] [for me|]: {expression}",
        "[math|maths|arithmetic|calculation|sum|problem|question|exercise]: {expression} [=|?|]",
        "[use|open|take] [the|your|a] calculator[:|,|and do] {expression}",
        "[how|what] [do you|would you|can you] [get|say] for {expression}?",
        "[my|the|our] [teacher|homework|daughter|boss|friend|test|quiz|book] [asks|wants to know|says]: {expression}",
        "[I|we] [bought|sold|counted|ordered] {expression} [things|pieces|apples|boxes], how many is that?",
        "[if I|when I|when you|if you] [calculate|compute|take|do|have] {expression}, what [is it|do I get|comes out|is the result]?",
        "[is|are] {expression} [more|less] than [100|50|1000|10]?",
        "[quick|easy|hard|simple] [one|question|math|sum|calculation][:|,] {expression} [?|]",
        "[what|which] number is {expression}?",
        "[what|how much] [do I|do we|will I] [get|have|pay|owe] [with|if it's|for] {expression}?",
        "[please|] [help me|help] [with|calculate|solve|compute|do] {expression}",
        "[so|and|then|now|ok] {expression} [is|makes|equals|gives] [what|how much]?",
        "[do you know|can you say|any clue|tell me] [what|how much] {expression} [is|makes|equals]?",
        "[without|no] calculator here, what is {expression}?",
        "[check|verify|double-check] [this|] {expression} [for me|]",
        *_numbered(
            """add <a> and <b> -> <a> + <b>
            add <a> to <b> -> <a> + <b>
            add up <a> and <b> -> <a> + <b>
            add together <a> and <b> -> <a> + <b>
            add <a>, <b> and <c> -> <a> + <b> + <c>
            sum <a> and <b> -> <a> + <b>
            subtract <a> from <b> -> <b> - <a>
            take <a> from <b> -> <b> - <a>
            take <a> away from <b> -> <b> - <a>
            multiply <a> by <b> -> <a> * <b>
            multiply <a> and <b> -> <a> * <b>
            multiply <a> with <b> -> <a> * <b>
            divide <a> by <b> -> <a> / <b>
            split <a> by <b> -> <a> / <b>
            square <a> -> <a> ** 2
            double <a> -> <a> * 2
            triple <a> -> <a> * 3
            halve <a> -> <a> / 2
            what do you get if you add <a> and <b>? -> <a> + <b>
            what do I get if I multiply <a> by <b>? -> <a> * <b>
            what happens when you divide <a> by <b>? -> <a> / <b>
            how much is left when I take <a> from <b>? -> <b> - <a>
            what's left if I subtract <a> from <b> -> <b> - <a>
            how often does <a> go into <b>? -> <b> / <a>
            how many times does <a> fit into <b>? -> <b> / <a>
            <a> people pay <b> each, how much is that? -> <a> * <b>
            I have <a> and get <b> more, how many do I have? -> <a> + <b>
            I had <a> and spent <b>, what is left? -> <a> - <b>
            <a> boxes with <b> each, how many is that? -> <a> * <b>
            share <a> among <b> people -> <a> / <b>
            what is <a> percent of <b>? -> <a> / 100 * <b>
            how much is <a>% of <b> -> <a> / 100 * <b>
            take <a> percent of <b> -> <a> / 100 * <b>
            find <a>% of <b> -> <a> / 100 * <b>
            square root of <a> -> sqrt(<a>)
            what's the root of <a>? -> sqrt(<a>)
            <a> to the power of <b> -> <a> ** <b>
            what is the sum of <a>, <b> and <c>? -> <a> + <b> + <c>
            what is <a> + <b> + <c>? -> <a> + <b> + <c>
            what is <a> times <b> plus <c>? -> <a> * <b> + <c>
            compute (<a> + <b>) * <c> -> (<a> + <b>) * <c>
            what is (<a> - <b>) / <c>? -> (<a> - <b>) / <c>""",
            3,
        ),
    ),
    "get_status": (
        "[how's|how is|what's|what is] [my|the|this computer's|this laptop's|our] {resource} [doing|now|right now|today|like|looking|]?",
        "[check|show|report|see|get|display|read|monitor] [my|the|me the|this device's|] {resource} [please|now|quickly|for me|status|state|]",
        "[can|could] you [check|show me|look at|tell me] [my|the] {resource} [status|state|]?",
        "[tell|show|give] me [my|the|the current|the latest] {resource} [status|state|info|details|situation|]",
        "[what's|what is] the [state|condition|status|level] of [my|the] {resource} [now|right now|]?",
        "[{resource}|my {resource}|the {resource}|device {resource}|computer {resource}]",
        "{resource} [status|state|info|check|report|please|now|level|details|?]",
        "[is|are] [my|the] {resource} [ok|okay|fine|alright|good|bad|critical|normal] [now|today|right now|]?",
        "[is there|do I have] [a problem|an issue|anything wrong|something wrong] with [my|the] {resource}?",
        "[do|should] I [need to|have to|] [worry|care|think] about [my|the] {resource}?",
        "I [need|want|would like] to [know|see|check] [my|the|how my] {resource} [is|status|state|]",
        "[look|have a look|take a look] [at|into] [my|the] {resource} [please|for me|]",
        "[my|the] {resource}[,|:] how [is it|does it look|good is it|bad is it]?",
        "[status|state|condition|report] of [my|the|this machine's] {resource} [please|]",
        "how [much|many gigabytes of|many GB of] [memory|RAM] [is|are|do I have|have I] [free|left|used|available|in use|taken|still free] [now|right now|on this machine|on this laptop|here|]?{resource=memory}",
        "[is|is there] [enough|much|any|a lot of|too little] [memory|RAM] [left|free|available|to run a game|for another app|for the editor|here]?{resource=memory}",
        "[do I have|have I got|is there] [enough|any|plenty of|much] [RAM|memory] [left|free|for a video call|to open more windows|]?{resource=memory}",
        "[my|the|this] [computer|laptop|machine|PC|system] is [slow|hanging|freezing|stuck|sluggish], [check|how is|look at] the [memory|RAM]{resource=memory}",
        "[which|what] [share|part|percentage] of [the|my] [RAM|memory] is [used|free|taken]?{resource=memory}",
        "[are|is] [the|my] [programs|browser|apps] [eating|using|filling] [all|too much of] [the|my] [memory|RAM]?{resource=memory}",
        "[RAM|memory] [left|free|used|usage|available]?{resource=memory}",
        "how [much|many gigabytes of] [disk space|storage|space|room|hard drive space|disk] [is|do I have|have I|is still] [left|free|available|used] [now|here|on this laptop|on the computer|]?{resource=disk}",
        "[is|is there] [enough|any|much|still] [space|room|storage|disk space] [left|free|available] [on this computer|on my laptop|on the drive|for a film|for updates|for a backup|here|]?{resource=disk}",
        "[do I have|have I got|have we got] [enough|any|plenty of] [space|storage|disk space|room] [left|free|for more photos|for a new game|for this download|]?{resource=disk}",
        "is [my|the] [disk|drive|hard disk|SSD|storage] [full|almost full|nearly full|running out|filling up]?{resource=disk}",
        "[can|could] I [store|keep|put|save|fit] [more|another|a big|some more] [files|file|movies|video|photos|backup] [on this machine|here|on the disk|]?{resource=disk}",
        "I [want|need] to [save|install|copy|store] [something big|a large file|a lot of photos|a game|an update], [is there room|is there enough space|will it fit]?{resource=disk}",
        "[how|what] [big|size] is [the|my] [disk|drive|hard drive|SSD]?{resource=disk}",
        "[disk|storage|drive|space] [left|free|used|usage|available|check]?{resource=disk}",
        "will I run out of [space|storage|disk space] soon?{resource=disk}",
        "how [much|many percent] [battery|charge|power|juice] [is|do I have|have I got|is still] [left|remaining] [now|on this laptop|on my phone|here|]?{resource=battery}",
        "[is it|is the laptop|is my computer|is the battery] [charged|charging|full|empty|plugged in|running low|almost dead|on battery] [now|yet|already|right now|]?{resource=battery}",
        "[do|should|must] I [need to|have to|] [charge|recharge|plug in|connect] [the laptop|my computer|this device|the charger|it] [now|soon|tonight|]?{resource=battery}",
        "[will|does] [my|the] [battery|laptop|computer|device] [last|survive|hold|stay on] [the flight|two more hours|until tonight|much longer|the whole meeting]?{resource=battery}",
        "[I'm|I am] [on the train|in a cafe|in bed|travelling|outside], how [much|long] [battery|charge|power] do I have [left|]?{resource=battery}",
        "[what|how many] percent [is|does] [the|my] battery [at|have|show|on]?{resource=battery}",
        "[battery|charge|power] [left|level|percentage|remaining|check|percent]?{resource=battery}",
        "[how|is] [long|much time] [until|before] [the|my] battery [dies|is empty|runs out]?{resource=battery}",
        "[did|has] [the|my] [laptop|battery|computer] [finish|finished|stop|stopped] charging?{resource=battery}",
    ),
    "list_folder": (
        "[what's|what is|which files are|what files are|what documents are|what do I have|what do we have] [in|inside|under] [my|the|] {path} [folder|directory|] [now|right now|]?",
        "[list|show|display|print|give me|get|see|view] [all|the|all the|my|] [files|documents|contents|things|items|content] [in|of|inside|from|under] [my|the|] {path} [folder|directory|please|]",
        "[list|show|show me|display|open] [my|the|] {path} [folder|directory|contents|please|]",
        "[list|show me|give me|tell me] everything [in|inside|that is in|you have in|from] [my|] {path} [folder|please|]",
        "[tell|show] me [what|which files|what files] [I have|is|are|there are|I saved] in [my|the|] {path} [folder|]",
        "[can|could] you [list|show me|look at|check|open] [the files in|what's in|what is inside|] {path}?",
        "[files|documents|contents|content|stuff] [in|of|inside] [my|the|] {path} [folder|please|]",
        "{path} [files|folder|directory|content|folder content|please|listing]",
        "[is|are] there [any|some|many|no] [files|documents|pictures|things|folders] in [my|] {path} [folder|]?",
        "[do|did] I [have|keep|put|save|leave] [anything|something|files|pictures|any documents] in [my|the|] {path} [folder|directory|]?",
        "[is|is my|is the] {path} [folder|] [empty|full|still empty]?",
        "how many [files|documents|things|items|pictures] [are in|do I have in|are there in|sit in] [my|] {path} [folder|]?",
        "[look|check|search] [in|into|inside|through] [my|the|] {path} [folder|directory|] [for me|please|and tell me what's there|and list the files|]",
        "[go|switch|change|move] to {path} and [show|list|tell me] [the files|what's there|everything|what you find]",
        "[I want|I need|I'd like] to [see|know|check] [what's|what is|which files are|the files|the contents|everything] in [my|] {path} [folder|]",
        "[where|which folder] is my file? [list|show|check] {path}",
        "[I|we] [saved|put|downloaded|stored|copied] [a file|something|the report|some photos] [in|to|into] {path}, [show me the files|list it|what's in there|is it there]?",
        "[I'm|I am] looking for a [file|document|photo|picture], [list|check|show me|what's in] {path}",
        "[what|which] [pictures|songs|movies|documents|things|files|programs] [are|do I have|did I save] in {path}?",
        "[read|scan|view|see] the [folder|directory] {path}",
        "[the|] [contents|files|content] of [my|the|] {path} [folder|directory|] please",
        "[open|enter] [my|the|] {path} [folder|directory|] [please|and list it|and show the content|]",
        "[what|anything] [is|new|interesting] in [my|the|] {path} [folder|]?",
        "[ls|dir|ll|ls -a] {path}",
        "[show|list|print] [the|] [current|this] [folder|directory|dir]{path=.}",
        "[what|which] [files|documents|things] [are|do I have|do we have] [here|in this folder|in this directory|in the current folder]?{path=.}",
        "[show|list|give] me [the|all|my|] files [here|in this folder|of the current folder|around here]{path=.}",
        "[show|list|check|open] [the|my] home [folder|directory] [please|for me|]{path=~}",
        "[what's|what is|which files are] in [the|my] home [folder|directory]?{path=~}",
        "[show|list|open] [the|] root [folder|directory]{path=/}",
        "[what's|show me what's|list what's] [one folder up|in the folder above]{path=..}",
    ),
    "set_timer": (
        "[set|start|make|create|run|give me|put on|launch] [a|the|me a|another|a new|one] [timer|countdown|alarm] [for|of|to|with] {amount} {unit} [please|now|]",
        "[set|start] [the|a|my] [timer|alarm|countdown] [to|for|at] {amount} {unit} [from now|please|]",
        "[set|start|make|give me|I need|I want|I'd like] [a|an] {amount} [minute|min|minutes] [timer|countdown|alarm] [please|now|]{unit=minutes}",
        "[set|start|make|give me|I need|I want|I'd like] [a|an] {amount}[ second|-second| sec] [timer|countdown|alarm] [please|now|]{unit=seconds}",
        "[set|start|make|give me|I need|I want|I'd like] [a|an] {amount}[ hour|-hour| hr] [timer|countdown|alarm] [please|now|]{unit=hours}",
        "[can|could] you [set|start] [a|the] {amount} [minute|min] [timer|alarm] [for me|]?{unit=minutes}",
        "[can|could] [you|I] [set|start|have|get] [a|the] timer [for|of] {amount} {unit}?",
        "[timer|countdown|alarm][:|,| for| of|] {amount} {unit} [please|starting now|from now|now|]",
        "{amount} {unit} [timer|countdown|alarm|on the timer] [please|now|go|]",
        "[wake|get] me up [in|after] {amount} {unit} [please|]",
        "[wake|ping|alert|notify|beep at|call|signal|alarm|warn|ring] me [in|after] {amount} {unit} [please|]",
        "[wake|ping|alert|notify|warn] me when {amount} {unit} [are over|have passed|are up|are done|are through]",
        "[remind|tell] me [in|after] {amount} {unit} [please|]",
        "[let me know|tell me|say something|give me a sign|make a noise|play a sound|beep|ring] [in|after|when it's been] {amount} {unit} [please|]",
        "in {amount} {unit} [wake me up|wake me|ping me|beep|ring|alert me|tell me|remind me|give me a sign] [please|]",
        "after {amount} {unit} [wake me|ping me|beep|ring|alert me|tell me|remind me|make a noise]",
        "[I|we] [need|have|want|get] {amount} {unit}, [start|set] [the|a] [timer|countdown|clock]",
        "[I'm|I am] [taking a nap|going to sleep|making tea|baking|boiling eggs|doing laundry|having a break|working out|meditating|cooking], [timer|set a timer|wake me|ping me|alarm] [for|in|of] {amount} {unit}",
        "[the|my] [cake|bread|tea|soup|rice|pizza|washing machine|egg|chicken|dough|bath] [needs|takes|is done in|is ready in] {amount} {unit}, [set|start] a timer",
        "count [down|] {amount} {unit} [for me|please|starting now|]",
        "[measure|count|time] {amount} {unit} [for me|please|]",
        "[start|begin] [counting|the countdown|the clock|timing][:| for| of|,] {amount} {unit}",
        "[don't|do not] let me [sleep|work|play|read|talk] [more|over] than {amount} {unit}, set an alarm",
        "[I|we] [must|have to|should|want to] [leave|go|stop|be ready|check the oven|call back] in {amount} {unit}, [set a timer|remind me|ping me|let me know]",
        "remind me [about|of|to check] [the|my] {label} in {amount} {unit} [please|]",
        "remind me in {amount} {unit} [about|of|to check|to look at] [the|my] {label}",
        "in {amount} {unit}[,|] remind me [about|of] [the|my] {label}",
        "[wake|ping|alert|notify] me [about|for] [the|my] {label} in {amount} {unit}",
        "[set|start|make|create] [a|the] {label} [timer|countdown|alarm] [for|of|with] {amount} {unit} [please|]",
        "[set|start|make|create] [a|the] [timer|countdown|alarm] [for|of] {amount} {unit} [for|named|called|labelled] [the {label}|my {label}|{label}]",
        "{amount} {unit} [timer|countdown] for [the|my|] {label}",
        "{label}[:|,] {amount} {unit} [timer|please|]",
        "[the|my] {label} [needs|takes|will take|wants] {amount} {unit}, [set a timer|start a timer|remind me|time it]",
        "[timer|countdown] for [the|my|] {label}[,| of| with|:] {amount} {unit}",
        "[I|we] have [a|the] {label} in {amount} {unit}, [remind me|set a timer|alert me]",
        "[set|start|give me] [a|the] timer for [an hour{amount=1}{unit=hours}|half an hour{amount=30}{unit=minutes}|a minute{amount=1}{unit=minutes}|a quarter of an hour{amount=15}{unit=minutes}|one and a half hours{amount=90}{unit=minutes}|two minutes{amount=2}{unit=minutes}|half a minute{amount=30}{unit=seconds}]",
        "[wake|ping|remind|alert] me in [an hour{amount=1}{unit=hours}|half an hour{amount=30}{unit=minutes}|a minute{amount=1}{unit=minutes}|a quarter of an hour{amount=15}{unit=minutes}|one hour{amount=1}{unit=hours}|thirty minutes{amount=30}{unit=minutes}|an hour and a half{amount=90}{unit=minutes}]",
        *_glued(
            """set a <x> timer
            timer <x>
            <x> timer
            start a timer for <x>
            wake me in <x>
            ping me in <x>
            countdown <x>""",
            "min=minutes s=seconds h=hours m=minutes sec=seconds mins=minutes -minute=minutes -second=seconds",
            4,
            "amount",
            "unit",
        ),
    ),
    "add_note": (
        "[note|note down|write|write down|jot down|save|store|record|put down|take down][:|] {text} [please|]",
        "[make|take|add|create|write|save|leave|store|start|keep] [a|a new|another|one|me a] note[:|,| that| saying| that says| with| reading| which says] {text}",
        "[can|could] you [note|write down|remember|save|make a note of|take down] [that|:|this:|] {text}?",
        "[remember|keep in mind|don't forget|never forget] that {text}",
        "[remember|keep|don't forget|do not forget][:| this:] {text}",
        "remember [that|] {text} [for me|]",
        "[note|write down|write|save|record|jot down] that {text} [please|]",
        "[make|take] a note [that|of the fact that|to|about] {text}",
        "[make|take|write] [me|] a note [to|to self:|to myself:|for later:] {text}",
        "[note|reminder] [to|for] [self|myself|me][:|,] {text}",
        "[add|put|save|write|store|enter|insert|include] [this|the following|this one] [in|into|to] [my|the] notes[:|,] {text}",
        "[add|put|save|write|store|enter|insert] {text} [in|into|to|on] [my|the] [notes|note file|notes file|notebook|list of notes] [please|]",
        "[add|put|save|write|store|enter] '{text}' [in|into|to] [my|the] notes",
        "[in|into|to] [my|the] [notes|notebook|notes file][:|,|, add|, write|, put] {text}",
        "[new|another|next|one more|a] note[:|,| -| saying|] {text}",
        "[my|the] [new|next|] note [is|says|should say][:|] {text}",
        "note [that|this:|-|for later:] {text}",
        "[I|we] [want|need|would like] [to|you to] [note|write down|remember|save|record][:| that|] {text}",
        "[I|we] [must|should|have to|need to|mustn't] [remember|not forget][:| that|] {text}, [note it|write it down|save it|make a note]",
        "[don't|do not] let me forget[:| that|] {text}",
        "[help|let] me remember[:| that|] {text}",
        "{text}[,| -|:] [note that|write it down|save that|remember this|make a note|put it in my notes|keep that|note this down|save this as a note]",
        "[here|this] is [something to remember|a note for you|what I want to note|something important][:|,] {text}",
        "[so|ok|listen], [note|write|save|remember] this[:| down:] {text}",
        "[I have|I've got] [an idea|a thought|something], [write it down|note it|save it][:|] {text}",
        "[save|keep|store] [this|the] [thought|idea|info|information|sentence|text][:|] {text}",
        "for [later|tomorrow|next time|the record], [note|remember|write down][:|] {text}",
    ),
    "read_notes": (
        "[read|show|list|open|display|print|get|tell|give|see|check] [me|] [all|all of|] my notes [please|now|again|out loud|back to me|for me|]",
        "[read|show|list|open|display|print] [all|the|all the|every one of the] [saved|stored|] notes [please|again|I made|I have|I took|]",
        "[what's|what is|what do I have|what did I put|what did I save|what have I got|what have I written] in [my|the] [notes|notes file|notebook] [again|now|so far|]?",
        "what did I [write|note|jot|put|take] [down|] [in my notes|earlier|yesterday|last time|before|again|so far|today|]?",
        "what [have I|did I] [noted|written down|write down|saved as notes|asked you to remember|tell you to remember] [so far|until now|]?",
        "what [notes|kind of notes] [are there|do I have|did I make|have I taken|did I leave] [now|so far|]?",
        "which notes [are there|did I make|have I saved|did I write|are stored] [so far|]?",
        "[do|did] I [have|make|write|save|leave|take] [any|some] notes [yesterday|today|so far|for today|]?",
        "[are|were] there [any|some|new] notes [for me|saved|left|here|]?",
        "[is|was] there [something|anything] [in|on] my [notes|notebook|list of notes]?",
        "how many notes [are there|have I got|did I save|are saved]?",
        "[my|the|all|all my|all the|every|your] [notes|saved notes|written notes] [please|again|]",
        "[can|could|may] [you|I] [read|see|show me|hear|have|list|tell me] my notes [again|please|now|]?",
        "[I|we] [want|need|would like|have] to [see|read|check|hear|know] [my|all my|the|what's in my] notes [again|]",
        "[let me|I'd like to] [see|hear|read|have] [my|all my|the|what's in my] notes [again|]",
        "[I forgot|I can't remember|I don't know anymore|remind me] what I [wrote|noted|saved|put in my notes|wrote down]",
        "[tell|show] me what I [wrote|noted|saved|wrote down|have noted|asked you to keep|told you to remember]",
        "[look|go|see] [into|in|through|at] [my|the] notes [for me|please|]",
        "[what|anything] did I [want|have] to [remember|keep in mind|not forget]?",
        "[notes|notes please|my notes?|notes?|show notes|read notes|list notes|open notes|get notes|see notes]",
        "[what|tell me what] do the notes [say|contain]?",
        "[what was|what were] my [notes|last notes|notes about] [again|]?",
        "[read|show] [back|] what [you|I] [saved|wrote down|noted] [for me|earlier|]",
    ),
}
