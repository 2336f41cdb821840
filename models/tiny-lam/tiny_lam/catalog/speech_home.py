"""Ways people speak about weather, messages, calendars, media, the home, food and health, with optional values in any order."""

from __future__ import annotations

from tiny_lam.catalog.fragments import combine

MORE = {
    "get_weather": combine(
        """[how|what] [cold|warm|hot|chilly|mild] is it [outside|] in {city} [now|]
        <want> know [the temperature|how warm it is] in {city}
        <can> [check|tell me|get] the [weather|temperature] [in|for] {city}
        {city}[,|:] [weather|temperature|how warm|degrees outside]
        <who> is in {city}, [what's the weather there|how warm is it there]
        [should I wear a jacket|do I need a coat|is it beach weather] in {city} [now|today|]
        <hey> what's it like outside in {city}""",
        unit="[in|in degrees|, please in|shown in|using] {unit}",
    ),
    "get_forecast": combine(
        """<can> [get|show|tell] me the [forecast|weather] for {city} for the next {days} days
        <want> know [the forecast|how the weather will be] [in|for] {city} for {days} days
        {city}[,|:] [forecast|weather forecast] [for|] {days} days
        {city} forecast, next {days} days
        for the [next|coming] {days} days, [what's the weather|what does the forecast say|how will it be] in {city}?
        {days} days of [weather|forecast] [for|in] {city} <plz>
        [we are|I'm] [hiking|camping|on holiday] in {city} for {days} days, [forecast please|will it be nice|what weather do we get]?
        <who> visits {city} for {days} days, what [will the weather be|does the forecast look] like?
        [a|the] {days} day [forecast|weather outlook] for {city} <plz>
        how [sunny|rainy|cold|hot] [will|is] {city} [be|going to be] [over|in] the next {days} days?
        [looking ahead|planning] {days} days, weather in {city}?
        next {days} days in {city}[,|:] [rain or sun|what weather|forecast]?"""
    ),
    "get_rain_chance": combine(
        """<can> [check|tell me|see] [if it rains|whether it'll rain|the chance of rain] in {city} {date}
        {date} in {city}[,|:] [rain|any rain|will it rain|umbrella needed]?
        {city} {date}[,|:] [rain|any rain|will it rain|umbrella or not|chance of showers]?
        <wonder> [if|whether] it will rain {date} in {city}
        <want> know [if it will rain|how likely rain is] in {city} {date}
        [will we|do we|are we going to] get [wet|rained on|soaked] in {city} {date}?
        is it [going to rain|likely to rain|supposed to rain] {date} in {city}?
        how [high|big] is the [chance|probability] of rain {date} in {city}?
        [picnic|garden party|barbecue|a hike] in {city} {date}, [will it stay dry|does it rain|how likely is rain]?
        rain [probability|chance|risk|odds] [for|in] {city}[,|] {date} <plz>
        [will it|does it] stay dry [in|over in] {city} {date}?
        <who> [marries|plays|runs a race] in {city} {date}, what's the chance of rain?"""
    ),
    "check_air_quality": combine(
        """how [clean|bad|polluted|healthy] is the air in {city} [now|today|]
        <can> [check|tell me|look up] the air [quality|pollution] in {city}
        <want> know the air quality in {city}
        {city}[,|:] [air quality|smog|how is the air|air pollution]
        <wonder> how the air is in {city}
        [should I wear a mask|is it safe to run outside|can the kids play outside] in {city}, how's the air""",
        pollutant="[, especially|, I mean|measured as|with regard to|, only] {pollutant}",
    )
    + combine(
        """[how much|is there much|how high is the] {pollutant} in {city} [air|]?
        {pollutant} [in|in the air of|level for|reading in] {city} <plz>
        {city} {pollutant} [level|value|air quality]?
        <can> [check|tell me] the {pollutant} [level|value] [in|for] {city}"""
    ),
    "getSunTimes": combine(
        """[when's|when is|what time is|tell me|show me] [the|] {event} in {city}
        <can> [check|tell me|look up] [when|what time] {event} is in {city}
        <want> [know|see] [when|what time] the {event} is in {city}
        {city} {event} [time|]
        <wonder> when {event} is in {city}
        <hey> {event} [in|for] {city}""",
        date="[on|for|,|, date] {date}",
    )
    + combine(
        """{date}[,|:] [when is|what time is] [the|] {event} in {city}?
        how early does it get light in {city} {date}?{event=sunrise}
        when does it get dark in {city} {date}?{event=sunset}
        [sun up|first light|dawn] in {city}[, what time|]?{event=sunrise}"""
    ),
    "get_pollen_count": combine(
        """<can> [check|look up|tell me] the pollen [count|level|situation] in {city}
        <want> know the pollen [count|level] in {city}
        {city}[,|:] [pollen|pollen count|how's the pollen]
        how [bad|high|strong] is the pollen in {city} [today|]
        my [nose|eyes|hay fever] [is|are] [itching|running|terrible], [check|what is] the pollen count in {city}""",
        plant="[, only|, I mean|of|from|, mainly] {plant}",
    )
    + combine(
        """[is|how much] {plant} pollen [flying|in the air|around] in {city}?
        {city} {plant} pollen [level|count|today|]
        [I sneeze from|I react to|my kid is allergic to] {plant}, [how is it|what's the pollen count] in {city}?"""
    ),
    "send_message": combine(
        """<can> [text|message|write to|tell] {recipient} [that|:] {text}
        <can> send {recipient} [a message|a text|the words|]: {text}
        <want> [tell|text|message|write to] {recipient}[:| that] {text}
        [shoot|drop|send] {recipient} a [text|message|line][:|,| saying| that says] {text}
        [new|quick] [message|text] [to|for] {recipient}[:|,] {text}
        [message|text] for {recipient}[:|,] {text}
        {recipient} [should|must|needs to] know[:| that] {text}, [text that|send it|message that]
        text "{text}" to {recipient} <plz>
        send "{text}" to {recipient} [as a message|in a text|please|]
        say "{text}" to {recipient} [in a message|by text|in a text]
        [let|make sure] {recipient} [know|knows][:| that] {text}
        to {recipient}[:|,] {text}, [send it|as a text message|text that]
        <hey> [text|message|tell|ping] {recipient}[:|,| that] {text}"""
    ),
    "send_email": combine(
        """[send|write] [an email|a mail] to {to}[, subject| with the subject| with subject| about| titled] {subject}[, text| and the text| saying|, body| and write] {body}
        [email|mail] {to}[, subject| about| with the subject] {subject}[:|, saying|, body:| and the message] {body}
        email to {to}, the subject is {subject}[, the text is| and it says|, message] {body}
        [subject|re] {subject}[, to|, email to|, mail it to] {to}[, text|:|, saying|, body] {body}
        with the subject {subject} [email|mail|write to] {to} [that|:|saying] {body}
        to {to}, subject {subject}, [text|body|message][:|] {body}[, send it|, email that|]
        <can> [send|write] {to} an email [about|with the subject|titled] {subject} [that says|saying|with the text] {body}
        <want> [email|write to|mail] {to} [about|with the subject] {subject}[:| saying| and say] {body}
        <can> [email|mail|write to] {to} [that|:|and say] {body}
        <want> [email|write to|mail] {to}[:| saying| that] {body}
        email "{body}" to {to} [with the subject|, subject|under the subject] {subject}
        mail to {to}[:|, text|, saying] {body}
        [shoot|drop] {to} an email[:| saying| that] {body}
        <hey> email {to}[:|,| saying] {body}"""
    ),
    "phone.call": combine(
        """<can> [call|ring|phone|dial|get] {contact} [for me|]
        <want> [call|ring|phone|speak to] {contact}
        [get|give me|connect me with|put me through to] {contact} on the phone
        [call|ring|phone|dial] {contact} [now|up|]
        {contact}[,|:] call [him|her|them|now]
        <hey> [call|phone|ring] {contact}""",
        speaker="[, |] {speaker}",
    ),
    "find_contact": combine(
        """<can> [find|look up|get|pull up] [me|] {name} in my [contacts|address book]
        <can> [find|look up|get|tell me] the {field} of {name}
        <want> [have|know|find|see] {name}'s {field}
        <want> find {name} in my [contacts|phone book]
        {name}[,|:] {field} <plz>
        {name} [in my contacts|contact details|contact info] <plz>
        <know> [{name}'s {field}|the {field} of {name}]?
        I [lost|need|forgot|can't find] {name}'s {field}
        I [lost|need|can't find] the {field} [of|for] {name}, look it up
        how [do|can] I [reach|contact] {name}? [show the contact|look it up in my contacts|]
        what {field} [do I have for|does {name} have, and how do I reach|is saved for] {name}?
        [which|what] {field} [is|did I save] [in my contacts|] for {name}?"""
    ),
    "read_messages": combine(
        """[anything|any texts|any messages|something] [new|] from {sender} [today|yet|]?
        <can> [read|show|open] [me|] [the|my|new] [messages|texts] [from|by] {sender}
        <can> [read|check|show] [me|] my [new messages|inbox|unread texts]
        <want> [read|see|hear|check] [my|the new] [messages|texts] [from {sender}|]
        <want> know what {sender} [wrote|texted|sent]
        has {sender} [written|texted|answered|replied|messaged me] [yet|back|]?
        [did|has] {sender} [text|answer|reply|write back|texted back] [yet|]?
        <who> texted me, [show|read|open] my new messages
        [inbox|new messages|unread messages|messages] [please|?|from {sender}|by {sender}]
        {sender}[,|:] [any message|new messages|what did they write]?
        <wonder> [if|whether] {sender} [has written|answered|texted me]
        only [messages|texts] from {sender} <plz>"""
    ),
    "calendar.create_event": combine(
        """[add|put|enter|save] [a|the|my] {title} [to|in|on] [my|the] calendar [on|for|,] {date}*
        [schedule|plan|set up|arrange] [a|the] {title} [on|for|] {date}*
        <can> [add|put] {title} [to|in|on] my calendar [on|for|,] {date}*
        <want> [plan|schedule] [a|the|my] {title} [on|for|] {date}*
        {title}[,| on|:] {date}*
        {date}[,|:] {title}*
        I have [a|my|the] {title} {date}*""",
        time="[at|, starting at|, from|, time] {time}",
        location="[at|in|, place:|, it's at|, location] {location}",
    ),
    "calendar.list_events": combine(
        """<can> [check|show me|tell me] [what's on|my calendar|my schedule|what I have] [for|on|] {date}
        <want> [see|know] [what I have planned|my appointments|what's on my calendar] [for|on|] {date}
        <wonder> what I [have planned|am doing according to my calendar] {date}
        {date}[,|:] [what's on|any plans|my schedule|what do I have|anything on my calendar|am I busy]?
        [agenda|schedule|appointments|calendar|events|plans] [for|on|,|] {date} <plz>
        am I [busy|booked|booked up|available|double booked] {date}?
        how [full|busy|packed] is [my calendar|my day|my schedule] {date}?
        do I [have time|have to be anywhere|have anything|have any appointments] {date}?
        what [does {date} look like|am I doing {date}|is planned {date}|appointments are there {date}] according to my calendar?
        <who> wants to meet {date}, [am I free|what's in my calendar|do I have time]?
        [read|list|show|tell] me my [appointments|plans|meetings] [for|on|] {date}
        [anything|something|any events] [planned|scheduled|in my calendar] [for|on|] {date}?"""
    ),
    "set_reminder": combine(
        """<can> remind me to {text} at {time} {date}
        <can> remind me [at|by] {time} to {text}
        {date} at {time}[,|:] [remind me to|reminder to|I have to] {text}, [remind me|set a reminder]
        remind me {date} [to|that I should] {text} at {time}
        [on|for] {date}, {time}, set a reminder to {text}
        [set|create|add] a reminder [for|on] {date} at {time}[:| to|,] {text}
        [set|create|add] a reminder for {time} {date}[:| to|,] {text}
        [reminder|remind me][:|,] {text}, {date}, {time}
        [reminder|remind me][:|,] {text}, {time}, {date}
        [reminder|remind me][:|,] {text} at {time} on {date}
        <want> be reminded to {text} {date} at {time}
        <want> be reminded at {time} [on {date}|] to {text}
        I [must|should|have to] {text} {date} at {time}, [remind me|set a reminder]
        [don't|do not] let me forget to {text} {date} at {time}
        {text} {date} at {time}, [remind me|reminder please|set a reminder for that]
        at {time} [on|,|] {date} I have to {text}, remind me"""
    ),
    "setAlarm": combine(
        """[set|make|create] [an|the|my] alarm [for|at|to] {time}
        [wake|get] me up at {time}
        <can> wake me [up|] at {time}
        <want> [get up|be woken|wake up|have an alarm] at {time}
        alarm[,| at| for|:] {time}
        {time} alarm <plz>
        <hey> [alarm|wake me|wake-up call] at {time}""",
        days="[every|on|each|, repeat on|, only on|for] {days}",
    ),
    "todo.add": combine(
        """<can> [add|put] {task} [to|on] my [to-do list|tasks]
        <want> [add|put] {task} [to|on] my to-do list
        [to-do|todo|task|new task|new to-do][:|,] {task}
        [to-do|todo|task|new task][:|,] {task}, {priority} priority
        {task}, {priority} priority, [add it to my to-do list|on the to-do list|put it on my tasks]
        {priority} priority[:|,] {task}, [to my to-do list|on the to-do list please|as a task]
        with {priority} priority [add|put] {task} [to|on] my [to-do list|tasks]
        [add|put] {task} [to|on] my [to-do list|task list|tasks][,| with| as] {priority} priority
        [add|create] a [task|to-do] with {priority} priority[:| to|,] {task}
        [create|make|add] the {priority} priority [task|to-do][:|,] {task}
        <can> [create|add] a {priority} priority [task|to-do][:|,| to] {task}
        {task} [has to go|should go|belongs|goes] on my to-do list
        I [still|] have to {task}, [put it on my to-do list|add that to my tasks]"""
    ),
    "list_todos": combine(
        """<can> [show|list|read] [me|] my [tasks|to-dos|to-do list]
        <want> [see|check|know] [my tasks|what's on my to-do list|what I have to do]
        <wonder> what [I still have to do|is left on my to-do list]
        <hey> [my tasks|show my to-do list|what's on my to-do list]
        [tasks|todos|to-do list] [please|?|for today]
        what [still needs doing|is there left to do|remains on my list of tasks]?
        am I done with [everything|all my tasks] [yet|]?
        [anything|something] left [to do|on my to-do list]?
        [pull up|open|check] my [task list|to-do list|todos]
        which [chores|jobs|tasks] [are|do I have] [left|open|waiting] [today|]?
        how many [tasks|to-dos] are [open|left]?
        [read|go] through my [tasks|to-do list] [with me|]"""
    ),
    "play_song": combine(
        """<can> [play|put on|start] {song}
        <want> [hear|listen to|play] {song}
        [play|put on|start] [the song|the track|] {song}
        [let's hear|how about|play me] {song}
        <hey> [play|put on] {song}""",
        artist="[by|from|, the one by|, artist] {artist}",
    )
    + combine(
        """{artist}[,|:] {song} [please|, play it|]
        {song} [by|from] {artist} [please|, play it|now]
        something by {artist}, [play|I mean|the song] {song}
        play {artist}'s {song}"""
    ),
    "set_volume": combine(
        """[volume|sound|loudness] [level|] {level} <plz>
        <can> [set|put|turn|bring] the [volume|sound] [to|down to|up to] {level}
        <want> [have|set|turn] the volume [at|to] {level}
        it's too [loud|quiet], [volume|set the volume] to {level}
        [turn|bring|crank] [it|the volume] [up|down] to {level} <plz>
        {level} [percent|] volume <plz>
        [volume|sound] [down|up] to {level}
        <hey> [volume|set the volume to|volume to] {level}
        [the baby sleeps|I have a headache|the party starts], volume [to|at] {level}
        I'd [like|prefer] the [volume|sound] at {level} [percent|]
        [drop|raise|lower|increase|reduce] the volume to {level} [percent|]
        make it [louder|quieter][:|,] volume {level}"""
    ),
    "media_control": combine(
        """<can> {action} the [music|song|track|player]
        <want> {action} the [music|song]
        {action} [the music|this song|playback|it]
        <hey> {action} [the music|the song]
        [the phone rings|someone's at the door|I'm back], {action} the music""",
        room="[in|, room:|, the player in|, I mean in] the {room}",
    )
    + combine("in the {room}[,|] {action} [the music|the song|playback]\n{room} [player|music|speaker][:|,] {action}"),
    "playMovie": combine(
        """<can> [play|start|put on] [the movie|the film|] {title}
        <want> [watch|see] [the movie|the film|] {title}
        [play|start|show|put on] {title} [on the TV|tonight|]
        [tonight|now] [we watch|let's watch] {title}
        {title} on [the TV|TV]
        movie time[:|,] {title}""",
        subtitles="[with {subtitles} subtitles|with subtitles in {subtitles}|, subtitles in {subtitles}|subtitled in {subtitles}|, {subtitles} subtitles please]",
    ),
    "switch_lights": combine(
        """[turn|switch] the [lights|light|lamp] in the {room} {on}
        [turn|switch] {on} the {room} [lights|light|lamp]
        <can> [turn|switch] {on} the [lights|light] in the {room}
        I [want|need|would like] the [lights|light] in the {room} [to be|] {on}
        {room} [lights|light|lamp] {on}
        in the {room}[,|] [turn|switch] the [lights|light] {on}
        <hey> [lights|light] {on} in the {room}""",
        delay_minutes="[in|after|, but only in|, wait] {delay_minutes} minutes",
    )
    + combine("in {delay_minutes} minutes[,|] [turn|switch] {on} the [lights|light] in the {room}"),
    "set_thermostat": combine(
        """[set|put|turn] the [heating|thermostat|temperature] to {temperature} [degrees|]
        <can> [set|turn|put] the [heating|temperature] to {temperature} [degrees|]
        <want> have {temperature} degrees
        [make it|I'd like] {temperature} degrees
        {temperature} degrees <plz>
        [it's freezing|it's too hot|I'm shivering], [set it to|heat to|make it] {temperature} [degrees|]""",
        room="[in|for] the {room}",
    )
    + combine("{room}[:|,| to| at] {temperature} degrees\nin the {room} [set|make it|I want] {temperature} degrees"),
    "smart_lock": combine(
        """<can> {action} the {door}
        <want> {action} the {door}
        <hey> {action} the {door}
        the {door}[,|:] {action} it <plz>
        {door}[,|:] {action} [please|it|now]
        someone should {action} the {door}, [do it|please do]
        [make sure you|don't forget to|go and|please] {action} the {door}
        [I'm in bed|I'm at work|I'm on my way], [please|] {action} the {door}
        <who> is [coming|here|outside|leaving], {action} the {door}
        the {door} is [still open|not secured], close it up{action=lock}
        let <who> in [through|at] the {door}{action=unlock}
        [I need|I want] the {door} [locked|secured|shut tight]{action=lock}
        [I need|I want] the {door} [unlocked|opened up]{action=unlock}"""
    ),
    "start_vacuum": combine(
        """[vacuum|clean|have the robot clean] the {rooms}
        <can> [vacuum|send the robot to|clean] the {rooms}
        [send|start] the [robot|vacuum] [to|in] the {rooms}
        <want> [have|see|get] the {rooms} [vacuumed|cleaned by the robot]""",
        mop="{mop}",
    )
    + combine("""[start|run] the [robot|vacuum cleaner|vacuum] {mop}
        {mop}, [vacuum|clean] the {rooms}
        the {rooms} [is dirty|are dirty|need cleaning], [vacuum|send the robot]
        <can> [start|run] the [vacuum|robot] [now|{mop}|]
        the dog made a mess, [start the vacuum|run the robot] [in the {rooms}|]"""),
    "set_blinds": combine(
        """<can> {action} the [blinds|shutters] in the {room}
        <want> {action} the blinds in the {room}
        <hey> {action} the {room} [blinds|shutters]
        {room}[:|,] {action} the blinds
        {room} blinds[,|:] {action} [them|please]
        in the {room}[,|] {action} the [blinds|shutters]
        {action} [all|] the [blinds|shutters] [of|in] the {room} <plz>
        it's too [bright|sunny] in the {room}, [close the blinds|blinds down]{action=close}
        it's [too dark|gloomy] in the {room}, [open the blinds|blinds up]{action=open}
        [let|get] some [light|sun] into the {room}, [blinds up|open the blinds]{action=open}
        nobody should look into the {room}, blinds down{action=close}
        the blinds in the {room} should be [closed|down|shut]{action=close}
        the blinds in the {room} should be [open|up|raised]{action=open}"""
    ),
    "add_to_shopping_list": combine(
        """[add|put] {items} [to|on] [my|the] shopping list
        <can> [add|put] {items} [to|on] the shopping list
        [we need|we're out of|buy|don't forget] {items}, [add it to the shopping list|on the list]
        <want> [put|add] {items} [on|to] the shopping list
        shopping list[:|,] {items}
        <hey> [add|put] {items} [to|on] the [shopping|grocery] list""",
        store="[for|from|, store:|, to buy at] {store}",
    )
    + combine("""at {store} [we need|I must buy] {items}, [put it on the list|add it to the shopping list]
        [shopping list for|list for] {store}[:|,] {items}"""),
    "order_groceries": combine(
        """<can> order {packs} packs of {item} [online|]
        <want> order {packs} packs of {item}
        {packs} packs of {item}[, order them|, please order| from the online store]
        order {item}[,|:] {packs} packs
        {item}, {packs} packs, [order it|order online|from the online store]
        <can> order [some|more|] {item} [online|from the online store]
        <want> [order|buy] {item} online
        we [ran out of|have no more|finished the] {item}, order [it|more] [online|]
        we [ran out of|finished the] {item}, order {packs} packs
        [get|order] {packs} packs of {item} [delivered|with the groceries|]
        [put in|place] an [online order|order] for {packs} packs of {item}
        <hey> order {packs} packs of {item}"""
    ),
    "track-order": combine(
        """<can> [track|find|locate|follow] order {order_id}
        <want> know when [order {order_id}|my order {order_id}] [arrives|comes|gets here]
        <wonder> [where|when] my order {order_id} [is|arrives]
        order {order_id}[,|:] [where is it|when does it arrive|has it shipped|any news]?
        {order_id}[,|:] [where's my order|when does it come|track it]
        how [long|many days] until order {order_id} [arrives|comes|is here]?
        [I'm|I am] [still|] waiting for order {order_id}, [when does it arrive|where is it]?
        [delivery|arrival] [time|date] [of|for] order {order_id}?
        is order {order_id} [on its way|coming today|late|nearly here]?
        what happened to [my|] order {order_id}?
        order [number|no|#] {order_id}, [track it|where is it]
        I ordered something, the number is {order_id}, [where is it|when does it come]?"""
    ),
    "find_recipe": combine(
        """[find|show|give|get] [me|] a recipe for {dish}
        [recipe|recipes] for {dish}
        <can> [find|show me|suggest] a recipe for {dish}
        <want> [cook|make|prepare] {dish}, [find a recipe|recipe please]
        [how do I|how can I] [make|cook] {dish}
        <hey> [recipe|a recipe] for {dish}""",
        diet="[, {diet}|that is {diet}|, it must be {diet}|, {diet} please]",
        max_minutes="[in under {max_minutes} minutes|, at most {max_minutes} minutes|that takes {max_minutes} minutes at most|in no more than {max_minutes} minutes|, max {max_minutes} minutes]",
    )
    + combine("""a {diet} {dish} recipe [under|in less than|for at most] {max_minutes} minutes
        {diet} {dish}, [recipe|a recipe] [please|under {max_minutes} minutes|]
        I only have {max_minutes} minutes, [find|give me] a [{diet}|] recipe for {dish}"""),
    "order_food": combine(
        """<can> order [some|] {dish} [for us|for me|]
        <want> [order|get] {dish}
        [order|get|deliver] {dish} [for me|for dinner|]
        {dish} for [lunch|dinner|delivery]
        we're [hungry|starving], [order|get us] {dish}
        <hey> order {dish}""",
        address="[to|, deliver to|, the address is|, delivered to|, send it to] {address}",
    )
    + combine("to {address}[,|:] [order|deliver|bring] {dish}\n[deliver|send|bring] {address} [some|] {dish}"),
    "log_workout": combine(
        """[log|record|save|track] {minutes} minutes of {exercise}
        <can> [log|record|save] {minutes} minutes of {exercise}
        [I did|I finished|just did|today I did] {minutes} minutes of {exercise}
        {exercise}[,| for|:] {minutes} minutes
        {minutes} min {exercise}
        <want> [log|record] {minutes} minutes of {exercise}
        workout[:|,] {exercise}, {minutes} minutes""",
        calories="[, {calories} calories|and {calories} calories burned|, burned {calories} calories|with {calories} calories]",
    )
    + combine("[burned|I burned] {calories} calories [in|with] {minutes} minutes of {exercise}, log it"),
    "log_weight": combine(
        """<can> [log|record|save|note] my weight[:| as|,] {weight} {unit}
        <want> [log|record|save] my weight[:|,| of] {weight} {unit}
        [weight|body weight|weigh-in|weight today] {weight} {unit}
        {weight} {unit}[, that's my weight|, log my weight|, my weight today]
        I'm [at|down to|up to|now] {weight} {unit} [, log it|today|]
        just [stepped on the scale|weighed myself][:|,] {weight} {unit}
        this morning [I weighed|the scale said] {weight} {unit}
        [update|change|set] my weight to {weight} {unit}
        my [new|current] weight is {weight} {unit}
        [put|enter] {weight} {unit} [as|for] my weight
        I [gained a bit|lost some], now {weight} {unit}, log [it|my weight]
        <hey> [log|my weight is] {weight} {unit} [as my weight|on the scale]"""
    ),
    "get_step_count": combine(
        """[how many steps|what was my step count|how many steps did I do] on {day}?
        {day}[,|:] [how many steps|my steps|step count]?
        <can> [check|show me|tell me] my steps [for|on|from] {day}
        <can> [check|show me|tell me] [my steps|my step count|how much I walked]
        <want> [know|see] [my steps|how many steps I took] [on {day}|for {day}|]
        <wonder> how many steps I [took|walked] [on {day}|]
        [steps|step count|pedometer] [for {day}|on {day}|please|today]
        was I [active|walking a lot] on {day}? [steps please|my steps|]
        did I [walk|move] [a lot|enough] on {day}?
        how much did I [walk|move] [on {day}|today|so far]?
        have I [reached|hit] my step goal [today|yet|]?
        [show|tell] me [the number of|how many] steps I [took|made|did] on {day}"""
    ),
}  # fmt: skip
