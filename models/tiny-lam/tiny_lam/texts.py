"""Short texts as people note, send, plan and search them, composed anew each time; only training draws them.

A model that copies texts has to find where they begin and end. Pools of thirty notes teach it these thirty, and words
in any order teach it nothing about how a note goes on. ``<kind>`` stands for a value, ``<n>`` for a small number and
``<code>`` for digits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tiny_lam.brackets import resolve

Draw = Callable[[str], str]
"""Draws a value of a kind."""

_FILLED = re.compile(r"<(\w+)>")


def compose(kind: str, rng: random.Random, draw: Draw) -> str:
    """Compose a text of a kind in `PATTERNS`."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "n":
            return str(rng.randint(2, rng.choice((9, 40, 900))))
        if match[1] == "code":
            return str(rng.randint(10, rng.choice((99, 9999, 999999))))
        return rng.choice(_FAMILIES) if match[1] == "family" else draw(match[1])

    return _FILLED.sub(fill, resolve(rng.choice(PATTERNS[kind]), rng))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n    ", "").strip().split("|"))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


_TASKS = _lines("""
    [buy|get|order|pick up|return] [more|some|two|] <item> [and <item>|for <person>|from the store|]
    [buy|order|find] a [new|used|cheap|better|] <product> [for <person>|for the <room>|online|]
    [call|text|email|ask|thank|visit|invite|pay] <person> [back|again|on <weekday>|about the <item>|about <topic>|]
    [clean|tidy up|paint|measure|air|lock] the <room> [before <time>|again|]
    [fix|repair|replace|check|turn off|descale|sell|move] the <device> [in the <room>|]
    [send|sign|print|scan|shred|review|upload] [the|my|both|all] [report|contract|form|photos|letters|invoices|slides]
    [book|cancel|confirm|move] the [hotel|flight|table|court|appointment|trip to <city>]
    [read|write|finish|start] [chapter <n>|the essay|my diary|page <n>|the <subject> homework|part <n> of <book>]
    [take|pick up|refill] [the|my|] <medicine> [at <time>|after dinner|twice a day|]
    [feed|walk|wash|groom|pick up] the [cat|dog|<animal>|rabbit] [at <time>|]
    [cook|make|bake|try|freeze] [the|some|] <food> [for <n> people|tonight|with <ingredient>|]
    practice [piano|<language>|<exercise>|the speech|<song>] [for <n> minutes|every day|]
    meet <person> [at <place>|at <time>|for lunch|on <weekday>] [to talk about <topic>|]
    [back up|charge|update|reset|find] [my|the] [phone|laptop|tablet|router|camera|passwords]
    [renew|look for|copy|hide] [my|the] [passport|license|visa|insurance card|spare key]
    [water|plant|cut|trim] the [plants|roses|hedge|tomatoes|grass] [on <weekday>|]
""")
_FACTS = _lines("""
    the [wifi|door|gate|alarm|bike lock|safe|garage|card|voicemail] [code|password|pin] is [<code>|<word>|<code><word>]
    <person>'s [birthday|number|address|room|size|flight|train] is [<date>|<code>|<n>|at <time>]
    my [car|bike|desk|seat|locker|parking spot|shoe size|boarding gate] is [<n>|<id>|number <n>|on level <n>]
    [flight|train|bus|order|invoice|ticket|case] <id> [at <time>|from <city>|to <city>|is paid|is late]
    [we are|I am|they are] [out of|low on] <item> [and <item>|again|]
    <person> [likes|hates|wants|needs|brings|has] [the <product>|<item>|<food>|<color>|a <product>|<n> tickets]
    <person> owes me <n> [dollars|euros|pounds|lunches]
    [I|<person>] [parked|put the keys|left the <product>|hid the gift] [at <place>|in the <room>|under the sofa]
    the [key|spare key|remote|passport|charger|list] is [in|behind|under|next to] the [<room>|<device>|drawer|blue box]
    <event> [on <date>|at <time>|with <person>|in the <room>|moved to <time>|is cancelled]
    idea: [a <genre> song|an app for <topic>|a book about <animal>|<color> curtains in the <room>]
    [rent|dinner|the <product>|the taxi] was <n> [dollars|euros|pounds|]
    the [doctor|teacher|plumber|landlord] [comes|calls|is here] [on <weekday>|at <time>|at <n>]
    [recipe|shopping|packing]: <item>, <item> [and <item>|, <item>]
    <n> [eggs|cups of flour|spoons of sugar|apples], <n> [lemons|onions|carrots], [salt|<item>]
""")
_MESSAGES = _lines("""
    I [am|will be] [late|early|there|home|busy|back] [at <time>|in <n> minutes|soon|by <time>|until <weekday>|]
    [see you|meet me|wait for me] [at <place>|at <time>|on <weekday>|in the <room>|there|outside]
    [can|could] you [bring|buy|get|find] [the|some|me] <item> [please|on your way|tonight|]
    [can|could] you call [me|<person>|the <company> office] [back|at <time>|tomorrow|]
    [are|will] you [free|in town|coming] [on <weekday>|at <time>|tonight|for <food>]
    [the|our|my] [train|flight|meeting|lesson|order|package] [is|was] [late|cancelled|moved to <time>|on time|at <place>]
    [thanks|thank you] for [the <product>|the <food>|your help|dinner|coming|everything] [, <person>|]
    [happy birthday|congratulations|good luck|get well soon|welcome home] [, <person>|to you both|]
    [please|] [send|show|give] me the [address|report|photos|code|recipe|numbers] [by <weekday>|again|of <place>|]
    [I|we] [need|want|have|found|sold|lost] [<n>|the|a|your] [tickets|<product>|keys|car|house] [now|for <event>|]
    [do not|don't] [forget|touch|sell|wait for|tell] [the <product>|<person>|the <item>|me]
    [where|how|when] [are you|is <person>|is the <event>|do we meet]
    [dinner|lunch|the <food>|the car|the <room>] is [ready|cold|free|full|at <time>]
    I [miss|love|saw|met|like|trust] [you|<person>|your <product>|the new <product>] [so much|today|a lot|]
    let us [go to <place>|meet at <time>|cook <food>|watch <movie>|talk on <weekday>]
    [yes|no|ok|maybe|sorry|sure], [I can|I can't|that works|not today|tomorrow is better|at <time> then]
""")
_PHRASES = _lines("""
    [where|when|how far|how old] is [the <place>|the next bus|your <product>|the museum|<place>]
    [I|we] [would like|want|need] [a|two|the|some] [coffee|beers|room|tickets|<food>|<product>] [please|]
    [do you|does <person>] [speak <language>|like <food>|have a <product>|live here|take cards]
    my [name|friend|brother|doctor|favorite food] is [<person>|<food>|here]
    [the|this|your] [soup|train|<product>|<food>|house|<animal>] is [too <word>|cold|late|beautiful|<color>|mine]
    I [do not|don't] [know|understand|eat <food>|drink|remember|have <item>]
    [good|have a nice] [morning|evening|day|trip|week] [<person>|]
    [we|they|she|he] [went|drove|moved|flew] [to <city>|home] [yesterday|last week|by train|]
    [one|two|three] [tickets|beers|rooms|coffees] [please|for <time>|to <city>]
    [open|close|hold|leave] the [door|window|book|<product>] [please|]
    it is [<time>|too late|my turn|not far|<condition>|very expensive]
    [is there|are there] [a <place>|a doctor|any <food>|a problem] [near here|today|]
""")
_TOPICS = _lines("""
    [the history of|the future of|facts about|life in|news on|the price of|a trip to] [<city>|<country>|<item>|<company>]
    <animal> [in <country>|and <animal>|at night|in winter]
    [<topic> and <topic>|<topic> in <country>|<sport> in <city>|<company> and <topic>]
    [modern|early|fast|cheap|wild|urban|medieval|local] [art|trains|cities|food|animals|music|ships|medicine|farming]
    [<subject> for children|learning <language>|how <device>s work|<food> recipes|<genre> music|<artist>|<sport> rules]
    <word> [and <word>|]
""")
_CITIES = _words("""
    Los Alamos|Santa Fe|San Jose|Las Vegas|Salt Lake City|New Orleans|St Louis|Kansas City|El Paso|Long Beach|
    Palo Alto|Santa Monica|San Antonio|Fort Worth|Baton Rouge|Grand Rapids|Ann Arbor|Panama City|Guatemala City|
    San Salvador|Santo Domingo|San Juan|Porto Alegre|Belo Horizonte|Punta Arenas|La Paz|Nova Scotia|Quebec City|
    Port Louis|Abu Dhabi|Kuala Lumpur|Ho Chi Minh City|Phnom Penh|New Delhi|Tel Aviv|Saint Petersburg|
    Nizhny Novgorod|Novi Sad|Banja Luka|Stara Zagora|Cluj Napoca|Frankfurt am Main|Bad Homburg|Baden Baden|Den Haag|
    Den Bosch|Aix en Provence|Le Havre|La Rochelle|San Sebastian|Las Palmas|Santa Cruz|La Spezia|Reggio Emilia|
    Ponta Delgada|Port Elizabeth|East London|Dar es Salaam|Addis|Gold Coast|Alice Springs|Palmerston North|Ottawa|
    Calgary|Halifax|Portland|Austin|Tampa|Orlando|Memphis|Nashville|Detroit|Omaha|Tucson|Boise|Quito|Caracas|
    Montevideo|Asuncion|Cusco|Recife|Salvador|Marseille|Bordeaux|Toulouse|Nantes|Strasbourg|Leipzig|Dresden|Bremen|
    Stuttgart|Nuremberg|Bonn|Mainz|Linz|Innsbruck|Bern|Lausanne|Lugano|Genoa|Bologna|Palermo|Verona|Pisa|Trieste|
    Bilbao|Granada|Malaga|Zaragoza|Braga|Coimbra|Faro|Ghent|Bruges|Antwerp|Utrecht|Rotterdam|Leiden|Odense|Malmo|
    Uppsala|Turku|Tampere|Espoo|Gdansk|Poznan|Wroclaw|Lodz|Brno|Ostrava|Split|Skopje|Tirana|Varna|Izmir|Ankara|
    Antalya|Yerevan|Baku|Tashkent|Almaty|Kabul|Pune|Chennai|Kolkata|Jaipur|Goa|Galle|Yangon|Vientiane|Cebu|Davao|
    Bali|Surabaya|Busan|Nagoya|Kobe|Nara|Hiroshima|Fukuoka|Shenzhen|Chengdu|Wuhan|Xian|Macau|Brisbane|Adelaide|
    Darwin|Hobart|Dunedin|Hamilton|Napier|Suva|Durban|Lusaka|Harare|Maputo|Luanda|Kampala|Abuja|Ibadan|Kumasi|
    Bamako|Algiers|Rabat|Fez|Luxor
""")
_PEOPLE = _words("""
    Abby|Agnes|Alan|Albert|Alex|Amy|Andrea|Andy|Angela|Anton|Arthur|Barbara|Bella|Bernd|Beth|Bill|Bob|Brian|Bruno|
    Carla|Carol|Charlie|Chris|Claire|Conrad|Daisy|Daniel|Diana|Diego|Dora|Edgar|Elena|Eli|Ella|Eric|Esther|Fiona|
    Florian|Frank|Fred|Gabriel|George|Gina|Greta|Gustav|Hannah|Harry|Heidi|Ian|Ida|Igor|Ingrid|Iris|Isabel|Jacob|
    Jan|Jane|Jasmine|Jeff|Jenny|Jim|Joanna|Joe|Jonas|Joseph|Judy|Karen|Karl|Katya|Kevin|Kim|Kurt|Lars|Leon|Lily|
    Linda|Lou|Lucy|Luis|Magda|Manuel|Marco|Martha|Martin|Mateo|Matt|Maya|Megan|Mike|Mona|Nathan|Nick|Nora|Olga|Otto|
    Pablo|Pat|Pedro|Phil|Quentin|Rachel|Ralph|Rita|Rob|Roman|Ron|Sally|Samuel|Sasha|Simon|Stella|Steve|Sue|Tara|Ted|
    Tess|Theo|Tina|Tony|Ursula|Vera|Victor|Vince|Walter|Wendy|Will|Xavier|Yara|Yusuf|Zara|grandma|grandpa|my sister|
    my brother|my wife|my husband|my manager|the landlord|the plumber|the office|Professor <family>|Doctor <family>|
    Mrs <family>|Mr <family>|<person> <family>
""")
_FAMILIES = _words("""
    Adams|Baker|Becker|Bell|Berg|Carter|Chan|Cohen|Cook|Costa|Cruz|Diaz|Evans|Fischer|Ford|Garcia|Gray|Gupta|Hall|
    Hansen|Harris|Hoffman|Ito|Jansen|Kim|King|Klein|Kumar|Lane|Lopez|Martin|Meyer|Mills|Moreau|Nguyen|Novak|Olsen|
    Park|Patel|Perez|Petrov|Price|Reed|Rossi|Santos|Sato|Schmidt|Shah|Singh|Suzuki|Tanaka|Torres|Wagner|Wood|Wright
""")

PATTERNS: dict[str, tuple[str, ...]] = {
    "note": _TASKS + _FACTS,
    "task": _TASKS,
    "message": _MESSAGES + _FACTS[:6],
    "phrase": _PHRASES + _MESSAGES[:4],
    "topic": _TOPICS,
    "city": _CITIES,
    "person": _PEOPLE,
}
