"""Ways people speak about travel, money, knowledge, sports and going out, with optional values in any order."""

from __future__ import annotations

from tiny_lam.catalog.fragments import combine

MORE = {
    "search_flights": combine(
        """[find|search|show me|look for] [flights|a flight] from {origin} to {destination}
        <can> find [flights|a flight] from {origin} to {destination}
        <want> fly from {origin} to {destination}
        <want> fly to {destination} from {origin}
        {origin} to {destination}[, flights| by plane|, flight]
        [flights|flight|plane] to {destination} from {origin}
        [is|are] there [a|any] [flights|flight|plane] from {origin} to {destination}""",
        date="[on|, leaving|for|, date|, departing] {date}",
        cabin="[in|, in|, cabin|, travelling in] {cabin}",
    ),
    "findTrains": combine(
        """[find|show me|look for] [trains|a train] from {from_city} to {to_city}
        <can> find [trains|a train] from {from_city} to {to_city}
        <want> [take|catch] a train from {from_city} to {to_city}
        [trains|train] to {to_city} from {from_city}
        {from_city} to {to_city} by [train|rail]""",
        time="[after|at|, leaving after|, from|, not before] {time}",
        direct="[, |] {direct}",
    ),
    "book_hotel": combine(
        """[book|reserve|get] [me|us|] a [hotel|room|hotel room] in {city} for {nights} nights
        <can> book a [hotel|room] in {city} for {nights} nights
        <want> [stay|book a hotel] in {city} for {nights} nights
        {city}, [hotel|a hotel room], {nights} nights
        for {nights} nights [I|we] need a [hotel|room] in {city}""",
        guests="[for {guests} people|, {guests} guests|, we are {guests}|for {guests} guests]",
        check_in="[from {check_in}|, arriving {check_in}|, checking in {check_in}|starting {check_in}]",
    ),
    "order_taxi": combine(
        """[order|call|book|get] [me|us|] a [taxi|cab] from {pickup} to {destination}
        <can> [order|call|send] a [taxi|cab] from {pickup} to {destination}
        <want> [take|get] a taxi from {pickup} to {destination}
        [taxi|cab] to {destination} from {pickup}
        {pickup} to {destination} by taxi
        I'm at {pickup} and [need|want] a [cab|taxi] to {destination}""",
        time="[at|, pickup at|for|, leaving at] {time}",
    )
    + combine("at {time} [I need|get me|send] a [taxi|cab] from {pickup} to {destination}"),
    "get_directions": combine(
        """[how do I get|what's the way|what's the quickest way] to {destination}
        [directions|route|the way|navigate] to {destination}
        <can> [show|tell|give] me the way to {destination}
        <want> [go|get] to {destination}, how""",
        origin="[from {origin}|, starting at {origin}|, I'm at {origin}|, coming from {origin}]",
        mode="{mode}",
    ),
    "travel.distance": combine(
        """how far is {city_a} from {city_b}
        [distance|how far] {city_a} to {city_b}
        <can> tell me the distance between {city_a} and {city_b}
        <wonder> how far {city_a} is from {city_b}
        <know> how far it is from {city_a} to {city_b}
        [I drive|we go|we cycle] from {city_a} to {city_b}, how far is that""",
        unit="[in|, please in|, counted in] {unit}",
    ),
    "visa_requirements": combine(
        """<can> check if [I|someone] from {citizenship} [needs a visa|need a visa] for {destination}
        <wonder> if people from {citizenship} need a visa for {destination}
        {citizenship} passport, [visa|do I need a visa] for {destination}?
        [going|travelling|flying] to {destination} with a passport from {citizenship}, [visa needed|do I need a visa]?
        visa for {destination}, [I'm|I am|my passport is] from {citizenship}
        <who> from {citizenship} [wants to visit|travels to] {destination}, [is a visa needed|what about the visa]?
        what [papers|visa] do [citizens|people] of {citizenship} need [for|in] {destination}?
        [entering|visiting] {destination} as a citizen of {citizenship}, visa or not?
        is {destination} visa free for [people from|citizens of] {citizenship}?
        [can|may] [people|citizens] from {citizenship} [enter|visit] {destination} without a visa?
        from {citizenship} to {destination}, [visa rules|is a visa required]?
        do I, a citizen of {citizenship}, need a visa [to visit|for|to enter] {destination}?"""
    ),
    "find-parking": combine(
        """[find|show me|look for] [parking|a parking spot] [near|at|close to] {place}
        <can> find [parking|a parking space] [near|by] {place}
        <want> [park|leave the car] [near|at] {place}
        parking [near|at|around] {place}
        where [can|do] I [park|leave my car] [near|at] {place}""",
        hours="[for {hours} hours|, {hours} hours long|, staying {hours} hours]",
    )
    + combine("[find|is there|I need] {free} parking [near|at] {place}", hours="[for {hours} hours|, {hours} hours]"),
    "finance.stock_price": combine(
        """<can> [check|tell me|get] the [price|stock price] of {symbol}
        <want> know what {symbol} [costs|is at|stands at]
        {symbol}[,|:] [price|how much|quote|stock price]
        [price|quote] [of|for] {symbol} [stock|shares|]
        how much does {symbol} [cost|trade for|go for] [now|today|]
        <wonder> what {symbol} [costs|trades at]""",
        currency="[in|, given in|, expressed in|, please in] {currency}",
    ),
    "convert_currency": combine(
        """<can> [convert|change|exchange] {amount} {from_currency} [to|into] {to_currency}
        <want> [change|exchange] {amount} {from_currency} [into|to] {to_currency}
        <wonder> how [many|much] {to_currency} I get for {amount} {from_currency}
        {amount} {from_currency}[,|] how [many|much] {to_currency}?
        {amount} {from_currency} -> {to_currency}
        from {from_currency} to {to_currency}[:|,] {amount}
        in {to_currency}[,|] [what is|how much is] {amount} {from_currency}?
        it costs {amount} {from_currency}, [what's that|how much is it] in {to_currency}?
        I [earn|paid|spent|owe] {amount} {from_currency}, [in|how much is that in] {to_currency}?
        [value|worth] of {amount} {from_currency} in {to_currency}
        what do I get in {to_currency} for {amount} {from_currency}?
        [to|into] {to_currency}[:|,] {amount} {from_currency}"""
    ),
    "transfer_money": combine(
        """[send|transfer|pay|wire] {recipient} {amount} {currency}
        [send|transfer|wire] {amount} {currency} to {recipient}
        <can> [send|transfer] {amount} {currency} to {recipient}
        <want> [send|pay] {recipient} {amount} {currency}
        {amount} {currency} [to|for] {recipient}[, transfer it|, send it| please]
        [pay|give] {recipient} {amount} [from my account|by transfer]
        I owe {recipient} {amount} {currency}, [pay|send it]""",
        reference="[with the message|, message:|, reference:|, saying|with the reference|, text] {reference}",
    ),
    "account_balance": combine(
        """[balance|money|funds] [on|in|of] [my|the] {account} account
        <can> [check|show me|tell me] the balance of my {account} account
        <can> [check|show me|tell me] my [balance|account balance]
        <want> [see|know|check] [my balance|how much money I have]
        <want> [see|know|check] the balance [of|on] my {account} account
        <wonder> how much [is left|I have] in my {account} account
        {account} account[,|:] [balance|how much is in it|how much is left]?
        {account} balance <plz>
        how [rich|broke] am I? [my balance|check my account]
        [can I afford a holiday|did my salary arrive], how much is in my {account} account?
        what's [in|left in|left on] my {account} account?
        how much [do I have|is there|money is] [in|on] the {account} account?"""
    ),
    "loan_payment": combine(
        """<can> [calculate|work out] the monthly payment for {principal} at {rate} percent over {years} years
        <can> [calculate|work out] the monthly payment for {principal} over {years} years at {rate} percent
        {principal} [over|for] {years} years at {rate} percent[, monthly|, what do I pay monthly|, payment per month]?
        {years} years, {rate} percent, {principal}[, monthly payment|, what's the rate per month]
        at {rate} percent [interest|], {years} years, what does a loan of {principal} cost [a month|per month|monthly]?
        <want> borrow {principal} at {rate} percent for {years} years, [what's the monthly payment|how much a month]
        <wonder> what I pay monthly for {principal} over {years} years at {rate} percent
        [mortgage|loan|credit][:|,] {principal}, {years} years, {rate} percent
        [mortgage|loan|credit][:|,] {principal} at {rate} percent [over|for] {years} years
        the bank offers {principal} at {rate} percent for {years} years, [monthly payment|what do I pay per month]?
        over {years} years, {principal} with {rate} percent interest, monthly [payment|cost]?
        a {years} year loan of {principal} [at|with] {rate} percent, [how much each month|monthly payment]?"""
    ),
    "calculateTip": combine(
        """[tip|the tip] [on|for] [a bill of|] {bill}
        <can> [calculate|work out] the tip [for|on] {bill}
        <want> tip on a bill of {bill}
        the [bill|check|total] [is|was|comes to] {bill}, [tip|how much tip|what's the tip]""",
        percent="[at|, we give|, make it|with] {percent} percent",
        people="[, split by|for|, shared by|, split between] {people} people",
    ),
    "sales_tax": combine(
        """<can> [calculate|work out] the [tax|sales tax|VAT] on {price} at {rate} percent
        <can> [calculate|work out] {rate} percent [tax|VAT] on {price}
        <want> know the [tax|VAT] on {price} at {rate} percent
        {rate} percent [tax|VAT|sales tax] [on|for] {price}
        {price}[,|] {rate} percent [tax|VAT|sales tax]
        {price} at {rate} percent [tax|VAT], how much [tax|is that]?
        at {rate} percent[,|] what's the tax on {price}?
        [tax|VAT] on {price}[, the rate is|, at|, rate] {rate} percent
        [it costs|the price is|they charge] {price} [before tax|], [tax rate|the tax is] {rate} percent, how much is the tax?
        with a tax [rate|] of {rate} percent, how much do I pay on {price}?
        how much [sales tax|VAT] [goes on top of|is added to] {price} at {rate} percent?
        <wonder> how much tax {rate} percent on {price} is"""
    ),
    "get_news": combine(
        """[news|headlines|the latest]
        <can> [read|show|tell] me the news
        <want> [hear|see|read] the [news|headlines]
        what's [new|in the news]""",
        topic="[about|on|, topic:] {topic}",
        country="[from|in|, country:] {country}",
    ),
    "web_search": combine(
        """[search|look] [the web|online|the internet] for {query}
        <can> [google|search the web for] {query}
        <want> [search the web for|google] {query}
        [google|web search][:|,|] {query}
        [find|get] pages on the web about {query}""",
        limit="[, {limit} results|and show {limit} results|, at most {limit} hits|, limit {limit}]",
    )
    + combine("""{limit} [web pages|search results|websites|links] [on|about|for] {query}
        [the top|the first|show me] {limit} [results|hits] for {query} [on the web|online]"""),
    "wiki.lookup": combine(
        """[open|show me|read|get] the [wikipedia|encyclopedia] [article|page] [on|about] {title}
        <can> look up {title} [on wikipedia|in the encyclopedia]
        <want> read the wikipedia [page|article] on {title}
        wikipedia[:|,|] {title}
        {title}, [wikipedia article|encyclopedia entry|wiki page]
        what does [wikipedia|the encyclopedia] say about {title}""",
        language="[in|, language|, the one in|, in] {language}",
    ),
    "translate_text": combine(
        """<can> translate {text} [into|to] {target_language}
        <want> say {text} in {target_language}
        how [would|can] I say "{text}" in {target_language}?
        "{text}" in {target_language} <plz>
        {target_language}, please: {text}
        [from|] {source_language} to {target_language}[:|,] {text}
        translate from {source_language} [to|into] {target_language}[:|,] {text}
        translate "{text}" [to|into] {target_language} from {source_language}
        translate the {source_language} [text|phrase|sentence] {text} [to|into] {target_language}
        [what is|what's] the {source_language} phrase "{text}" in {target_language}?
        <can> translate "{text}" from {source_language} [to|into] {target_language}
        in {target_language}, how do you say {text}?
        [put|turn] {text} into {target_language} <plz>"""
    ),
    "define_word": combine(
        """<can> [define|explain] the word {word}
        <want> know what {word} means
        [define|definition of|meaning of|explain] {word}
        {word}[,|:] [meaning|definition|what does it mean]
        I [read|heard] the word {word}, [what does it mean|define it]
        <wonder> what {word} means""",
        examples="[, |] {examples}",
    ),
    "find_synonyms": combine(
        """[give|find|tell] me {count} [synonyms|other words|alternatives] [for|of] {word}
        <can> [find|give me] {count} [synonyms|other words|alternatives] for {word}
        {count} [synonyms|alternatives|other words] for {word} <plz>
        {word}[,|:] {count} [synonyms|other words]
        <want> [find|have|use] {count} synonyms [for|of] {word}
        synonyms for {word}, {count} [of them|please|]
        <can> [find|give me|suggest] [a synonym|another word|synonyms] for {word}
        {word}[,|:] [synonyms|another word|similar words]
        what [else|other word] can I say [instead of|for] {word}?
        <want> replace the word {word}, [give me synonyms|find another word]
        <wonder> [what other words there are|if there's another word] for {word}
        [is there|do you know] [another|a better] word for {word}?"""
    ),
}  # fmt: skip
