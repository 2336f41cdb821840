"""Ways people speak when they ask for the time somewhere or for a timer."""

from __future__ import annotations

from tiny_lam.catalog.fragments import patterns

MORE = {
    "get_time": patterns("""
        [yo|dude|man|bro|mate], what time is it [in|over in|down in|up in] {city}?
        {city} time [?|pls|check|quickly|rn]
        time {city} [now|pls|currently|asap]
        {city} [right now|currently|at the moment], what's the [time|hour|clock]?
        <wonder> what time it is <now> in {city}
        <wonder> [how late|how early] it is in {city} <now>
        <wonder> whether it's [already|still] [morning|night|dark|late|midday|evening] in {city}
        <wonder> if [everyone|everybody] in {city} is [asleep|still up|at work|awake] [by now|at this hour|]
        <know> the [time|local time|current time|exact time] in {city}?
        <know> what [time|hour] it is [over|] in {city} <now>?
        <know> what the clock [says|shows|reads] in {city}?
        <can> [check|look up|pull up|fetch|get] the [time|current time|local time] [in|for|of] {city} <plz>
        <can> tell <me> how late it [is|has become] in {city}?
        <mind> [telling me|checking|looking up] the time in {city}?
        <want> know [what time it is|the time|how late it is|the local time|the hour] in {city} <now>
        <want> [check|see|find out] [what time it is|the local time|the clock] in {city} before I [call|ring|write|go to bed|book]
        <who> [is|lives|sits|works] in {city} [and|, and] I don't want to wake [them|anyone], what time is it there?
        <who> is [expecting my call|waiting for me|online] in {city}, [local time|the time there|how late there]?
        <who> [just flew|moved|has gone|went] to {city}, [what's the time|what time is it] [over there|there|where they are]?
        <who> asked [when to call|what time it was] in {city}, [tell me the time|what time is it]
        before I [call|phone|text|ring] {city}, [what time is it there|tell me how late it is there|check their time]
        don't want to [wake|disturb|bother] anyone in {city}, what time [is it|have they got]?
        is {city} [awake|asleep|still sleeping|in the dark|already waking up] [yet|right now|now|already|]?
        is it [too late|too early|okay|a bad time|rude|safe] to [call|phone|ring|text|message] [someone in|people in|] {city} [now|at this hour|]?
        is it [past|after|before|close to|nearly|almost] [noon|midnight|lunch|9 am|five|dinner time|bedtime|office hours] in {city} [yet|by now|]?
        is it [tomorrow|the next day|already Tuesday|still Sunday] [yet|] in {city}?
        is it [office hours|business hours|working time|school time|rush hour|tea time|siesta] in {city} [now|right now|]?
        has [the day|the sun|work|the morning|Monday] [started|begun|ended|come up] in {city} [yet|already]?
        has midnight [passed|come|struck] in {city} [yet|already|]?
        what does [a|the|any] [wall clock|watch|wristwatch|station clock|phone] in {city} [say|show|read] <now>?
        what's [it|the clock] [say|saying|reading|showing] in {city}?
        what [o'clock|hour] [is it|would it be|have they got] in {city} [now|]?
        what's the [hour|clock time|present time|real time|official time] [in|at|over in] {city}?
        which hour [of the day|] is it [now|] in {city}?
        at this [moment|very moment|second], what time is it in {city}?
        [as of now|as we speak], what's the time in {city}?
        [right now|now|currently], in {city}, [what time is it|it's what time|how late is it]?
        in {city}, [it's what time|what's the time|how late is it|what hour is it] [now|]?
        over in {city}[, what time is it| what time is it|, how late is it] [now|]?
        for {city}[:|,] [current time|time|local time|clock|what time]?
        [time|clock|hour|local time|now][:|-] {city}
        {city}[:|,|...] [time|hour|clock|local time|now] [please|?|]
        {city}, [time please|how late|the time|hour|current time|time check]
        {city} [local time|clock|hour|timezone time|time zone now] [please|now|]
        time check [for|in|on|:] {city}
        [world clock|clock|time lookup|time query] [for|in|:|,] {city}
        open the [world clock|clock] [for|at|and show] {city}
        [add|put|bring up] {city} [on|in] the world clock and [tell|show] me the time
        [read|say] [out|] the time in {city} [aloud|to me|]
        what time [do I have to|must I|should I] set my [watch|clock|phone] to [in|for] {city}?
        my watch [is broken|stopped|is still on home time], what's the time in {city}?
        [set|sync] my [watch|clock] by {city}, what's the time there?
        [just|I just] [arrived|got off the plane|touched down|checked in] in {city}, what's the [time|local time|hour] here?
        [sitting|stuck|waiting|standing] at the airport in {city}, [what time is it|what's the time]?
        I'm [in|visiting|near|over in] {city} [this week|today|for work|on holiday|] [and my phone is dead|], what time is it here?
        I [live|am staying|am based|stay] in {city}, what's the time <now>?
        [my flight|my train|our plane|the bus] [leaves from|lands in|goes to|stops in] {city}, what time is it there [now|]?
        [I've|we've|I have] got [a call|a meeting|a deadline|an interview|a game|a webinar] in {city} [soon|today|], what's the time there?
        [the meeting|the match|the stream|the show|the launch] is on {city} time, what time is [that|it there] now?
        they [said|told me|wrote] [it's late|it's early|they're going to bed] in {city}, what time is it there [exactly|]?
        the [email|invite|schedule|website] [uses|is in|says] {city} time, what's that right now?
        [jet lagged again|I'm so jet lagged|I lost track of time], what time is it in {city}?
        [forgot|I forgot|I always forget|I can never remember] [what time it is|the time|how late it is] in {city}
        [not sure|no clue|I don't know] [what time it is|how late it is|what the time is] in {city} [right now|]
        remind me what time it is in {city} [again|now|]
        [again|sorry again|once more], what time is it in {city}?
        [and|now|next|then] {city}, what's the time [there|]?
        [and|what about|how about] the time [in|for|over in] {city}?
        [same for|same question for|and for] {city}, what time is it there?
        [bet it's late|it must be late|it's probably night|surely it's early] in {city}, what's the time [there|]?
        [when|if] I look at a clock in {city} [now|], what time [do I see|is it]?
        [suppose|say|imagine] I'm in {city}, what time would it be [now|]?
        were I in {city} [now|right now], what time would it be?
        what would my [watch|phone|clock] say in {city}?
        what time would it be [for someone|for people|for a friend] in {city} <now>?
        what time are [they|people|folks|the guys] on in {city}?
        [what've|what have] they got on the clock in {city}?
        how [late|far into the day|deep into the night] are they in {city}?
        how's the time [in|over in] {city}?
        [morning|evening|night|day] or [night|afternoon|evening] in {city} [now|right now|]?
        [is the sun up|is it light|is it dark out|is it daylight] in {city} [now|yet|still|]?
        is {city} [ahead of us|behind us|a day ahead], what's the time there?
        [people|kids|everyone] in {city} [must be asleep|should be up|are at lunch], [what time is it|what's the time] there?
        are the [banks|shops|markets|bars|restaurants] in {city} open at this hour, what time is it there?
        can I still [reach|catch|get hold of] [someone|somebody|the office] in {city} [at this hour|now|today]?
        would [I wake them|they be up|someone be awake] in {city} at this [hour|time]?
        would it be [night|early|late|morning] [now|] in {city}?
        [should|shall] I [wait to call|hold off calling|ring later] {city}, what time is it there?
        good [morning|evening|day], what time [have we got|is it] in {city}?
        [please|kindly] [tell|give|show] <me> [the|] [current|local|exact|present] time [in|for|of] {city}
        [please|kindly] [check|look up|find|state] [what time it is|the time|how late it is] in {city}
        I'd [love|like|be glad] to [know|hear|have] the time in {city} [please|]
        I'd be [grateful|happy] if you [told me|gave me|checked] the time in {city}
        [would|could] you be so [kind|nice] [and|as to] tell me the time in {city}?
        [if you know|if possible|when you get a second], the time in {city} [please|]
        [gimme|hit me with|shoot me] the time in {city}
        [lemme|let me] [know|see] what time it is in {city}
        whats the time [in|over in] {city} [rn|now|right now|atm|]
        what time is it {city}
        wat time is it in {city}
        whats {city} time [right now|now|rn|]
        time now {city} [please|]
        [tell me|say] {city} time [now|please|]
        need [the|] time in {city} [asap|quickly|now|please|]
        need {city} time [asap|please|now|]
        [checking|curious about|looking for|after] the [time|local time] in {city}
        [the question is|my question is|here is my question][:|,] what time is it in {city}?
        [someone|somebody|a kid|a guy] [just asked|wants to know|is asking] [me|] what time it is in {city}
        [we are arguing|we have a bet|it's for a quiz], what time is it in {city} [now|]?
        for [my report|a meeting|planning|the invite|scheduling] I need the [current|] time in {city}
        because [I want to call|we have a meeting|the office opens soon], what is the time in {city}?
        so that I don't [call too late|wake them|miss it], [tell me the time|what time is it] in {city}
        time [difference aside|zones confuse me|zones are hard], what time is it in {city}?
        [hour|minute|time] by the [minute|second] in {city} [please|]
        [precise|official|exact|correct|actual] time [for|in|of] {city} [please|now|]
        [display|print|output|return|report] [the|] [current|local|] time [in|for|of] {city}
        date and time [in|for] {city} [right now|please|]
        [find|get|grab] [me|] the [clock|hour|local hour|time of day] [for|in|of] {city}
        [could|can|might] I [get|have|hear] the time in {city} [please|]?
        [could|can] you [see|say|figure out|work out] how late it is [over there|] in {city}?
        [have you got|do you have|got] the time [for|in] {city} [handy|]?
        [it's|it is] [noon|3 pm|late|morning] [here|at my place], what is it in {city}?
        [here it's night|here it's still early|we're at breakfast], what time do they have in {city}?
        [is there|does anyone have] a clock for {city}? what's the time
        the clock in {city} [shows|says|is at] what [time|hour] [now|]?
        I'm [planning|setting up|scheduling] a call with {city}, what time do they have <now>?
        I'm [watching|following] [a game|the election|a stream] [from|live from] {city}, what time is it there?
        [new year|the countdown|the party] in {city} [already|yet], what time is it there?
    """),
    "set_timer": patterns("""
        {amount} {unit} [go|starting now|from now|on the clock|and counting|starting this second]
        {amount} {unit} [countdown|timer] [please|thanks|now|go|]
        [gimme|give me|hit me with] {amount} {unit} [on the clock|on a timer|]
        [start|begin|kick off|launch|fire up] [a|the] {amount} {unit} [countdown|timer|clock] <plz>
        [set|put] the [clock|kitchen timer|egg timer|stopwatch timer|timer] [to|for|on] {amount} {unit} <plz>
        [program|arrange|prepare|schedule|activate|configure] a timer [of|for|to go off in] {amount} {unit}
        <can> [start|set|run|do] a timer [for|of|with] {amount} {unit} <plz>
        <can> [ping|buzz|beep|nudge|alert] me [in|after] {amount} {unit}?
        <can> [count|time] {amount} {unit} [for me|]?
        <can> let me know [when|once] {amount} {unit} [have passed|are up|are over|are gone]?
        <can> [ring|make a sound|shout] [in|after] {amount} {unit}?
        <can> time my {label} [for|at] {amount} {unit}?
        <can> set a {label} timer [for|of|to] {amount} {unit}?
        <can> give me {amount} {unit} for [the|my] {label}?
        <mind> [setting|starting|running] a [timer|countdown] [of|for] {amount} {unit}?
        <mind> [pinging|waking|nudging|buzzing] me in {amount} {unit}?
        <want> be [woken|pinged|alerted|notified|reminded|called] in {amount} {unit}
        <want> [time|measure] {amount} {unit} [for the {label}|for my {label}|]
        <want> have a [timer|countdown] [of|for|with] {amount} {unit}
        <want> [start|set|have] a {label} timer[,| of| for|:] {amount} {unit}
        <want> check [on|] the {label} in {amount} {unit}, [set a timer|start a timer|ping me]
        <want> [nap|rest|read|exercise|wait|pause] for {amount} {unit}, [set a timer|wake me|let me know when it's over]
        <want> [leave|go|head out|be back] in {amount} {unit}, [start a countdown|set a timer|give me a shout]
        I'll [be back|need you|check|return|look again] in {amount} {unit}, [set a timer|start the clock|ping me then]
        I'll [nap|rest|lie down|sleep|doze] for {amount} {unit}, wake me [up|then|after that]
        I'm [putting|throwing|sliding] the {label} in the oven, [give it|timer for|set] {amount} {unit}
        [the|my] {label} [is|goes] [in the oven|on the stove|in the pot], {amount} {unit} [please|timer|on the clock]
        [the|my] {label} [has to|must|should] [rest|cook|bake|cool|sit|steep|dry] [for|] {amount} {unit}, [timer please|set a timer|time it]
        [the|my] {label} [will be|should be|is] [ready|done|finished|over] in {amount} {unit}, [beep then|let me know|set a timer]
        [the|my] {label} [starts|begins|ends] in {amount} {unit}, [ping me|alert me|set a timer]
        {label} [in|for] {amount} {unit}, [timer please|set a timer|start a timer|remind me]
        {label} timer[:|,|] {amount} {unit} [please|go|now|]
        {label} timer [set to|set for|at|with|on] {amount} {unit}
        {amount} {unit} {label} timer [please|now|]
        {amount} {unit} [for|until] [the|my|] {label} [, please|, go|, start now|]
        {amount} {unit}[,|:| -] {label} [timer|]
        {amount} {unit} and call it {label}
        timer [called|named|labelled|titled|with the name] {label}[,| for| with|:] {amount} {unit}
        timer {label} {amount} {unit}
        timer[,|:] {label}[,|:] {amount} {unit}
        countdown [for|to|until] [the|my|] {label}[:|,| of|] {amount} {unit}
        [name|label|call] it {label}[,| and] [set|run|start] [a timer|the timer] for {amount} {unit}
        [label|name] [a|the|my] timer {label} and [set it to|let it run for|start it with] {amount} {unit}
        [set|start|create] [a|one] timer of {amount} {unit} [and call it|and label it|and name it|with the label|with label|under the name] {label}
        [set|start] {amount} {unit} [under the name|with the label|with the name|labelled] {label}
        [set|start|make|create] an alarm [named|called|for|labelled] {label} [in|to ring in|that rings after] {amount} {unit}
        [tell|warn|ping|call|shout at|poke] me [about|when it's time for] [the|my] {label} in {amount} {unit}
        [tell|warn|ping|alert] me in {amount} {unit} [that|because] [the|my] {label} is [ready|done|due|over]
        [let me know|give me a shout|beep|sound an alarm] in {amount} {unit} [for|about|because of] [the|my] {label}
        in {amount} {unit} [the|my] {label} [is done|is ready|needs me|starts|is due], [ping me|alert me|set a timer]
        in {amount} {unit}[,|] [tell|ping|alert|buzz] me [about|for] [the|my] {label}
        in {amount} {unit}[,|] [shout|ring|buzz|sound an alarm|start beeping|let me know|give me a nudge]
        in {amount} {unit} I [have to|must|need to|should] [leave|go|stop|get up|call back|be out], [set a timer|buzz me|alert me]
        in {amount} {unit} [time|from now] [alert|ping|remind|buzz] me
        {amount} {unit} from now [buzz|ping|wake|alert|tell|remind] me
        {amount} {unit} from now[,|] [set off an alarm|ring|beep|make some noise]
        [once|when|as soon as|after] {amount} {unit} [have passed|are over|have gone by|are up][,|] [ping|alert|tell|wake|buzz] me
        [wait|hold on|pause] {amount} {unit} [and|then] [tell|ping|beep|alert|call] me
        [give|allow] me {amount} {unit} [and then|then] [ring|beep|wake me|stop me|alert me]
        [go off|ring|beep|buzz|chime|sound] [in|after] {amount} {unit} <plz>
        [make|let] [it|the phone|the timer|something|an alarm] [ring|beep|go off] [in|after] {amount} {unit}
        [buzz|nudge|poke|shake|call|rouse] me [in|after] {amount} {unit} <plz>
        [stop|interrupt] me [in|after] {amount} {unit} <plz>
        [kick|get|drag] me out of bed [in|after] {amount} {unit}
        [let|allow] me [sleep|rest|nap|play|scroll|read] for {amount} {unit} [and|, then] [wake me|beep|stop me|ring]
        [time|clock] me [for|] {amount} {unit} <plz>
        [time|clock] [my|the|this] {label}[:|,| for|] {amount} {unit}
        [track|count off|count out] {amount} {unit} [for me|please|]
        count [backwards|down] [from|] {amount} {unit} [please|now|]
        [one|another|a second|a new|a quick|a short|a long] timer[,|:| of| for|] {amount} {unit} [please|]
        [another|one more|a further] {amount} {unit} [please|on the timer|on the clock]
        [quick|short|new|fresh|next] [timer|countdown][:|,] {amount} {unit}
        [timer|alarm|countdown][, | | - |: ]{amount} {unit} [pls|thx|go|now|]
        [timer|alarm] [in|set|at|to|on] {amount} {unit} [pls|please|]
        timer please[,|:|] {amount} {unit}
        timer [and make it|that runs|running|lasting|that lasts|which rings after] {amount} {unit}
        a timer [that goes off|that rings|to ring|to beep] [in|after] {amount} {unit} <plz>
        [how about|what about|let's do|let's say|make it] a timer [of|for] {amount} {unit}
        let's [do|start|go for|say|take] {amount} {unit} on the [timer|clock]
        let's [time|measure] {amount} {unit}
        [okay|alright|ready|steady][,| now| then] start {amount} {unit} on the timer
        [set|start] it [for|to|at|with] {amount} {unit}[, the timer|, a timer I mean| on the timer]
        [need|want|requesting|require] [a|] timer [for|of|:] {amount} {unit} [asap|please|now|]
        [need|want] [a|an|] {amount} {unit} timer [asap|please|now|]
        I [could use|would like|need|am after|want] a [timer|countdown|reminder] [in|for|of] {amount} {unit}
        I [only have|have just|have exactly|get|have got] {amount} {unit} [for this|for the exam|to finish|left], [start the timer|start a countdown]
        [the exam|my turn|the game|the round|the talk|the break|my shift|the quiz] [lasts|takes|is|runs] {amount} {unit}, [start the timer|set a timer|time it]
        [the parking meter|the meter|my parking|the dryer|the machine|the charger] [runs out|stops|is done|needs] in {amount} {unit}, [warn me|set a timer|ping me]
        [I'm|we're] on a break [for|of] {amount} {unit}, [start a timer|tell me when it's over|set a timer]
        [I'm|I am] [planking|stretching|holding my breath|brushing my teeth|waiting|studying|soaking beans], [set|start|time|count] {amount} {unit}
        [I'm|I am] [steaming rice|frying fish|boiling an egg|proofing dough|dyeing my hair], [set a timer for|start|timer for] {amount} {unit}
        [my|the] [eggs|rice|noodles|roast|fries|mask|paint|glue] [need|needs] {amount} {unit}, [time that|start a timer|set a timer]
        [kids|the kids|the children] [get|have|may play] {amount} {unit} [of tv|of screen time|more], set a timer
        [before|so that|so] I [forget|don't forget|don't burn it], [set|start] [a timer for|] {amount} {unit}
        [because|since] [I always forget|I'm cooking|I'm in a hurry], set a timer for {amount} {unit}
        [don't|do not] let me [forget|burn|miss] the {label}, [set|start] a timer for {amount} {unit}
        [make sure|see to it that|be sure] [I|that I] [get up|stop|leave|check the stove] in {amount} {unit}, set a timer
        <wonder> if you could [set|start] a timer [for|of] {amount} {unit}
        <hey> [wake|ping|buzz|alert|beep] me in {amount} {unit} <plz>
        <hey> [start|set] [a|] {label} timer[,| for|] {amount} {unit}
        <hey> {amount} {unit} [timer|countdown|on the clock] <plz>
        <hey> timer[,|] {amount} {unit} [for|] [the|] {label}
        [please|kindly] [set|start|run] [a|one] [timer|countdown] [for|of|lasting] {amount} {unit}
        [please|kindly] [remind|alert|notify] me [in|after] {amount} {unit}
        [please|kindly] [time|set a timer for] [the|my] {label}[:|,| with|] {amount} {unit}
        set timer [to|for|] {amount} {unit} [name|label|title|called] {label}
        set timer {label} {amount} {unit}
        {label} {amount} {unit} [timer|please|on the timer|]
        [boil|bake|cook|brew|do] the {label} for {amount} {unit}, [timer please|set a timer|start the clock]
        set timer {amount} {unit} {label}
        setting a timer [for|of] {amount} {unit} would [be great|help|be nice]
        an alert [in|after] {amount} {unit} [please|would be good|]
        a [nudge|ping|beep|buzz|ring|wake up call|signal] in {amount} {unit} <plz>
        [how|can I get] [about|] a [wake up call|ping|beep] in {amount} {unit}?
        [set|start] a timer for [ninety seconds{amount=90}{unit=seconds}|thirty seconds{amount=30}{unit=seconds}|one minute{amount=1}{unit=minutes}|one hour{amount=1}{unit=hours}|a single minute{amount=1}{unit=minutes}|half a minute{amount=30}{unit=seconds}|three quarters of an hour{amount=45}{unit=minutes}|an hour and a half{amount=90}{unit=minutes}]
        [wake|ping|alert|buzz|tell] me in [half an hour{amount=30}{unit=minutes}|an hour{amount=1}{unit=hours}|a minute{amount=1}{unit=minutes}|a quarter of an hour{amount=15}{unit=minutes}|an hour and a half{amount=90}{unit=minutes}|half a minute{amount=30}{unit=seconds}]
        [half an hour{amount=30}{unit=minutes}|a quarter hour{amount=15}{unit=minutes}|one hour{amount=1}{unit=hours}|one minute{amount=1}{unit=minutes}|half a minute{amount=30}{unit=seconds}] [timer|countdown|on the timer|on the clock]
        [{label}, |]timer for [half an hour{amount=30}{unit=minutes}|an hour{amount=1}{unit=hours}|a minute{amount=1}{unit=minutes}|half a minute{amount=30}{unit=seconds}] [please|now|]
        [the|my] {label} needs [half an hour{amount=30}{unit=minutes}|an hour{amount=1}{unit=hours}|a minute{amount=1}{unit=minutes}|a quarter of an hour{amount=15}{unit=minutes}], [set a timer|time it|ping me]
        in [half an hour{amount=30}{unit=minutes}|an hour{amount=1}{unit=hours}|a minute{amount=1}{unit=minutes}|a quarter of an hour{amount=15}{unit=minutes}] [ping me|wake me up|remind me about the {label}|beep|let me know]
    """),
}  # fmt: skip
