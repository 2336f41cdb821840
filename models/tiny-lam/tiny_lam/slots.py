"""Values that people put into requests: cities, names, dates, amounts, short texts.

Each kind has a pool of real values; open kinds (names, titles, places) also draw made-up words, so that a model must
copy what it reads instead of choosing what it knows. A tenth of every pool is kept out of training.
"""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable

from tiny_lam.arithmetic import WORD_NUMBERS, expression, more_expression

KINDS: dict[str, list[str]] = {}
OPEN_KINDS: set[str] = set()
VOCABULARY: list[str] = []  # filled by `use_vocabulary`


def _kind(name: str, values: str, *, made_up: bool = False) -> None:
    """Register a slot kind from a "|"-separated pool; `made_up` lets `draw` invent values too."""
    KINDS[name] = list(dict.fromkeys(v.strip() for v in values.replace("\n", " ").split("|") if v.strip()))
    if made_up:
        OPEN_KINDS.add(name)


_kind(
    "city",
    """Paris|London|Berlin|Tokyo|Madrid|Rome|Vienna|Oslo|Dublin|Lisbon|Athens|Prague|Warsaw|Helsinki|Stockholm|Zurich|
    Geneva|Brussels|Amsterdam|Copenhagen|Budapest|Istanbul|Cairo|Nairobi|Lagos|Accra|Casablanca|Tunis|Dubai|Mumbai|
    Delhi|Bangkok|Singapore|Hanoi|Manila|Jakarta|Seoul|Beijing|Shanghai|Hong Kong|Taipei|Sydney|Melbourne|Auckland|
    Perth|Toronto|Vancouver|Montreal|New York|Los Angeles|Chicago|Boston|Seattle|Denver|Dallas|Houston|Miami|Atlanta|
    Phoenix|San Francisco|San Diego|Mexico City|Bogota|Lima|Santiago|Buenos Aires|Rio de Janeiro|Sao Paulo|Havana|
    Munich|Hamburg|Cologne|Lyon|Nice|Porto|Seville|Valencia|Milan|Naples|Florence|Venice|Turin|Krakow|Riga|Tallinn|
    Vilnius|Sofia|Bucharest|Belgrade|Zagreb|Kyiv|Tbilisi|Osaka|Kyoto|Sapporo|Cape Town|Edinburgh|Glasgow|Manchester|
    Liverpool|Bristol|Leeds|Oxford|Cambridge|Cork|Bergen|Gothenburg|Aarhus|Basel|Graz|Salzburg|Honolulu|Anchorage|
    Reykjavik|Karachi|Lahore|Dhaka|Colombo|Kathmandu|Tehran|Baghdad|Riyadh|Doha|Muscat|Addis Ababa|Dakar|Kigali""",
    made_up=True,
)
_kind(
    "country",
    """France|Germany|Italy|Spain|Portugal|Norway|Sweden|Denmark|Finland|Poland|Greece|Turkey|Egypt|Kenya|Nigeria|
    Ghana|Morocco|India|China|Japan|Korea|Thailand|Vietnam|Indonesia|Australia|New Zealand|Canada|Mexico|Brazil|
    Argentina|Chile|Peru|Colombia|Cuba|Ireland|Iceland|Austria|Hungary|Croatia|Serbia|Ukraine|Nepal|South Africa|
    Switzerland|Belgium|Estonia|Malta|Cyprus|Oman|Qatar""",
)
_kind(
    "place",
    """Central Park|the train station|the airport|Grand Hotel|City Museum|Main Street|the harbour|the old town|
    Riverside Mall|Sunset Beach|the library|Victoria Square|the stadium|the town hall|Oak Hill School|the hospital|
    Green Lake|Market Square|the university|Blue Mountain|the post office|Kings Cross|Union Station|Harbor View|
    Lakeside Cafe|the opera house|Elm Street|Maple Avenue|the bus stop|North Gate""",
    made_up=True,
)
_kind(
    "address",
    """12 Baker Street|45 Elm Road|7 Station Lane|230 Main Street|18 Hill View|99 Park Avenue|3 Church Square|
    61 River Road|1400 Sunset Boulevard|27 Mill Lane|52 Garden Street|8 Harbour Road|315 Oak Avenue|74 Lake Drive|
    21 Castle Street|6 Windmill Way|110 Bridge Street|39 Forest Road|88 Market Street|5 Kings Road""",
)
_kind(
    "person",
    """Anna|Tom|Maria|John|Emma|Peter|Sara|Lucas|Nina|David|Julia|Omar|Lena|Max|Clara|Ivan|Sofia|Paul|Laura|Ben|
    Mia|Noah|Olivia|Liam|Ava|Ethan|Grace|Henry|Ruby|Jack|Chloe|Oscar|Alice|Hugo|Eva|Felix|Rosa|Leo|Zoe|Adam|Priya|
    Raj|Mei|Chen|Yuki|Kenji|Fatima|Ali|Amina|Kofi|Ana Silva|John Smith|Mary Jones|Peter Brown|Lisa Wong|Carlos Ruiz|
    Emily Clark|James Lee|Helen Fox|Mark Stone|Nadia Khan|Sam Green|Kate Moore|Dan Hill|mom|dad|my boss|
    Doctor Weber|Uncle Joe|Aunt May""",
    made_up=True,
)
_kind(
    "email",
    """anna@mail.com|tom.baker@work.org|sales@acme.com|info@museum.net|j.smith@office.com|maria@home.net|
    support@shop.com|hr@company.org|lena99@mail.com|boss@firm.com|team@project.io|kim@school.edu|help@bank.com|
    paul@garden.net|editor@paper.org|rosa@studio.com|dan@lab.edu|club@chess.org|office@clinic.com|nina@travel.net""",
)
_kind(
    "phone",
    """555-1234|555-0199|020 7946 0018|212-555-0147|+44 20 7946 0321|030 1234567|555-8765|415-555-0102|
    +1 303 555 0188|0171 5550123|555-4410|617-555-0123|+49 30 5550199|555-2368|808-555-0155""",
)
_kind(
    "date",
    """today|tomorrow|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|next Monday|next Tuesday|next Friday|
    this weekend|next week|2024-05-01|2025-12-24|2026-01-15|2026-03-08|2026-07-04|2027-10-31|May 3|June 12|July 20|
    March 15|April 1|August 9|October 31|December 24|January 5|September 18|February 14|November 11|
    the day after tomorrow|this Friday|this Saturday|next Sunday|3 May|12 June|24 December""",
)
_kind(
    "time",
    """7 am|8 am|9 am|10 am|11 am|noon|1 pm|2 pm|3 pm|4 pm|5 pm|6 pm|7 pm|8 pm|9 pm|10 pm|midnight|6:30|7:15|8:45|
    9:30|10:20|12:30|13:00|14:15|15:45|16:30|17:20|18:00|19:30|20:15|21:00|6:30 am|7:45 am|5:30 pm|8:15 pm|half past six""",
)
_kind(
    "weekday",
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
)
_kind(
    "month",
    "January|February|March|April|May|June|July|August|September|October|November|December",
)
_kind(
    "url",
    """https://example.com|https://news.org/today|www.cats.net|https://docs.site.io/start|https://shop.com/item/42|
    www.weather.gov|https://blog.dev/post|https://museum.org|www.recipes.com|https://maps.net/berlin|
    https://wiki.org/moon|https://data.io/table.csv|https://bank.com/login|www.trains.eu|https://school.edu/news""",
)
_kind(
    "file",
    """report.pdf|notes.txt|budget.xlsx|photo.jpg|data.csv|main.py|slides.pptx|letter.docx|song.mp3|video.mp4|
    backup.zip|index.html|readme.md|invoice_12.pdf|config.json|plan.txt|draft2.docx|log.txt|table.csv|logo.png|
    todo.md|results.json|cv.pdf|contract.pdf|map.png|thesis.pdf|script.sh|recipe.txt|holiday.jpg|tax_2025.pdf""",
    made_up=True,
)
_kind(
    "folder",
    """Downloads|Documents|Pictures|Music|Desktop|Videos|/tmp|/home|/etc|/var/log|/usr/lib|~/projects|~/Downloads|
    ~/Documents|work|photos|reports|src|data|/home/anna|/mnt/usb|backup|/opt|~/music|tests|holiday|invoices|.|/|~|
    /usr/bin|/var|~/Desktop|projects|games|books|/srv/data|~/notes|archive|/etc/ssh""",
    made_up=True,
)
_kind(
    "movie",
    """The Matrix|Titanic|Inception|Casablanca|Jaws|Alien|Up|Frozen|Gladiator|The Godfather|Toy Story|Avatar|Rocky|
    Psycho|Vertigo|Amelie|Arrival|Dune|Heat|Memento|Moana|Shrek|Speed|Gravity|The Lion King|Star Wars|Blade Runner|
    The Shining|Back to the Future|Spirited Away|Finding Nemo|Pulp Fiction|Fight Club""",
    made_up=True,
)
_kind(
    "book",
    """Dracula|Emma|Ulysses|Moby Dick|Hamlet|Dune|The Hobbit|War and Peace|Jane Eyre|Walden|Beloved|Frankenstein|
    Little Women|The Odyssey|Brave New World|Animal Farm|The Great Gatsby|Treasure Island|Don Quixote|The Trial|
    Middlemarch|Persuasion|Great Expectations|The Raven|Heidi|Peter Pan|The Stranger""",
    made_up=True,
)
_kind(
    "song",
    """Yesterday|Imagine|Hey Jude|Thriller|Hello|Africa|Dancing Queen|Bohemian Rhapsody|Hallelujah|Let It Be|Wonderwall|
    Purple Rain|Take On Me|Billie Jean|Happy|Clocks|Creep|Respect|Stayin Alive|Blue Moon|Summertime|Heroes|Angels|
    Viva la Vida|Here Comes the Sun|Smooth|Toxic|Roar""",
    made_up=True,
)
_kind(
    "artist",
    """Adele|Queen|Abba|Mozart|Drake|Coldplay|Madonna|Prince|Beyonce|Bach|Miles Davis|Bob Marley|Nina Simone|
    The Beatles|Radiohead|Shakira|Elton John|Vivaldi|David Bowie|Daft Punk|Eminem|Sting|Enya|Johnny Cash|Frank Sinatra|
    Taylor Swift|Pink Floyd|Bjork|Fela Kuti""",
    made_up=True,
)
_kind(
    "genre",
    """jazz|rock|pop|classical|hip hop|blues|techno|folk|country|reggae|comedy|drama|horror|thriller|romance|fantasy|
    science fiction|mystery|history|poetry|metal|soul|ambient|disco|opera""",
)
_kind(
    "food",
    """pizza|sushi|tacos|pasta|curry|ramen|salad|burgers|falafel|dumplings|soup|pancakes|lasagna|paella|kebab|steak|
    noodles|risotto|waffles|fish and chips|fried rice|apple pie|omelette|chili|hummus|burrito|pho|goulash|gnocchi|
    banana bread|chicken wings|tomato soup|lentil stew|spring rolls|cheesecake""",
)
_kind(
    "ingredient",
    """tomatoes|chicken|rice|garlic|onions|eggs|flour|butter|cheese|spinach|beans|potatoes|carrots|mushrooms|tofu|
    salmon|lentils|basil|lemon|ginger|peppers|cream|beef|shrimp|oats|honey|coconut milk|chickpeas|apples|zucchini""",
)
_kind(
    "cuisine",
    "Italian|Japanese|Mexican|Indian|Thai|Chinese|French|Greek|Spanish|Korean|Turkish|Vietnamese|Lebanese|Ethiopian|"
    "vegan|Peruvian|German|American",
)
_kind(
    "product",
    """laptop|headphones|running shoes|coffee maker|phone case|backpack|desk lamp|keyboard|mouse|monitor|tent|camera|
    bicycle|blender|toaster|office chair|sofa|water bottle|umbrella|sunglasses|watch|jacket|yoga mat|tablet|printer|
    electric kettle|winter coat|hiking boots|air fryer|phone charger|suitcase|guitar|drone|microwave""",
    made_up=True,
)
_kind(
    "item",
    """milk|bread|eggs|apples|bananas|coffee|tea|sugar|salt|cheese|butter|rice|soap|toothpaste|shampoo|batteries|
    paper towels|dog food|cat litter|light bulbs|oranges|yogurt|cereal|juice|water|chocolate|cookies|onions|garlic|
    olive oil|flour|detergent|napkins|candles|tape|pens|notebooks|honey|ham|spinach""",
    made_up=True,
)
_kind(
    "language",
    """English|French|German|Spanish|Italian|Portuguese|Dutch|Swedish|Polish|Greek|Turkish|Arabic|Hindi|Chinese|
    Japanese|Korean|Russian|Czech|Danish|Finnish|Hungarian|Swahili|Thai|Vietnamese""",
)
_kind(
    "currency",
    "dollars|euros|pounds|yen|francs|rupees|pesos|kroner|USD|EUR|GBP|JPY|CHF|INR|CAD|AUD|SEK|NOK|CNY|BRL",
)
_kind(
    "ticker",
    "AAPL|MSFT|GOOG|AMZN|TSLA|NVDA|META|NFLX|IBM|INTC|AMD|ORCL|SAP|SONY|BABA|UBER|SHOP|ADBE|CRM|PYPL|KO|PEP|NKE|DIS",
    made_up=False,
)
_kind(
    "company",
    """Apple|Google|Tesla|Amazon|Microsoft|Netflix|Sony|Siemens|Nestle|Toyota|Samsung|Intel|Nike|Adidas|Volvo|Nokia|
    Philips|Bosch|Shell|Boeing|Airbus|Pfizer|Bayer|Ford|Honda|Lego|Ikea|Spotify|Oracle|Canon""",
    made_up=True,
)
_kind(
    "topic",
    """climate change|football|space travel|the economy|artificial intelligence|gardening|history|politics|health|
    electric cars|robots|football transfers|elections|music|chess|volcanoes|the stock market|solar power|bees|tennis|
    world war two|quantum physics|black holes|cooking|yoga|photography|renewable energy|dinosaurs|the moon landing|
    machine learning|coffee|whales|ancient Rome|inflation|vaccines""",
    made_up=True,
)
_kind(
    "message",
    """I will be late|see you soon|happy birthday|call me back|the meeting moved to 3 pm|I am on my way|
    thanks for your help|dinner is ready|can we talk tomorrow|please send the report|good luck|I love you|
    the train is delayed|we are out of milk|great job today|I left the keys at home|are you free tonight|
    do not forget the tickets|running ten minutes late|the package arrived|see you at the station|
    meeting at noon|let us have lunch|sorry I missed your call|I got the job|the dog needs a walk""",
    made_up=True,
)
_kind(
    "note",
    """buy milk|call the dentist|water the plants|pay the rent|the wifi code is 4471|return the library books|
    book a table for Friday|finish the report|pick up the kids at 4|send the invoice|take out the trash|
    parking spot is B12|order new filters|renew the passport|feed the cat|charge the car|meeting with Anna at 10|
    ask Tom about the keys|fix the kitchen tap|plan the summer trip|buy a gift for mom|print the tickets|
    doctor on Tuesday|learn ten new words|read chapter five|the code for the gate is 8820|clean the garage|
    email the landlord|pack the bags|bring an umbrella|defrost the freezer|change the oil|vote on Sunday""",
    made_up=True,
)
_kind(
    "task",
    """buy groceries|clean the kitchen|write the report|call the bank|do the laundry|go for a run|pay the bills|
    walk the dog|prepare the slides|fix the bike|answer emails|study math|wash the car|book the flights|
    take the medicine|mow the lawn|renew insurance|review the budget|back up the laptop|check the oven|
    stretch|drink water|leave for work|start the dishwasher|submit the form|practice piano|pick up the parcel""",
    made_up=True,
)
_kind(
    "event",
    """team meeting|dentist appointment|birthday party|lunch with Sara|project review|yoga class|doctor visit|
    book club|job interview|parent evening|concert|football match|date night|board meeting|haircut|gym session|
    wedding|family dinner|product launch|piano lesson|staff training|city marathon|school play|car service""",
    made_up=True,
)
_kind(
    "label",
    "pasta|tea|laundry|eggs|workout|nap|pizza|meeting|rice|homework|break|oven|bread|yoga|study|coffee|cake|steak|reading|call",
    made_up=True,
)
_kind(
    "color",
    "red|blue|green|yellow|orange|purple|pink|white|warm white|turquoise|violet|black|brown|grey|gold|silver",
)
_kind(
    "room",
    """living room|kitchen|bedroom|bathroom|office|garage|hallway|basement|attic|dining room|kids room|guest room|
    garden|balcony|laundry room|studio|cellar|porch""",
)
_kind(
    "device",
    """TV|heater|fan|coffee machine|air conditioner|washing machine|robot vacuum|speaker|oven|dishwasher|printer|router|
    desk lamp|humidifier|projector|doorbell camera|garden lights|dryer|sprinkler|radio""",
)
_kind(
    "app",
    "Spotify|Maps|Camera|Calendar|Mail|Photos|Settings|Notes|Calculator|Chrome|Firefox|Slack|Zoom|Clock|Weather|"
    "Messages|Files|Gallery|Podcasts|Translate|Wallet|Health",
)
_kind(
    "airport",
    "JFK|LAX|LHR|CDG|FRA|AMS|MAD|FCO|DXB|SIN|HND|NRT|SYD|ORD|ATL|SFO|SEA|BOS|MIA|DEN|ZRH|VIE|CPH|ARN|OSL|HEL|DUB|LIS|ATH|IST",
)
_kind(
    "airline",
    "Lufthansa|Air France|KLM|Delta|United|Emirates|Qantas|Iberia|Finnair|Ryanair|Swiss|Turkish Airlines|ANA|SAS",
)
_kind(
    "animal",
    "cats|dogs|elephants|penguins|dolphins|tigers|owls|bees|horses|rabbits|whales|foxes|wolves|bears|frogs|parrots|turtles|sharks",
)
_kind(
    "sport",
    "football|basketball|tennis|hockey|baseball|golf|rugby|cricket|volleyball|swimming|cycling|boxing|running|skiing|handball|chess",
)
_kind(
    "team",
    """Arsenal|Barcelona|Real Madrid|Lakers|Bulls|Yankees|Ajax|Juventus|Celtics|Bayern|Chelsea|Liverpool|Red Sox|
    Warriors|Porto|Celtic|Benfica|Packers|Rangers|Leafs""",
    made_up=True,
)
_kind(
    "exercise",
    "running|push ups|squats|yoga|cycling|swimming|plank|rowing|walking|pilates|lunges|pull ups|dancing|stretching|jump rope",
)
_kind(
    "medicine",
    "aspirin|ibuprofen|vitamin D|insulin|paracetamol|antibiotics|iron|magnesium|zinc|omega 3|allergy pills|cough syrup",
)
_kind(
    "symptom",
    "headache|fever|cough|sore throat|back pain|dizziness|rash|nausea|runny nose|stomach ache|insomnia|toothache",
)
_kind(
    "subject",
    "math|physics|biology|history|geography|chemistry|English|art|music|economics|philosophy|programming|law|statistics",
)
_kind(
    "word",
    """serendipity|ephemeral|river|kindness|justice|happy|bright|courage|silent|ocean|gather|fragile|ancient|swift|
    luminous|stubborn|abundant|candid|resilient|curious|melancholy|ubiquitous|brisk|tranquil|zeal|vivid|obscure|
    eloquent|humble|gratitude""",
    made_up=True,
)
_kind(
    "phrase",
    """good morning|where is the station|thank you very much|how much is this|see you tomorrow|I am hungry|
    what time is it|the weather is nice|I would like a coffee|please help me|my name is Anna|two tickets please|
    have a nice day|where are you from|I do not understand|the bill please|happy new year|is it far|good night|
    one beer please|I lost my passport""",
    made_up=True,
)
_kind(
    "id",
    """A1042|4471|ORD-2291|X77|1Z999|INV-308|88213|B-12|TK5510|90210|REF-778|C3PO7|5589|KL-1180|Q42|ZX-900|30071|
    PN-6652|T-1000|7731""",
    made_up=True,
)
# Units of one line measure the same thing; names of one unit stand together.
LIKE_UNITS = tuple(
    tuple(tuple(names.split("=")) for names in line.split("|"))
    for line in (
        "miles=mi|kilometers=km|meters=m|feet=ft|inches|centimeters=cm|yards|millimeters=mm",
        "pounds=lb|kilograms=kg|grams=g|ounces=oz|tons|stone",
        "liters|gallons|pints|cups|milliliters=ml|tablespoons|teaspoons",
        "celsius|fahrenheit|kelvin",
        "hours|minutes|seconds|days|weeks",
        "mph|knots|kilometers per hour",
        "acres|hectares|square meters",
        "megabytes|gigabytes|bytes|kilobytes",
        "joules|calories|kilojoules",
    )
)
_kind("unit", "|".join(name for units in LIKE_UNITS for names in units for name in names))
_kind(
    "condition",
    "sunny|cloudy|rainy|clear|windy|foggy|snowy|stormy|partly cloudy|overcast",
)
_kind("status", "delivered|in transit|delayed|on time|cancelled|boarding|open|closed|pending|done|active|on its way")

_ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kl pr sh st th tr".split()
_VOWELS = "a e i o u ai ea ie oo ou".split()
_CODAS = ["", "", "", "l", "n", "r", "s", "t", "m", "x", "nd", "rk", "st"]


def made_up_word(rng: random.Random, *, capital: bool = True) -> str:
    """Invent a pronounceable word of one to three syllables."""
    syllables = rng.choice((1, 2, 2, 2, 3))
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables)) + rng.choice(_CODAS)
    return word.capitalize() if capital else word


def is_held_out(text: str, *, one_in: int = 10) -> bool:
    """Whether a pool value is kept out of training: one in ten, chosen by its checksum."""
    return zlib.crc32(text.encode()) % one_in == 0


def draw(kind: str, rng: random.Random, *, held_out: bool = False, more: bool = False) -> str:
    """Draw one value of `kind`.

    `held_out` draws from the tenth that training never sees (made-up words too); `more` composes half of the dates,
    times, addresses and numbers, so that each of their digits is copied and none is known.
    """
    if more and kind in COMPOSED and rng.random() < 0.5:
        value = COMPOSED[kind](rng)
        if not is_held_out(value):
            return value
    if kind == "unit":  # a closed class: all are trained, and pairs of them held out
        return rng.choice(KINDS[kind])
    pool = [value for value in KINDS[kind] if is_held_out(value) == held_out] or KINDS[kind]
    if kind not in OPEN_KINDS or rng.random() < 0.6:
        return rng.choice(pool)
    return _invent(kind, rng, pool)


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


def use_vocabulary(words: list[str]) -> None:
    """Let `draw_any` also draw these words: a tokenizer's, so that each of its tokens is copied now and then."""
    VOCABULARY[:] = sorted(word for word in words if word.isalpha() and len(word) > 1)


def draw_any(rng: random.Random) -> str:
    """Draw a value of any kind, or one to three words of the vocabulary; never a held-out value."""
    if not VOCABULARY or rng.random() < 0.5:
        return draw(rng.choice(sorted(KINDS)), rng, more=True)
    while True:
        value = " ".join(rng.choices(VOCABULARY, k=rng.choice((1, 1, 2, 3))))
        if not is_held_out(value):
            return value


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


def _url(rng: random.Random) -> str:
    host = f"{made_up_word(rng, capital=False)}.{rng.choice(('com', 'org', 'net', 'io', 'gov', 'eu'))}"
    path = f"/{made_up_word(rng, capital=False)}" if rng.random() < 0.4 else ""
    return rng.choice(("https://", "www.", "")) + host + path


def _email(rng: random.Random) -> str:
    name = made_up_word(rng, capital=False) + rng.choice(("", "", str(rng.randint(1, 99))))
    return f"{name}@{made_up_word(rng, capital=False)}.{rng.choice(('com', 'org', 'net', 'edu'))}"


def _phone(rng: random.Random) -> str:
    digits = "".join(rng.choice(string.digits) for _ in range(10))
    return rng.choice((f"555-{digits[:4]}", f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"+{digits[:2]} {digits[2:]}"))


def _id(rng: random.Random) -> str:
    """Letters and digits in any order, with doubles."""
    signs = string.digits + string.digits + rng.choice(string.ascii_uppercase) * 4
    text = "".join(rng.choice(signs) for _ in range(rng.randint(3, 7)))
    return text if rng.random() < 0.7 else text[:2] + text[1:2] * rng.randint(1, 3) + text[2:]


COMPOSED: dict[str, Callable[[random.Random], str]] = {
    "date": _date, "time": _time, "url": _url, "email": _email, "phone": _phone, "id": _id,
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
