"""The pools of values that people put into requests: real cities, names, titles, units, short texts, by kind."""

from __future__ import annotations

from pathlib import Path

from tiny_lam.sections import read_sections

KINDS: dict[str, list[str]] = {}
OPEN_KINDS: set[str] = set()
MORE_KINDS = {
    kind: [value.strip() for line in lines for value in line.split("|")]
    for kind, lines in read_sections(Path(__file__).parent / "values.txt").items()
}
"""Further values of some kinds: training draws nine tenths of them, the evaluation the rest."""


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
