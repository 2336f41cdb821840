"""Ways people speak when they have units converted or sums done."""

from __future__ import annotations

from tiny_lam.catalog.fragments import patterns

MORE = {
    "convert_units": patterns("""
        {value} {from_unit} [in|to|into|as|->|=>|=|equals how many|would be how many|is what in|makes what in] {to_unit} [pls|please|?]
        {value} {from_unit}[,| -| :] [{to_unit} please|{to_unit}?|how many {to_unit}?|in {to_unit} please|convert to {to_unit}|what's that in {to_unit}?]
        {value} {from_unit} [expressed|written|given|stated|measured|converted|put] in {to_unit} [please|]
        {value} {from_unit} [corresponds to|amounts to|comes to|adds up to|translates to] how many {to_unit}?
        {value} {from_unit} [means|is] what [in|when you say it in] {to_unit}?
        {to_unit} [from|for|out of|in] {value} {from_unit} [please|?]
        {to_unit}[:|,] [what is|how much is|how many for] {value} {from_unit}?
        {to_unit} [value|equivalent|amount|figure] [of|for] {value} {from_unit} [please|]
        {to_unit} [please|instead][:|,] {value} {from_unit}
        into {to_unit}[:|,] {value} {from_unit}
        in {to_unit} [please|][:|,] {value} {from_unit}
        in {to_unit}[,|] {value} {from_unit} [is|are|makes|would be] [what|how much|how many]?
        [from|starting from|given|take|with] {value} {from_unit}[,|] [how many {to_unit}|go to {to_unit}|what's it in {to_unit}|get me {to_unit}]
        [from|] {from_unit} [to|into|->] {to_unit}[:|,| please:| with] {value}
        [change|switch|go] from {from_unit} to {to_unit}[, the amount is|:|, value| for the value] {value}
        value {value}[,|] from {from_unit}[,|] to {to_unit}
        [the|] value [is|=|:] {value} {from_unit}[,| and] [target|target unit|convert to|I want|make it] {to_unit}
        [express|state|give|write|put|render|restate|rewrite] {value} {from_unit} [in|as] {to_unit} <plz>
        [make|do|get] {value} {from_unit} [into|to] {to_unit} <plz>
        [recalculate|recompute|transform|swap|flip|port|bring] {value} {from_unit} [into|to] {to_unit}
        [convert|change|turn|switch] [me|] {value} {from_unit} [over to|into|to] {to_unit} <plz>
        [convert|change|turn] this [into|to] {to_unit}[:|,] {value} {from_unit}
        [convert|change|turn|switch] [these|those|my] {value} {from_unit} [into|to] {to_unit} <plz>
        [convert|change] the [number|value|amount|figure|reading|measurement] {value} {from_unit} [into|to] {to_unit}
        [convert|change] [the amount of|a value of|an amount of|a total of] {value} {from_unit} [into|to] {to_unit}
        <can> [convert|change|turn|translate|put|switch] {value} {from_unit} [to|into] {to_unit} <plz>
        <can> [give|show|tell] me {value} {from_unit} [in|as] {to_unit}?
        <can> [work out|calculate|figure out|find out|check] how many {to_unit} {value} {from_unit} [is|are|would be|makes]?
        <can> [express|give|state] {value} {from_unit} in {to_unit}?
        <mind> [converting|changing|turning|translating] {value} {from_unit} [to|into] {to_unit}?
        <mind> [telling me|working out] how many {to_unit} are in {value} {from_unit}?
        <want> [convert|change|turn|translate] {value} {from_unit} [to|into] {to_unit}
        <want> [know|find out|see|work out] how [many|much] {to_unit} {value} {from_unit} [is|are|would be|makes]
        <want> [know|see|have|read] {value} {from_unit} [in|as] {to_unit}
        <want> [go|get] from {value} {from_unit} to {to_unit}
        <want> [write|enter|give] it in {to_unit} [but|and] [I only have|all I've got is|it's] {value} {from_unit}
        <wonder> how [many|much] {to_unit} {value} {from_unit} [is|are|would be|might be|come to]
        <wonder> what {value} {from_unit} [is|are|would be|come to|makes] in {to_unit}
        <know> how many {to_unit} [are in|make|make up|go into|fit in|there are in] {value} {from_unit}?
        <know> what {value} {from_unit} [is|are|makes|would be|comes to] in {to_unit}?
        <know> the {to_unit} [for|equivalent of|value of] {value} {from_unit}?
        <hey> {value} {from_unit} [in|to|into] {to_unit} <plz>
        <hey> how many {to_unit} [is|are|in|make] {value} {from_unit}?
        <hey> [convert|change|turn] {value} {from_unit} [to|into] {to_unit} <plz>
        how many {to_unit} [to|per|would you say|equal|correspond to|go into|fit into|are equal to|add up to|are the same as|do you get out of] {value} {from_unit}?
        how many {to_unit} [does|do|will|would] {value} {from_unit} [make|give|equal|come to|have|contain|correspond to]?
        how many {to_unit} [is that|is it|would it be|do I get|does it make][:|,| when it is| for] {value} {from_unit}?
        how many {to_unit} [must|should|do] I [take|use|count|reckon|write] for {value} {from_unit}?
        how much {value} {from_unit} [is|are|would be] in {to_unit}?
        how much [is it|does it make|would it be] in {to_unit} if [I have|you have|it's|there are] {value} {from_unit}?
        what [number|amount] of {to_unit} [is|are|equals|makes|do I get from] {value} {from_unit}?
        what [would|will|do|does] {value} {from_unit} [be|come to|equal|convert to|translate to|look like|turn into|amount to] [in|as|when in] {to_unit}?
        what [would|does|will] I get [for|from|when I convert] {value} {from_unit} [in|to] {to_unit}?
        what's {value} {from_unit} [if you|when I|when you] [convert|change|turn] [it|them|that] [to|into] {to_unit}?
        what's [the {to_unit} equivalent of|that in {to_unit},|it in {to_unit} when it's] {value} {from_unit}?
        what's [the conversion of|the equivalent of|the value of] {value} {from_unit} [in|to] {to_unit}?
        [is|are] {value} {from_unit} [more than a few|a lot of|many|few] {to_unit}? [convert it|how many exactly|how many]
        [the|this|my] [label|sign|display|gauge|manual|app|website|form|teacher|scale|screen] [says|shows|reads|gives|gave|states] {value} {from_unit}[, but I need|, what's that in|, in|, how many] {to_unit}?
        [the|this|my] [limit|total|amount|reading|result|value|answer|size|rest] is {value} {from_unit}[, what is it in|, how many|, give it in|, put it in|, convert it to] {to_unit}
        [they|he|she|someone|the guy|the coach] [said|told me|wrote|asked for|gave me|wants] {value} {from_unit}[, what's that in|, how many|, in] {to_unit}?
        [I've|I have|we have|there are|we've got|I got|I counted|I used|I read] {value} {from_unit}[, how many|, so how many|, what's that in|, that's how many|, put it in|, give me that in] {to_unit}
        [I only|I just|we only|we] [understand|think in|work in|use|know|deal in] {to_unit}[, what's|, so what is|, so convert|, please convert|, how much is] {value} {from_unit}
        [I never learned|I'm bad with|I hate|who uses|nobody here uses|I get confused by] {from_unit}, [what's|convert|how much is] {value} {from_unit} [in|to] {to_unit}
        [I come from a country with|I grew up with|over here we use|at home it's] {to_unit}, [so|] what is {value} {from_unit}?
        [for|in] [my homework|a recipe|the report|my essay|work|a form|the order] I need {value} {from_unit} [in|as] {to_unit}
        [for|in] [my homework|a test|class|work]: {value} {from_unit} [to|in|into] {to_unit}
        [so|then|and] {value} {from_unit} [is|makes|would be|are] how many {to_unit}?
        [so|and|now|next][,|] {value} {from_unit} [to|in|into] {to_unit}
        [and|what about|how about|now] {value} {from_unit} in {to_unit}?
        [if|when|assuming|suppose|say] [I have|it's|we take|you've got|there are] {value} {from_unit}, [how many|that's how many|what is it in|how much is it in] {to_unit}?
        [given|with|take] {value} {from_unit}[,|] [what do I get in|how much is it in|calculate the|find the] {to_unit}
        [need|want] {value} {from_unit} [in|as|to|into] {to_unit} [asap|please|now|]
        [need|want|looking for] [the|] {to_unit} [for|from|of|equivalent of] {value} {from_unit}
        I [need|want|could use|would like] {value} {from_unit} [expressed in|in|converted to|as|turned into|given in] {to_unit} <plz>
        I'd [like|love] [to know|] {value} {from_unit} in {to_unit} <plz>
        I'd rather have {value} {from_unit} in {to_unit}
        I [don't|can't|couldn't] [know|tell|picture|imagine|say] how [much|many] {value} {from_unit} [is|are], [give it in|what's that in|say it in] {to_unit}
        I can't [convert|turn|change] {value} {from_unit} [to|into] {to_unit}[, can you|, help me|, help|, do it for me]
        help me [convert|with|change|turn|translate] {value} {from_unit} [to|into] {to_unit} <plz>
        help, {value} {from_unit} [is how many|in|to] {to_unit}?
        let's [say|see|convert|take|do] {value} {from_unit} [to|in|into] {to_unit}
        let me [know|see|have] {value} {from_unit} in {to_unit}
        let me know how many {to_unit} [are in|are|make|is] {value} {from_unit}
        [please|kindly] [give|tell|show] me {value} {from_unit} [in|as] {to_unit}
        [please|kindly] [convert|change|turn|translate|express] {value} {from_unit} [to|into|in] {to_unit}
        [please|kindly] [calculate|find|work out|compute] [how many|the number of] {to_unit} [in|for] {value} {from_unit}
        [calculate|compute|find|work out|determine|figure out] {value} {from_unit} in {to_unit} <plz>
        [calculate|compute|find|work out|determine] the [number of|amount in|value in|equivalent in] {to_unit} [of|for] {value} {from_unit}
        [calculate|compute|find|work out|determine] [what|how much] {value} {from_unit} [is|would be|are] in {to_unit}
        [tell me|say|show me|give me|let me hear] {value} {from_unit} [in|as] {to_unit} <plz>
        [tell me|show me|give me|get me] the {to_unit} [for|of|in|from|equivalent of] {value} {from_unit}
        [tell me|say|explain] how many {to_unit} [there are in|are in|you get from|fit into|equal|I get for] {value} {from_unit}
        [gimme|shoot me|hit me with] {value} {from_unit} in {to_unit}
        [quick|quickly|real quick|fast|in short][:|,] {value} {from_unit} [to|in|into] {to_unit}
        [quick|quickly|real quick][,|] how many {to_unit} [in|are|is|make] {value} {from_unit}?
        [unit|units|unit conversion|conversion|converter|convert][:|,] {value} {from_unit} [to|in|->|into] {to_unit}
        [conversion|convert|change] to {to_unit}[:|,| of| please,] {value} {from_unit}
        [conversion|converting] from {from_unit} [to|into] {to_unit}[:|,| of] {value}
        [do|run|make] [a|the|this] conversion[:|,| of| from] {value} {from_unit} [to|into] {to_unit}
        [run|make|do] {value} {from_unit} through [the|a] converter [to|into] {to_unit}
        [use|switch to|go with|make it] {to_unit} [instead|][:|,| for| of] {value} {from_unit}
        [not|don't tell me] {from_unit}[,| but] {to_unit} please[:|, for|, the value is] {value}
        [would|could] [I|you|one] say {value} {from_unit} in {to_unit}? [how much is it|what is it|]
        [could|can] I [get|have|see] {value} {from_unit} [in|as] {to_unit} <plz>
        [could|can] {value} {from_unit} be [expressed|given|written|said] in {to_unit}?
        [would|does] {value} {from_unit} [in {to_unit} be|come to in {to_unit}] [a lot|much]? [how many exactly|what is it|]
        [my watch|the tracker|my phone|the thermometer|the device|the machine] [says|shows|displays|reports|uses] {value} {from_unit}, [what's that in|put that in|convert to|how many] {to_unit}
        [the recipe|the map|the label|the guide|the video|the plan|the game] [calls for|asks for|wants|mentions|lists] {value} {from_unit}, [what's that in|how many|convert it to|I need it in] {to_unit}
        [bought|got|found|made|saw|used|ate|lost|ran] {value} {from_unit}[, how many| - how many|, what's that in|, in] {to_unit}?
        [exactly|precisely|roughly|about|approximately] how many {to_unit} [are|is|in|make] {value} {from_unit}?
        how [does|do] {value} {from_unit} [look|translate|convert|come out|read] [in|to|into] {to_unit}?
        how [would|do] [you|I|we] [say|write|express|give|convert] {value} {from_unit} [in|to] {to_unit}?
        how's {value} {from_unit} in {to_unit}?
        [whats|wats|what s] {value} {from_unit} in {to_unit}
        [conv|cnvrt|convert pls] {value} {from_unit} {to_unit}
        convert {value} {from_unit} {to_unit} [pls|please|]
        convert [from|] {from_unit} to {to_unit} [the number|the value|value|amount|] {value}
        convert to {to_unit} [please|pls|][:|,|] {value} {from_unit}
        {from_unit} to {to_unit} [conversion|please|converter][:| of| for|,] {value}
        {from_unit} [in|into|as] {to_unit}[:|, |: value ] {value}
    """),
    "calculate": patterns("""
        {expression} [=|= ?|equals|is|makes|please|?|pls|gives]
        {expression}[, how much| how much|, what's that|, what is it|, what does it make|, calculate it|, solve it|, work it out|, answer please|, result please] [please|]
        {expression} [is what|is how much|makes what|comes to what|equals what|gives what|would be what|makes how much]?
        {expression}[,|...] [anyone|any idea|quickly|go|do you know|can you do it]?
        [math|maths|calc|calculator|sum|arithmetic|math question|math problem|calculation|homework][:|,] {expression}
        [quick|simple|easy|hard|tricky|another|next|new|one more|last] [math|sum|calculation|question|one|maths question|problem][:|,| -] {expression}
        [quick|quickly|real quick|fast|short][,|:] what's {expression}?
        [the answer to|the result of|the value of|the outcome of|the total of|the solution to] {expression} [please|?|is what?]
        [answer|result|outcome|total|solution] [for|of|to] {expression} [please|?|]
        [need|want|give me|tell me|show me|get me|find] [the|] [answer|result|solution|value|outcome] [to|of|for] {expression} <plz>
        [need|want|gimme|give me|tell me|show me] {expression} [please|asap|now|quickly|]
        <can> [calculate|compute|solve|work out|figure out|add up|evaluate|crunch|do] {expression} <plz>
        <can> [tell me|say|see|check|find out] what {expression} [is|makes|equals|comes to|gives] <plz>
        <can> [tell me|check|find out|see] how much {expression} [is|makes|comes to|would be]?
        <can> give me [the answer to|the result of|the value of|] {expression}?
        <can> [do|run|try] [this|the following|this sum|this calculation][:|,] {expression}
        <can> help me [with|calculate|work out|solve] {expression} <plz>
        <mind> [calculating|computing|working out|solving|figuring out|doing] {expression} [for me|]?
        <mind> telling me what {expression} [is|makes|comes to]?
        <want> [calculate|compute|work out|solve|figure out] {expression}
        <want> know [what|how much] {expression} [is|makes|comes to|would be|gives|equals]
        <want> [know|have|see|find|check] the [result|answer|value|outcome] [of|to|for] {expression}
        <want> [double check|verify|check|be sure about|confirm] {expression}
        <wonder> [what|how much] {expression} [is|makes|comes to|would be|gives|might be|works out to]
        <wonder> [what the answer to|what the result of] {expression} [is|would be]
        <know> [what|how much] {expression} [is|makes|comes to|would be|gives|equals|adds up to]?
        <know> the [answer to|result of|value of|solution to] {expression}?
        <hey> {expression} <plz>
        <hey> [what's|what is|how much is|how much would be|what makes] {expression}?
        <hey> [calculate|compute|solve|do|work out] {expression} [for me|please|]
        <hey> I need {expression} [please|worked out|calculated|]
        how much [does|do|would|will|might|could] {expression} [make|come to|be|equal|give|add up to|work out to]?
        how much [do I have|do I get|have I got|is it|is that|do we get|does one get] [with|from|if I do|when I take|for] {expression}?
        how [big|large|high|much exactly|much now] is {expression}?
        how do I [calculate|work out|solve] {expression}? [what's the result|what is it|just give me the answer]
        how's {expression}[, what do you get|, what's the answer|?]
        what [do|will|would|did] [I|you|we] [get|have|end up with|arrive at] [for|from|with|if I do|when you do] {expression}?
        what [number|value|figure|result|total|sum] [is|do I get for|comes out of|do you get from] {expression}?
        what [comes out|results|do we get] [if I calculate|when I calculate|when you compute|if you enter|from] {expression}?
        what [would|will|does|might] {expression} [come out as|come out to|work out to|add up to|amount to|result in|turn out to be|yield|produce]?
        what [exactly is|in total is|on earth is|again is|might be|would be|could be] {expression}?
        what's [the total for|the outcome of|the number for|the figure for|the math on] {expression}?
        what's {expression} [then|again|exactly|please|in total|altogether|on a calculator|rounded or not|as a number|in digits]?
        what's {expression} [, quickly|, please|, I can't do it|, my calculator is broken|, roughly or exactly]?
        whats {expression} [pls|equal to|please|rn|]
        wats {expression}
        [if I|when I|suppose I|say I|let's say I] [take|calculate|do|compute|type in|enter] {expression}, [what do I get|what is it|how much is that|what comes out]?
        [is|would] {expression} [be|] [more than|less than|over|under] [a hundred|fifty|a thousand|ten]? [what is it exactly|how much is it|calculate it]
        [evaluate|solve|compute|calculate|crunch|process|resolve|determine|simplify|reckon] [the expression|the sum|the term|the formula|the calculation|the problem|] {expression} <plz>
        [evaluate|solve|compute|calculate|determine|do] [this|the following|it|this one|that][:|,] {expression}
        [run|do|make|perform|carry out|execute] [the|this|a] [calculation|math|sum|maths|computation][:|,| for| of] {expression}
        [run|put|type|enter|feed] {expression} [through|into|in] [the|a] calculator <plz>
        [use|open|get|take|grab] the calculator [for|and do|and solve|:|and compute] {expression}
        [crunch|run] [the|these|some] numbers [for me|][:|,| please,] {expression}
        [work|figure] out [for me|] [what|how much] {expression} [is|makes|comes to|would be]
        [work|figure] {expression} out [for me|please|quickly|]
        [work|figure] out the [answer to|result of|value of] {expression}
        [find|determine|get|obtain|give|state] [the value of|the result of|me|] {expression} <plz>
        [tell|show] [me|us] [what|how much] {expression} [is|makes|comes to|gives|equals|would be] <plz>
        [tell|show|give] me the [result|answer|value|number|total] [when you compute|of|for|to] {expression}
        [say|name] the [result|answer] [of|for|to] {expression}
        [let me know|I'd like to know|I would love to know] [what|how much] {expression} [is|makes|comes to|would be]
        [let's|let us|let me] [calculate|compute|see|solve|do|figure out|work out|take][:|,|] {expression}
        [let's|let us] see [what|how much] {expression} [is|makes|gives|comes to]
        [please|kindly] [calculate|compute|solve|work out|evaluate|do|figure out|find] {expression}
        [please|kindly] [tell|show] me [what|how much] {expression} [is|makes|comes to|gives]
        [please|kindly] give me [the result of|the answer to|] {expression}
        [help me|help|assist me] [with|calculate|solve|compute|work out|figure out] {expression} <plz>
        I [need|want|would like|could use] [the|an] [answer|result|value|solution] [to|of|for] {expression} <plz>
        I [need|want|would like] {expression} [calculated|computed|worked out|solved|as a number|in one number]
        I [can't|cannot|couldn't|never can] [calculate|compute|work out|figure out|do|solve] {expression} [in my head|myself|alone|without a calculator|], [can you|help me|do it for me|what is it]?
        I [got stuck|am stuck] [on|at|with] {expression}, [what is it|help me|what's the answer]?
        I [forgot|don't know|don't remember|have no idea|am not sure] [what|how much] {expression} [is|makes|comes to]
        I [think|guess|bet] {expression} is [a lot|quite a lot|not much|wrong], [calculate it|what is it|check it]
        I'm [doing|checking|grading|helping with] [homework|taxes|the books|my bill|a test|accounts], what is {expression}?
        I'm [bad|terrible|not good] at [math|maths|sums|numbers|arithmetic], [what's|how much is|calculate|so what is] {expression}?
        [my|the] [son|daughter|teacher|boss|friend|kid|exam|homework|book] [asks|asked|wants to know|says to compute|needs] {expression} [, what is it|, help|]
        [my|the] [homework|exercise|question|task|problem|puzzle|formula|sum] [is|says|reads|goes][:|] {expression}
        [for|in] [my homework|class|the test|the invoice|my budget|the report] I [need|have to calculate|must know|have to solve] {expression}
        [because|since] [my calculator died|I have no calculator|I have to pay|I'm tired], [calculate|what's|how much is] {expression}
        [no|without a|don't have a] calculator [here|at hand|with me|][,|:] what's {expression}?
        [so|then|now|and|ok][,|] {expression} [is|makes|equals|would be] [what|how much]?
        [so|then|now|and|next][,|:] {expression}
        [and|how about|what about|now try|next one:|then] {expression}?
        [now|and then|next|after that][,|] [calculate|compute|solve|do] {expression}
        [check|verify|confirm|double check] [my math|this|the sum|for me|][:|,] {expression}
        [check|see] [what|how much] {expression} [is|makes|gives|comes to]
        [could|can|may] I [get|have|know|see] [the result of|the answer to|the value of|] {expression} <plz>
        [could|would] you [happen to|maybe|perhaps] [know|calculate|tell me] {expression}?
        [would|could] you be so kind [and|as to] [calculate|compute|work out] {expression}?
        [is it|are you] [possible|able] to [calculate|compute|solve|work out] {expression}?
        [are|would] you [good enough at math|able] to [solve|do|compute] {expression}?
        [try|do|take|solve|answer|guess] [this|this one|this sum|the sum|that][:|,] {expression}
        [try|do|solve|take|answer] {expression} [for me|please|next|]
        [total|sum|amount|grand total][:|, what is|? It's| of] {expression}
        [expression|formula|equation|term|input|problem][:| is| =|,] {expression}
        [the expression|the formula|the sum|the term] {expression} [gives|equals|makes|comes to|is] [what|how much]?
        [the number for|the exact value of|the exact result of|the precise value of|one number for] {expression} <plz>
        [exactly|precisely|roughly] how much is {expression}?
        [in numbers|in total|all in all|mathematically|on paper], [what is|how much is|what's] {expression}?
        [bet you can't|you surely can|I dare you to] [solve|do|calculate|compute] {expression}
        [alexa|computer|assistant|buddy|robot|friend], [what's|calculate|how much is|solve] {expression}
        [yo|dude|man|bro|mate], [what's|how much is|do] {expression}
        [pls|plz] [calc|calculate|solve|do] {expression}
        calc {expression} [pls|please|for me|]
        compute {expression} [now|for me|please|and show the result|and tell me]
        calculate {expression} [and tell me|and show me|then tell me the result|now|exactly|to be safe|quickly|precisely|asap]
        equals what[:|,| if I have] {expression}
        {expression} [in numbers|as a number|as one number|in total|all together|altogether] <plz>
        {expression} [calculated|computed|solved|worked out] please
        {expression} [should be|must be|has to be|has to equal] [what|how much]?
        {expression} [- solve|- calculate|- answer|- result|- compute|- how much]
        {expression}[. What's the answer|. What is that|. How much is it|. Go|. Can you do that]?
        [it's|it is] {expression}[, what do I get|, so how much|, work it out|, give me the result]
        [make|turn] {expression} into [a|one|a single] number
        [put|say|write] {expression} [as|in] one number
        [remind me|refresh my memory][,|:] what's {expression}?
        [remind me|tell me again] what {expression} [is|makes|gives]
        [somebody|someone|a friend|a kid] asked me [what|how much] {expression} [is|makes|comes to]
        [we|they|the kids] [need|want|are asking for] [the answer to|the result of|] {expression}
        [settle a bet|we have a bet|quiz time|pop quiz|trivia][:|,] [what's|how much is] {expression}?
        [do|can] the math [on|for|please][:|] {expression}
        any [idea|clue] [what|how much] {expression} [is|makes|comes to|would be]?
        doing [some|the|my] [math|sums|accounts|numbers|maths][:|,] {expression}
        got [a|one] [sum|calculation|problem|question] for you[:|,] {expression}
        here's [a|the|one|my] [sum|calculation|problem|question|task|one][:|,| for you:] {expression}
    """),
}  # fmt: skip
