"""Ways people speak when they have something noted down or want their notes read."""

from __future__ import annotations

from tiny_lam.catalog.fragments import patterns

MORE = {
    "add_note": patterns("""
        put {text} in my notes [please|for later|thanks|so I don't forget|before I forget|]
        put {text} [down|down as a note|in the notebook|on a note|on my notes list|in the notes file] [please|]
        put '{text}' [in|into|on] [my|the] notes [please|for later|]
        put "{text}" [in|into] [my|the] notes [please|so I remember|]
        put [this|it|that] in [my|the] notes[:|,] {text}
        put [down|in a note] [that|:] {text}
        stick {text} [in|into|on] [my|the] notes [please|somewhere|]
        [throw|drop|slip|pop|chuck] {text} [in|into] [my|the] notes [please|for me|]
        [drop|leave|pin] a note[:|,| saying| that says] {text}
        [log|enter|type|register|file] {text} [in|into|under|as] [my notes|the notes] [please|]
        [log|enter|type|register] [a|this|the following] note[:|,] {text}
        [log|type|scribble|pen] [down|] [this|the following|:] {text}
        [scribble|jot|write|note|pen|type|put] {text} down [please|for me|quickly|]
        [scribble|jot|write|note|take] "{text}" down [please|for me|]
        [scribble|jot|write] down '{text}' [please|for me|]
        [jot|write|note] down "{text}" [for me|for later|please|]
        [jot|write|note] [it|this] down for me[:|,] {text}
        [jot|write|note] down quickly[:|,] {text}
        jot [down|] [the words|the line|the sentence|the text] {text}
        write [me|] [a|one|this] [quick|little|short|] note[:|,| with| reading] {text}
        write {text} [in|into|to|on] [my|the] [notes|notebook|notepad|notes app|notes file] [please|]
        write '{text}' [in|to|into] [my|the] notes [please|]
        write [in|into] [my|the] [notes|notebook|notes file][:| that|] {text}
        add {text} [to|in] [my|the] [notebook|list of notes|saved notes|notes app|things to remember] [please|]
        add '{text}' [to|as] [my notes|the notes|a note]
        add "{text}" [to|as] [my notes|the notes|a note] [please|thanks|]
        add [one|another] [line|entry|item] to [my|the] notes[:|,] {text}
        add [one more|a quick|a short] note[:|,| that says] {text}
        append {text} to [my|the] notes [please|file|]
        append [a note|to my notes|to the notes file][:|,] {text}
        save {text} [as a note|in my notes|to my notes|for later|for me|in the notes file] [please|]
        save '{text}' [as a note|in my notes|to the notes]
        save "{text}" [for me|for later|as a note|in my notes] [please|]
        save [this|it|that] [for later|for me|somewhere][:|,] {text}
        save [a|one|the] note[:|,| with| saying| called] {text}
        store {text} [as a note|in my notes|with my notes] [please|]
        keep [a|] note of {text} [please|for me|]
        keep {text} [in my notes|as a note|noted|on file] [please|]
        keep track of this[:|,] {text}
        record [that|:|the note|a note:] {text}
        record {text} [as a note|in my notes|in the notes file] [please|]
        remember [this for me|the following|for later|one thing][:|,] {text}
        remember {text} [for me|please|for later|, will you|]
        remember '{text}' [for me|please|]
        remember "{text}" [for me|please|]
        [don't|do not] [let me|make me] forget {text} [, note it|, write it down|]
        [never|don't] let me forget[:| this:| that] {text}
        memo[:|,| to self:| -|] {text}
        [quick|new|short|voice|personal|private] memo[:|,| -] {text}
        [quick|new|little|short|brief] note[:|,| -|] {text}
        [make|take|write|save] a memo[:|,| that| saying] {text}
        note[,|:| -] {text} [please|thanks|]
        note [to me|to myself|to self|for myself|for tomorrow|for later|for the record|for the file][:|,| -] {text}
        note [it|that] [down|][:|,] {text}
        note the following [for me|down|][:|,] {text}
        note {text} [for me|please|for later|down for me|in my notebook|somewhere]
        note "{text}" [for me|please|in my notes|]
        note '{text}' [for me|please|in my notes|]
        notes[:|,] {text}
        [my notes|notebook|notepad|notes app][:|,| add| plus] {text}
        text for [a|the|my] [new|next|] note[:|,| is|] {text}
        [here's|here is] [a|the|my] [new|next|] note[:|,] {text}
        [here's|here is] what to [note|write down|save|put in my notes][:|,] {text}
        [this|the following] [goes|should go|needs to go|belongs|must go] [in|into] my notes[:|,] {text}
        {text} [goes|should go|needs to go|belongs|must go] [in|into] [my|the] notes
        {text} [is for|is one for|is something for] [my|the] notes
        {text}[, | - |. ][note it|jot it down|write that down|put that in my notes|add it to my notes|save it as a note|keep a note]
        {text}[, | - ][please note|please save that|can you note it|could you write that down|make a note of that|take a note of it]
        {text}[, | ][in my notes please|as a note please|as a new note|into my notes|note please]
        {text}[, that's| is|, this is] [my|the] [next|new|] note
        "{text}"[, | - | ][note it|in my notes please|write that down|save this as a note|as a note|goes into my notes]
        '{text}'[, | - | ][note it|in my notes please|write that down|save this|as a note]
        "{text}" [please note|should be in my notes|is what I want to note]
        <can> [note|jot down|write down|save|keep] {text} [for me|in my notes|as a note|]?
        <can> [note|jot down|write down|save] "{text}" [for me|in my notes|]?
        <can> [put|add|stick|write] {text} [in|into|to] [my|the] notes?
        <can> [put|add|write] '{text}' [in|into|to] [my|the] notes?
        <can> remember [that|] {text} [for me|]?
        <can> [make|take|add|create|leave] a [note|quick note|short note][:|, | saying| that says| that] {text}
        <can> [make|take] a note of {text} [for me|please|]?
        <mind> [noting|jotting|writing|putting|taking] down [that|:|] {text}?
        <mind> [adding|saving|writing] {text} [to|in] my notes?
        <want> [note|write down|jot down|save|remember|put down][:| that|] {text}
        <want> [note|write down|jot down|save] "{text}"
        <want> [have|see|put|keep] {text} in my notes
        <want> [make|take|add|leave] a [note|new note|quick note][:| that| saying| about] {text}
        <want> remember {text} [, note it|, write it down|, save it]
        <hey> [note|jot down|write down|remember|save] [that|:|this:|] {text}
        <hey> [a note|new note|note to self|for my notes][:|,] {text}
        <hey> {text}, [note that|write it down|put it in my notes|make a note of it]
        <hey> put {text} [in|into|on] my notes
        I [need|want|would like|would love] [a note|one note|a new note][:| that says| saying| with] {text}
        I [just|] [thought of|remembered|came up with|realized|heard] something[:|,] {text}, [note it|write it down|save that]
        I [mustn't|can't|shouldn't|must not] forget[:| that| this:|] {text}, [note it|put it in my notes|write it down|make a note]
        I [keep forgetting|always forget|tend to forget][:| that|] {text}, [note it|put it in my notes|make a note]
        I'll [need|want] to [remember|know] this [later|tomorrow|][:|,] {text}, [note it|jot it down|save it]
        [as|for] a reminder [to myself|for myself|], [note|write down|save][:|] {text}
        [before I forget|so I don't forget|while I think of it|lest I forget], [note|write down|jot down|save|add to my notes][:| that|] {text}
        [before I forget|so I don't forget|while I remember][:|,] {text}, [note it|make a note|put it in my notes]
        [I'm driving|my hands are full|I have no pen|I'm cooking], [so|] [note|write down|take a note|jot down][:|] {text}
        [someone|Anna|the doctor|my teacher|the landlord] [told me|said|mentioned] something, note it[:|,] {text}
        [important|urgent|very important|nota bene|nb][:|,| -] [note that|note|write down][:|] {text}
        [idea|thought|new idea][:|,] {text}, [note it|save it as a note|put that in my notes]
        [create|start|open|begin] [a|one|a new|another] [note|entry|memo] [with|saying|that says|containing|:] {text}
        [create|start|open] a note with "{text}" [in it|as text|please|]
        [create|make|add] a [text note|note entry|notes entry][:|,| with] {text}
        [create|make|write|add] a note [where|in which] [it says|you write|you put] {text}
        [insert|include|enter|place] {text} [in|into|among] [my|the] notes [please|]
        [insert|include|enter|place] "{text}" [in|into] [my|the] notes [please|]
        [dictation|dictate a note|take dictation|note dictation][:|,] {text}
        [listen|ok listen|pay attention], [new note|take a note|note this down|write this down][:|,] {text}
        [let's|let us] [note|write down|jot down|save|record][:| that|] {text}
        [let's|let me] [add|put] {text} [to|in|into] [my|the] notes
        [let|have] my notes say {text}
        [please|kindly] [note|note down|write down|save|remember|record|jot down][:| that|] {text}
        [please|kindly] [put|add|write] {text} [in|to|into] [my|the] notes
        [please|kindly] [make|take|add] a note[:| that| saying| of] {text}
        [one more thing|another thing|and also|one last thing][:|,] note [that|:|] {text}
        [one more|another one|the next one] for [my|the] notes[:|,] {text}
        [for|into|onto|to] [my|the] [notes|notepad|notebook|notes file][:|,| please:] {text}
        [what I want to|what I have to|what I must] remember[:| is:| is] {text}, [note it|save it]
        [would be good to|it would help to|I'd better|we should] [note|write down|save][:| that|] {text}
        [it would be great|I'd be glad|it would help] if you [noted|wrote down|saved|remembered][:| that|] {text}
        [get|have] {text} [noted|written down|noted down|saved|into my notes] [please|for me|]
        [get|have] this [noted|written down|noted down|saved][:|,] {text}
        my note [is|reads|should read|should say|says][:|] {text}
        the note [is|should be|should read|must say|text is][:|] {text}
        the [text|content|wording] [of the note|of my note] [is|should be][:|] {text}
        [note text|note content|note body][:| is| =] {text}
        take [this|it] down [for me|please|][:|,] {text}
        take {text} down [as a note|for me|please|in my notes]
        take note[:|,| that| of the following:] {text}
        mark [down|] [that|:|this:] {text}
        [tell|let] my notes [know|] [that|:] {text}
        need [a|] note [saying|that says|:|with] {text}
        nte to self [:|] {text}
        pls [note|save|write down|remember|jot down] [that|:|] {text}
    """),
    "read_notes": patterns("""
        [my|the] notes [pls|please|now|again|out loud|aloud|?]
        [notes|my notes|all notes][,|] [please|now|read them|show them|out loud]
        [yo|hey|hi|ok|so|um][,|] [read|show|open|list] [me|] my notes
        [yo|hey|hi|ok|so][,|] [what's in|what do I have in|what have I got in] my notes?
        [read|recite|go over|go through|run through|recap] [all|] [my|the] notes [with me|for me|again|please|]
        [read|show|play|give] me [back|] [my|the|all my|those] notes [again|please|one by one|one after another|]
        [read|show] [me|] the [whole|entire|complete|full] [notes file|list of notes|notebook|notepad]
        [read|show] [me|] [every|each|every single|each and every] note [I have|I made|I wrote|I saved|there is|]
        [read|show] [me|] [the|those] notes [from|I made|I took] [earlier|before|yesterday|last week|this morning|at the meeting]
        [read|show] [out|me|] [whatever|everything|all] [I|that I|I've] [noted|wrote down|jotted down|saved|written down|put down]
        [read|show] [me|] [what I've|what I have] [noted|saved|jotted down|written down|kept] [so far|until now|]
        [read|say] [my|the] notes [aloud|out loud|to me|back|slowly|loudly]
        [pull|bring|call|get|fetch|dig] up [all|] [my|the] notes <plz>
        [fetch|get|load|retrieve|grab|find] [me|] [all|] [my|the|my saved] notes <plz>
        [display|print|output|view|see|browse|access] [all|] [the|my] [saved|stored|existing|current|] notes
        [open|access|look up|unfold|load] [my|the] [notes|notebook|notepad|notes file|notes app|memo list] [and read it|and read them out|please|]
        [check|consult|scan|look over|review|inspect] [my|the] notes [please|for me|quickly|again|]
        [check|see] [if|whether] [I have|there are|I've got|I left] [any|some] notes [left|saved|in there|]
        [check|see] what [I|I've] [wrote down|noted|saved|got in my notes|left in my notes]
        [list|enumerate|number|count up] [all|] [my|the|my saved] notes [one by one|please|now|]
        [list|show|tell me] [all|] the things I [noted|wrote down|jotted down|saved|asked you to remember]
        [list|show] [me|] [my|all my] [memos|saved memos|jottings|reminders to self|scribbles]
        [what's|what is|what was|what all is] [written|saved|stored|noted|standing] [in|in all] [my|the] notes [file|]?
        [what's|what is] on [my|the] [notepad|notes|list of notes|notes list] [today|now|]?
        [what's|what is] the [content|text] of [my|the] notes [file|]?
        what [notes|memos] [have I|did I] [kept|keep|saved|save|left|leave|got|written|write] [so far|]?
        what [sort of|kinds of|] notes [do I have|have I got|are saved|are in there|did I keep]?
        what [do|did|does] my [notes|notebook|notepad|notes file] [say|contain|hold|have in it|tell me]?
        what [have|did] I [put|jotted|scribbled|jot|scribble|typed|type] down [lately|recently|so far|last week|]?
        what [have you|did you] [saved|save|noted|note|written down|write down|kept|keep] for me [so far|]?
        what [have you|did you] got [noted|written] down for me?
        what [things|stuff] [did|have] I [note|noted|write down|written down] [so far|]?
        what [was|is] it [that|] I [noted|wrote down|jotted down|saved|wanted to remember]?
        what was I [supposed|going|meant] to remember [, check my notes|again|]?
        what [am I|was I] not supposed to forget?
        what [did|had] I [ask|tell|asked|told] you to [note|write down|remember|keep]?
        what do I [have|keep] [noted|written] down [at the moment|right now|for now|]?
        what all [did|have] I [note|noted|saved|save]?
        what does it say in [my|the] notes [now|]?
        what exactly [did I note|did I write down|is in my notes|have I noted]?
        what else [is|do I have|did I put] in [my|the] notes?
        [which|how many] notes [do I have|exist|are saved|did I take|have I made|do you see|are on file] [in total|right now|]?
        [which|what] [things|reminders|items] [are|did I put|have I put] in my notes?
        where are my notes? [show them|read them|I need them|list them|open them]
        where did I [write|note] that down? [read|show|check|open] my notes
        [is|was] [there|there still] [anything|something|a note|stuff] in [my|the] [notes|notebook|notes file] [yet|still|at all|]?
        [is|are] my [notes|notes file|notebook] [empty|still there|blank]?
        [have|haven't] I [noted|saved|written down|jotted down] [something|anything] [lately|today|yesterday|this week|for today|]?
        [did|didn't] I [note|jot|write] [something|anything|it] [down|] [yesterday|today|earlier|last week|about this|]?
        [do|don't] I have [a|any|some] note [about that|on that|on this|somewhere|saved|]?
        [are|aren't] there [any|some|a few] [notes|saved notes|old notes] [of mine|left|on file|]?
        [have|has] [I got|anyone left] [any|some] notes [here|saved|for me|]?
        any notes [for me|saved|left|today|from before|on file|]?
        anything [in|on] my [notes|notepad|notes file|list of notes] [today|worth knowing|?]
        anything I [wrote down|noted|saved|jotted down] [yesterday|today|before|]?
        <can> [read|list|open|show|go through|pull up|bring up|recite] [all|] my notes <plz>
        <can> [read|show] me [what I wrote|what I noted|what I've saved|the notes I took|everything I noted]?
        <can> [tell|remind] me what [I wrote down|I noted|is in my notes|my notes say|I asked you to remember]?
        <can> [check|look at|look into|scan|open] my notes [for me|and tell me what's there|and read them out|]?
        <can> [give|get|hand] me [my|all the|the] notes?
        <mind> [reading|showing|opening|listing|repeating|going through] [all|] my notes [to me|again|]?
        <want> [see|read|hear|review|check|go over|look at|look over|know] [all|] [my|the] notes [again|now|once more|]
        <want> [see|know|hear|remember|recall] what I [noted|wrote down|saved|jotted down|put in my notes]
        <want> [look|go|take a look] [at|through|over] my [notes|saved notes|notebook]
        <want> have my notes [read to me|read out|shown|displayed|on screen]
        <wonder> what's [in|written in|saved in] my notes
        <wonder> what I [wrote down|noted|saved in my notes|jotted down] [yesterday|earlier|last time|]
        <wonder> [if|whether] [I have|there are|I left|I made] any notes [about today|for today|left|]
        <know> what [I|I've] [noted|wrote in my notes|put in my notes|wrote down|jotted down] [before|earlier|]?
        <know> [what's in|what is written in|what I have in] my notes?
        <know> [how many|which] notes [I have|I made|there are]?
        <hey> my notes <plz>
        <hey> [read|show|list|open|display] [all|] my notes <plz>
        <hey> what [did I note|do my notes say|have I written down|is in my notes] [again|]?
        <hey> [I need|I want|I'd like] my notes [please|now|]
        I [need|want|could use|would like|require] [my|all my|the] notes [now|please|read out|on the screen|for the meeting|back]
        I [need|want|would love] a [list|summary list|printout|readout|look] of [all|] my notes
        I [need|want] [everything|whatever|all] [that's|that is|I have|] in my notes
        I [need|want] to [be reminded of|go back to|get back to] [my|the] notes
        I [wrote|noted|jotted|saved] something [down|] [yesterday|earlier|last week|before|], [what was it|read it to me|show me|what did it say]?
        I [made|took|left|wrote|saved] [some|a few|a couple of|several] notes [earlier|yesterday|], [show them|read them|read them to me|list them|what were they]
        I [forgot|can't recall|don't remember|no longer know] [what's in my notes|what I noted|what I wrote down|my notes], [read them|show me|tell me]
        I [asked|told] you to [remember|note|write down] [something|some things|a few things], [what was it|what were they|show me]?
        I am [looking for|after|trying to find|searching for] [my notes|the notes I made|something in my notes|what I wrote down]
        I [am about to leave|am going shopping|have a meeting now], [read|show|check|open] my notes [first|]
        I [must|should|have to|had better] [check|look at|go through|review] my notes [now|first|]
        I know I [noted|wrote down|saved] [it|something|that], [check|read|open] my notes
        [time to|let's|let us|let me] [review|go through|check|look at|read|see|go over] [all|] my notes [together|now|]
        [let me|let us] [see|hear|have] [what I|what I've] [noted|saved|wrote down|jotted down]
        [before|when] I [leave|start|go], [read|show|tell] me my notes
        [please|kindly] [read|show|list|display|open|print] [me|] [all|] [my|the] [saved|] notes
        [please|kindly] [tell|show|remind] me what [I noted|I wrote down|my notes say|is in my notes]
        [would|could] it be possible to [see|hear|read|list] my notes?
        [could|can|may] I [please|] [see|hear|have|get|look at] [all|] my notes?
        [could|can|may] I [have|get] a look at my [notes|saved notes|notebook]?
        [could|can] I see what I [noted|wrote down|saved|jotted down] [please|]?
        [is it|would it be] [possible|okay] to [read|show] my notes [to me|again|]?
        [how about|what about|and|now] my notes?
        [how|what] [do|did] my notes [read|look|go] [again|now|]?
        [refresh|jog] my memory, [what did I note|read my notes|what's in my notes|what did I write down]?
        [remind|tell] me [of|about] [my notes|what I noted|the notes I took|the things I wrote down]
        [remind|tell] me [again|] [what|which notes] I [took|made|left|saved]
        [repeat|replay|restate|read again] [all|] [my|the] [notes|saved notes|notes you have]
        [repeat|read] [back|] [what|everything] I [had you note|told you to write down|made you save]
        [give|show] me [a look|a view|a list|an overview|a rundown] of [all|] [my|the] notes
        [give|show|send] [all|] [my|the|your saved] notes [to me|back to me|here]
        [give|tell] me [the|my] notes [one by one|in a row|again|as they are]
        [everything|all|whatever] [in|from|inside] my notes [please|]
        [everything|all] I [noted|wrote down|saved|jotted down] [so far|please|, please|]
        [the|my] [saved|written|stored|personal|private] notes, [please|read them|show them|list them]
        [the|my] [notes file|notebook|notepad|memo list] [please|, read it|, show it|, open it]
        [note|notes] [list|overview|readout|content|dump] [please|]
        [notes file|notebook|notepad] [contents|content|please]
        [load|put] my notes [on the screen|up|on screen]
        [look|see] what [I|I've] [noted|got noted|wrote in my notes|saved as notes] [please|]
        [look|peek|glance|dive] into my notes [for me|please|and tell me what's there|]
        [go|get] [back|] to my notes [and read them|and show them|please]
        [go|step] through [all|] my notes [with me|one by one|please|]
        [run|walk|take] me through my notes [please|again|]
        [fill me in on|catch me up on|update me on] my notes
        [whats|wats] in my notes [rn|now|?]
        [whats|what] [on|in] the notes file [now|?]
        show notes [all|pls|please|now]
        read notes [pls|please|out loud|now|all]
        list [of|] notes [please|now|]
        see my notes [please|again|]
        need my notes [now|asap|please|]
        got any notes [for me|saved|of mine|]?
    """),
}  # fmt: skip
