"""Ways people speak about sports, learning, files, the phone and work, with optional values in any order."""

from __future__ import annotations

from tiny_lam.catalog.fragments import combine

MORE = {
    "check_spelling": combine(
        """<can> check the spelling of {word}
        [spelling|spell check|how to spell][:|] {word}
        [is|did I get] {word} [spelled right|right]
        <want> know how {word} is spelled
        how [do I|do you|does one] [spell|write] {word}
        <hey> [is {word} right|how is {word} spelled]""",
        variant="[in|, in|according to] {variant} [English|spelling]",
    ),
    "sports.score": combine(
        """[score|result] of [the|] {team} [game|match|]
        <can> [check|tell me] the {team} [score|result]
        <want> know how {team} [played|did]
        did {team} [win|lose|play well]
        {team}[,|:] [score|result|how did they do]""",
        opponent="[against|versus|vs|, they played] {opponent}",
    )
    + combine("{team} [against|vs|versus|-] {opponent}[,|:] [who won|score|result]\n{team} {opponent} [score|result]"),
    "team_schedule": combine(
        """[show|list|give me] the next {count} {venue} games of {team}
        {team}[,|:] next {count} {venue} games
        the next {count} {venue} [matches|games] [of|for] {team}
        <can> [show|list] the next {count} [games|matches] of {team}
        <can> [show|list] the {venue} games of {team}
        <want> see {team} [play|] [at the stadium|], [when is the next game|next games]
        <want> know the next {count} games of {team}
        {team} {venue} games, the next {count}
        {team}[,|:] [upcoming games|schedule|next match|when do they play]
        when [are|do I see] the next {venue} games of {team}?
        [only|just] {venue} games of {team} <plz>
        {count} upcoming {venue} games of {team} <plz>"""
    ),
    "movies.showtimes": combine(
        """[when|where] is {movie} [playing|on|showing]
        [showtimes|cinema times] [for|of] {movie}
        <can> [find|check] the showtimes [for|of] {movie}
        <want> [see|watch] {movie} in the cinema
        {movie}[,|:] [showtimes|cinema times]""",
        city="[in|, city:|in] {city}",
        date="[on|for|,] {date}",
    ),
    "search_books": combine(
        """[find|show me|look for] [a book|books] [about|on] {topic}
        <can> [find|recommend] [a book|books] [about|on] {topic}
        <want> read [about|something on] {topic}, find me a book
        books [about|on] {topic}""",
        author="[by|written by|, author] {author}",
        format="[as|, only|, I want] {format}",
    ),
    "search_restaurants": combine(
        """[find|show me|search] {cuisine} restaurants in {city}
        <can> find a {cuisine} restaurant in {city}
        {cuisine} [food|restaurants|places] in {city}
        in {city} [where do I get|I want|find] {cuisine} food
        {city}[,|:] {cuisine} [food|restaurant]""",
        open_now="[, |] {open_now}",
    )
    + combine(
        """[find|show me] {price} {cuisine} [restaurants|places] in {city}
        <can> find {price} {cuisine} [restaurants|food] in {city}
        {price} {cuisine} [food|places to eat] in {city}
        {city}[,|:] {price} {cuisine} [restaurants|food]""",
        open_now="[, |] {open_now}",
    ),
    "get_population": combine(
        """how many [people|inhabitants] [lived|were] in {country}
        <can> [tell me|look up] the population of {country}
        <want> know [how many people live in|the population of] {country}
        {country}[,|:] [population|how many people|inhabitants]
        <wonder> how many people live in {country}
        [population|inhabitants] of {country}""",
        year="[in|in the year|, year|for] {year}",
    ),
    "create_quiz": combine(
        """[make|create|give me] a {subject} quiz
        <can> [make|create] a quiz [on|about] {subject}
        <want> [practice|test myself in] {subject} with a quiz
        quiz [on|about] {subject}
        quiz me on {subject}""",
        questions="[with {questions} questions|, {questions} questions|of {questions} questions]",
        difficulty="[, {difficulty}|, make it {difficulty}|, {difficulty} level|, {difficulty} ones]",
    ),
    "make_flashcards": combine(
        """[make|create] flashcards [for|with|from] {words}
        <can> make flashcards for {words}
        <want> [learn|memorize] {words}, make flashcards
        flashcards[:|,] {words}
        cards [for|with] {words}
        turn {words} into flashcards""",
        deck="[in the {deck} deck|, deck {deck}|for my {deck} deck|, put them in the {deck} deck]",
    ),
    "getMyGrades": combine(
        """<can> [show|list|check] [me|] my grades
        <want> see [my|all my] [grades|marks]
        [grades|my marks|report card] <plz>
        <wonder> [what grades I got|how I'm doing at school]
        [are|did] [there new grades|the teachers post grades] [for me|yet|]?
        how [good|bad] are my grades [this term|]?
        [did I|have I] [pass|passed|fail] [everything|my classes]? show my grades
        my parents [want|ask] to see my [grades|report card]
        <hey> [show|what are] my grades
        [open|check|pull up] my [grades|report card|marks]
        what [marks|grades] [have I|did I] [got|get] [so far|]?
        [list|show] [every|each] grade [of mine|I got]"""
    ),
    "track_package": combine(
        """[track|find|where is|locate] [package|parcel|shipment|my package] {tracking_number}
        <can> track [package|my parcel] {tracking_number}
        <want> track [package|parcel] {tracking_number}
        [package|parcel|tracking number] {tracking_number}[, where is it|, track it|]
        {tracking_number}[,|:] [track it|where's the parcel]
        has [package|parcel] {tracking_number} arrived""",
        carrier="[with|, carrier|, sent with|, it's with|via] {carrier}",
    ),
    "find_events": combine(
        """[what's on|what's happening|events|things to do] in {city}
        <can> find [events|something to do] in {city}
        <want> go out in {city}, what's on
        {city}[,|:] [events|what's on]""",
        date="[on|for|,] {date}",
        category="[, only|, I like|, especially|, preferably] {category}",
    ),
    "buy-tickets": combine(
        """[buy|get|order] [me|us|] {count} tickets [for|to see] {artist}
        <can> [buy|get] {count} tickets for {artist}
        {count} {artist} tickets
        <want> see {artist}, {count} tickets""",
        city="[in|, the show in|, the concert in] {city}",
        seating="[, {seating}|, {seating} please|, make them {seating}]",
    ),
    "files.rename": combine(
        """<can> rename {file} [to|as] {new_name}
        <want> rename {file} to {new_name}
        {file} -> {new_name}, rename [it|]
        {new_name} [should be|is] the new name [of|for] {file}
        {file}[,|:] [rename it to|new name|call it] {new_name}
        [mv|rename] {file} {new_name}
        [turn|change] the [name|file name] {file} [into|to] {new_name}
        [the file|] {file} is badly named, [rename it to|call it] {new_name}
        [give|assign] {file} [a new name|another name|the file name][:|,|] {new_name}
        <hey> [rename|change] {file} to {new_name}
        from {file} to {new_name}, [rename|change the name]
        I'd [like|prefer] {file} to be [called|named] {new_name}"""
    ),
    "copy_file": combine(
        """[copy|duplicate] {file} [to|into] {folder}
        <can> copy {file} [to|into] {folder}
        <want> have a copy of {file} in {folder}
        [put|place] a copy of {file} [in|into] {folder}
        into {folder} copy {file}
        cp {file} {folder}""",
        overwrite="{overwrite}",
    ),
    "delete_file": combine(
        """[delete|remove|erase|rm] {file}
        <can> [delete|remove|erase] {file}
        <want> [delete|remove|get rid of] {file}
        get rid of [the file|] {file}
        throw [the file|] {file} away
        <hey> [delete|remove] {file}""",
        permanent="[, |] {permanent}",
    ),
    "searchFiles": combine(
        """[search|look through] my [files|documents] for {query}
        [find|show|list] [files|documents] [about|on|mentioning] {query}
        <can> find [files|documents] [about|that mention] {query}
        <want> find [my|the] [file|document] about {query}
        which [files|documents] [mention|talk about] {query}
        I wrote something about {query}, find the file""",
        folder="[in|, look in|, search in|inside] {folder}",
    )
    + combine("[in|inside] {folder}[,|] [find|search for|which] files [about|mentioning] {query}"),
    "compress_files": combine(
        """[zip|compress|pack] {files}
        <can> [zip|compress] {files}
        <want> [send|save|have] {files} as a zip
        make a zip [of|with] {files}
        [archive|zip][:|,] {files}
        [put|bundle] {files} into [a zip|an archive]""",
        level="[with {level} compression|, {level} compression|using {level} compression]",
    ),
    "convert_file": combine(
        """<can> [convert|turn] {file} [to|into] {format}
        <want> [convert|turn] {file} [to|into] {format}
        <want> have {file} [as|in] {format}
        {file} [to|as|in|->] {format} <plz>
        {file}[,|:] [make it|convert to|I need it as] {format}
        to {format}[:|,] {file}
        [export|save] {file} [as|in] {format}
        a {format} [version|copy|export] of {file} <plz>
        I [can't open|can't edit] {file}, [make it|convert it to] {format}
        <who> needs {file} [as|in] {format}, convert it
        <hey> [convert|turn] {file} [to|into] {format}
        change the format of {file} to {format}"""
    ),
    "set_brightness": combine(
        """[set|change|turn|put] the brightness to {percent} [percent|]
        <can> set the brightness to {percent} percent
        <want> [have|set] the brightness at {percent} percent
        brightness [to|at|] {percent} [percent|]
        {percent} percent brightness
        it's too [dark|bright], brightness to {percent}""",
        screen="[on the|for the|of the|, the] {screen}",
    ),
    "phone.setFeature": combine(
        """<can> [turn|switch] {feature} {enabled}
        <can> [turn|switch] {enabled} {feature}
        <want> [turn|switch] {feature} {enabled}
        {feature}[,|:] {enabled} <plz>
        {enabled} with {feature} <plz>
        <hey> {feature} {enabled}
        [it's dark|the plane takes off|I'm home|I save power], [turn|switch] {feature} {enabled}
        I'd like {feature} {enabled}
        [is it possible to|let's|please] [turn|switch] {feature} {enabled}
        [make sure|see that] {feature} is {enabled}
        [I don't need|no more|disable|kill|deactivate] {feature} [now|please|]{enabled=false}
        [I need|give me|activate|enable|put on] {feature} [now|please|]{enabled=true}"""
    ),
    "take_screenshot": combine(
        """[take|make|grab] a screenshot
        <can> take a screenshot
        <want> take a screenshot
        screenshot""",
        area="[of the|, the|, just the] {area}",
        delay="[in|after|, wait] {delay} seconds",
    ),
    "open_app": combine(
        """<can> [open|start|launch] {app}
        <want> [open|use|start] {app}
        please open {app} [for me|now|]
        {app}[,|:] [open|start|launch] [it|]
        [bring|fire|pull] up {app} <plz>
        [switch|go] to [the|] {app} app
        <hey> [open|start|launch] {app}
        [let me|let's] [use|open|see] {app}
        [open|start] the [app|program] [called|named|] {app}
        [where is|I can't find] {app}? [open it|start it]
        [show|get] me [the|] {app} app
        {app} app [please|open|now]"""
    ),
    "enable_do_not_disturb": combine(
        """<can> [mute|silence] [my phone|everything|all calls]
        [turn|switch] on do not disturb
        <want> [sleep|focus|rest], [no calls|no notifications]
        [quiet|no calls|no interruptions|do not disturb]
        <want> be left alone
        [I'm in a meeting|I'm studying|baby is asleep], [mute the phone|do not disturb]""",
        until="[until|till|, it ends at|, up to] {until}",
    ),
    "set-cell-value": combine(
        """<can> [write|put|enter] {value} [in|into] column {column}, row {row}
        <want> [write|put|enter] {value} [in|into] row {row}, column {column}
        column {column}[,|] row {row}[,|:] [put|write|enter] {value}
        row {row}[,|] column {column}[,|:] [put|write|enter] {value}
        {value} [goes|belongs|should go] [in|into] column {column}, row {row}
        {value} [in|into] row {row}, column {column} <plz>
        [change|set] row {row} of column {column} to {value}
        [change|set] the cell in row {row}, column {column} to {value}
        the [cell|field] in column {column}, row {row} [is|should be|must be] {value}
        [type|fill|enter] {value} at column {column} row {row}
        in column {column} [write|enter] {value} in row {row}
        in row {row} [write|enter] {value} in column {column}"""
    ),
    "create_presentation": combine(
        """[make|create|prepare] a presentation [about|on] {topic}
        <can> [make|create|prepare] a presentation [about|on] {topic}
        <want> [give|prepare] a talk on {topic}, make slides
        [slides|slide deck|presentation] [about|on] {topic}
        I need slides [about|on] {topic}
        <who> wants a presentation on {topic}""",
        slides="[with {slides} slides|, {slides} slides|of {slides} slides|, {slides} slides long]",
    ),
    "print_file": combine(
        """print [the file|] {file}
        <can> print {file}
        <want> print {file}
        {file} on paper""",
        copies="[, {copies} copies|{copies} times|in {copies} copies]",
        color="[, |] {color}",
    ),
    "book_meeting_room": combine(
        """[book|reserve] a [meeting|conference] room [for|on|] {date} at {time}
        <can> [book|reserve] a meeting room at {time} [on|] {date}
        <want> [book|reserve] a meeting room {date} at {time}
        meeting room[:|,] {date}, {time}
        {date} at {time}[,|] [a|one] [meeting room|conference room]
        we meet {date} at {time}, [book|reserve] a room""",
        people="[for {people} people|, {people} people|, we are {people}|, room for {people}]",
    ),
    "github.create_issue": combine(
        """[open|create|file] an issue [about|on] {topic}
        <can> [open|create] an issue [about|on] {topic}
        <want> [open|file] an issue about {topic}
        new issue[:|,] {topic}""",
        label="[, label {label}|with the label {label}|, label it {label}|labelled {label}]",
        assignee="[, assign it to|and assign it to|, assigned to|, give it to] {assignee}",
    ),
    "run_tests": combine(
        """[run|start|execute] [the|all|my] tests
        <can> run the tests
        <want> run the tests
        [tests|test run] <plz>""",
        folder="[in|, folder|from] {folder}",
        verbose="{verbose}",
    ),
    "deployApp": combine(
        """[deploy|push|ship|release] [the app|] to {environment}
        <can> deploy [the app|] to {environment}
        <want> deploy to {environment}
        [bring|put] the app [on|to] {environment}
        deployment to {environment}
        {environment}[,|:] deploy [the app|]""",
        build="[, build|, use build|with build|, build number] {build}",
    )
    + combine("[deploy|push|ship|take] build {build} to {environment}\n<can> deploy build {build} to {environment}"),
    "ping-host": combine(
        """ping {host}
        <can> ping {host}
        <want> ping {host}
        [check|test] whether {host} [answers|is up]
        is {host} [up|online|reachable|alive]
        {host}[,|:] ping it""",
        count="[{count} times|, {count} pings|, send {count} pings]",
    ),
    "git.create_branch": combine(
        """[create|make] a [git|] branch [called|named|] {name}
        <can> create a branch [called|named] {name}
        <want> work on a branch [called|named] {name}, create it
        new branch[:|,|] {name}
        branch {name} <plz>
        git branch {name}""",
        base="[from|, based on|off|, starting from] {base}",
    ),
    "create_support_ticket": combine(
        """my {product} [broke|is broken|stopped working], [open|create] a [support|] ticket
        <can> open a [support|] ticket for my {product}
        <want> open a support ticket for my {product}
        [ticket|support ticket] for a [faulty|broken] {product}
        the {product} I bought is [faulty|defective], [report it|open a ticket]
        [report|complain about] [my|the] [broken|faulty] {product}""",
        priority="[with {priority} priority|, {priority} priority|, priority {priority}]",
    ),
    "refund_order": combine(
        """[refund|pay back] order {order_id}
        <can> refund order {order_id}
        <want> refund order {order_id}
        the customer of order {order_id} wants [money back|a refund]
        refund [for|on] order {order_id}
        order {order_id}[,|:] refund""",
        amount="[, amount|, only|, just|, a part of it:] {amount}",
    )
    + combine("[refund|pay back] {amount} [for|of|on] order {order_id}\n<can> refund {amount} [for|on] order {order_id}"),
    "getOrderStatus": combine(
        """<can> [check|look up|tell me] the status of order {order_id}
        <want> know the status of order {order_id}
        <wonder> [what happened to|where is] my order {order_id}
        order {order_id}[,|:] [status|how is it going|any news]
        {order_id}[,|:] order status <plz>
        [any news on|what about|how about] order {order_id}?
        is order {order_id} [done|ready|shipped|paid]?
        [status|state] [please|][:|,] order {order_id}
        how [far|] is order {order_id} [coming along|going|]?
        my order number is {order_id}, [what's the status|where is it]?
        <hey> [check|look up] order {order_id}
        <who> asks about order {order_id}, what's [the status|its state]?"""
    ),
    "hr.request_leave": combine(
        """[request|apply for|ask for] {days} days off [from|starting] {start}
        <can> [request|book] {days} days off [from|starting] {start}
        <want> take {days} days off [from|starting] {start}
        from {start} [I need|I'd like|request] {days} days off
        {days} days off, [starting|from|first day] {start}""",
        type="[as {type} leave|, {type} leave|, type {type}]",
    )
    + combine("[request|apply for] {days} days of {type} leave [from|starting] {start}\n{type} leave[,|:] {days} days from {start}"),
    "log_hours": combine(
        """[log|record|book] {hours} hours [for|on] {client}
        <can> [log|record] {hours} hours for {client}
        I worked {hours} hours for {client}
        {client}[,|:] {hours} hours
        {hours} hours for {client}
        timesheet[:|,] {hours} hours, {client}""",
        date="[on|, date|for|,] {date}",
    ),
    "search_apartments": combine(
        """[find|show me|look for] [apartments|a flat|an apartment] in {city}
        <can> find [an apartment|a flat] in {city}
        <want> rent [a flat|an apartment] in {city}
        [apartments|flats] [to rent|] in {city}""",
        bedrooms="[with {bedrooms} bedrooms|, {bedrooms} bedrooms|having {bedrooms} bedrooms]",
        max_rent="[under {max_rent}|for at most {max_rent}|, max {max_rent} a month|below {max_rent} a month|, rent up to {max_rent}]",
    ),
    "rent_car": combine(
        """[rent|book|hire] a car in {city} for {days} days
        <can> [rent|book] a car in {city} for {days} days
        <want> [rent|hire] a car for {days} days in {city}
        car rental in {city}, {days} days
        {city}, {days} days, [a rental car|car hire]
        for {days} days [get|find] me a car in {city}""",
        size="[, {size}|, a {size} one|, {size} please|, it should be {size}]",
    ),
    "camera.takePhoto": combine(
        """[take|shoot|snap] a [photo|picture]
        <can> take a [photo|picture]
        <want> take a [photo|picture]
        [photo|picture]""",
        camera="[with|using|, use] the {camera} camera",
        timer="[in {timer} seconds|after {timer} seconds|with a {timer} second timer|, timer {timer} seconds]",
    ),
    "roll_dice": combine(
        """[roll|throw] {count} dice [please|for me|]
        [roll|throw] {count} dice [with|of|having] {sides} sides [each|]
        [roll|throw] {count} {sides}-sided dice
        <can> [roll|throw] {count} dice with {sides} sides
        <can> [roll|throw] {count} dice
        <want> [roll|throw] {count} dice with {sides} sides
        {count} dice[, {sides} sides| with {sides} sides|, please|, roll them]
        {count} {sides}-sided dice <plz>
        a {sides}-sided [die|dice], [roll it|please]
        dice with {sides} sides, {count} of them
        my turn, [roll|throw] {count} dice
        [roll|throw] a {sides}-sided die"""
    ),
    "random_number": combine(
        """<can> [pick|choose|draw|think of] a [random|] number between {min} and {max}
        <want> draw a random number [from|between] {min} [to|and] {max}
        [random|any|some] number[:|,] {min} to {max}
        {min} to {max}[,|:] [random number|pick one|choose a number]
        between {min} and {max}[,|] [pick|choose|give me] a [random|] number
        [lottery|raffle|game], a number from {min} to {max} <plz>
        [think of|guess|name] a number [between|from] {min} [and|to] {max}
        something [random|] between {min} and {max}, a number
        [who starts|let chance decide], random number from {min} to {max}
        from {min} up to {max}[,|] [any number|one random number]
        a random [number|integer] no lower than {min} and no higher than {max}
        <hey> [random number|a number] [from|between] {min} [to|and] {max}"""
    ),
    "generate_password": combine(
        """[generate|make|create] a [password|secure password] [of|with] {length} characters
        <can> [generate|make] a {length} character password
        <want> have a [new|strong] password of {length} characters
        [password|new password], {length} characters
        a password, {length} [characters|signs] long
        {length} character password""",
        symbols="[, |] {symbols}",
    ),
    "make-qr-code": combine(
        """[make|create|generate] a QR code for {link}
        <can> make a QR code [for|of] {link}
        <want> have a QR code for {link}
        QR code[:|,| for] {link}
        {link} as a QR code
        [turn|make] {link} into a QR code""",
        color="[in|, color|, make it|, colored] {color}",
    ),
    "calculate_bmi": combine(
        """<can> calculate my BMI, [I'm|I am] {height} cm [tall|] and weigh {weight} kg
        <can> calculate the BMI for {weight} kg at {height} cm
        <want> know my BMI, [I weigh|weight] {weight} kg, [I am|height] {height} cm
        <wonder> what my BMI is with {weight} kg and {height} cm
        BMI[:|,] {weight} kg, {height} cm
        BMI[:|,] {height} cm, {weight} kg
        {weight} kg, {height} cm[, BMI|, what's my BMI]
        {height} cm, {weight} kg[, BMI|, what's my BMI]
        height {height} cm, weight {weight} kg, [BMI|body mass index]
        weight {weight} kg, height {height} cm, [BMI|body mass index]
        am I overweight [at|with] {weight} kg and {height} cm?
        <who> weighs {weight} kg [at|and is] {height} cm, what's the BMI?"""
    ),
}  # fmt: skip
