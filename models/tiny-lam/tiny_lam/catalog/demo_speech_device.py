"""Ways people speak when they ask what is in a folder or how the device is doing."""

from __future__ import annotations

from tiny_lam.catalog.fragments import patterns

_ANY = """
    {resource} [check|status|report|info|level|state|stats|overview|please|?|now|numbers|update]
    [check|status|state|report|info|update][:|,| on| of| for] [my|the|] {resource} <plz>
    [quick|short|another] {resource} [check|report|update] <plz>
    [how's|how is|what about|what's with|what's up with] [my|the|our] {resource} [doing|today|holding up|looking|these days|by now|?]
    [how's|how is] the {resource} on [this machine|this device|my laptop|this computer|the phone|here]?
    how [good|bad|healthy] is [my|the] {resource} [now|at the moment|today|]?
    how [does|do] [my|the] {resource} [look|stand|seem] [right now|today|at the moment|]?
    what [does|do] [my|the] {resource} [look like|say|show] [now|today|at present|]?
    what [state|shape|condition] is [my|the] {resource} in?
    what [can you tell me|do you know|do we know] about [my|the] {resource}?
    what's [going on|happening|the story|the matter|the deal] with [my|the] {resource}?
    what's [my|the] {resource} [doing|like|looking like|situation|reading|status|state] [now|today|at the moment|]?
    where [do we|does my laptop|do I] stand [with|on] [the|] {resource}?
    <can> [check|look at|read|inspect|show|report on] [my|the] {resource} <plz>
    <can> [tell me|let me know|see] how [my|the] {resource} is [doing|looking|holding up|]?
    <can> give me [a report on|the state of|an update on|the status of] [my|the] {resource}?
    <mind> [checking|looking at|reporting on] [my|the] {resource}?
    <want> [check|see|know about|look at|keep an eye on|monitor] [my|the] {resource}
    <want> know [how my {resource} is doing|how the {resource} looks|the state of my {resource}|the {resource} status]
    <wonder> how [my|the] {resource} is [doing|looking|holding up|right now]
    <wonder> [whether|if] [my|the] {resource} is [ok|fine|alright|still good|the problem|low]
    <know> how [my|the] {resource} is [doing|looking|]?
    <know> the [state|status|current state] of [my|the] {resource}?
    <hey> [how's|check|show me] [my|the] {resource} <plz>
    <hey> [is|was] [my|the] {resource} [ok|fine|alright|still good|low]?
    is [my|the] {resource} [the problem|to blame|okay|good|alright|healthy|in good shape|in order|critical|low] [today|now|]?
    is [everything|all] [ok|fine|alright|in order] with [my|the] {resource}?
    is there [anything wrong|something wrong|trouble|an issue|a warning] with [my|the] {resource}?
    [something|I think something] is [wrong|off|strange] with [my|the] {resource}, [check it|take a look|can you look]
    [I'm|I am] [worried|concerned|curious] about [my|the] {resource}, [check it|how is it|can you look]
    [my computer|my laptop|the machine|this thing|the device] [is acting up|is weird today|crashed again|froze], [check|look at|how's] the {resource}
    [before|since] I [start working|leave|begin|travel], [check|tell me about|how's] [my|the] {resource}
    [run|do|make|perform] a {resource} check <plz>
    [device|system|computer|machine|laptop] {resource} [status|state|check|info|please]
    [report|read out|summarize|print|display|fetch|query|inspect] [the|my] {resource} [state|status|of this machine|]
    [please|kindly] [check|report|show|tell me about|look at] [my|the] {resource} [state|status|]
    [give|get|show] me [the|my] {resource} [numbers|figures|info|state|stats|status|details]
    [give|get] me an [overview|update] [of|on] [my|the] {resource}
    [tell|show] me [what my {resource} is like|how the {resource} stands|where the {resource} is at|the {resource} situation]
    [take|have] a [quick|] look at [my|the] {resource} <plz>
    [keep an eye on|watch|look after] [my|the] {resource}, [how is it now|what's the state]?
    [could|can|may] I [see|get|have|know] [my|the] {resource} [state|status|info|] <plz>?
    [let's|let me] [check|see|look at|have a look at] [my|the] {resource}
    [I|we] [need|want|would like] [the|a] {resource} [status|report|check|info] <plz>
    [and|what about|now|how about] [the|my] {resource}?
    [not|forget the rest], [just|only] [the|my] {resource} [please|status|]
    [any|are there any] [problems|issues|worries|bottlenecks] with [my|the] {resource}?
    [should|do] I [worry|need to worry|care] about [my|the] {resource} [now|yet|]?
    [for the bug report|for support|for my log] I need the {resource} [state|status] of this [machine|device]
    [the|my] {resource}[, please|, how is it|, what's the status|: report|, any problems]?
    [show|put] the {resource} [state|status|info] on [the|my] screen
    [does|did] [the|my] {resource} [look|seem] [ok|fine|bad|normal] [to you|now|]?
    [health|quick health|system] check of [my|the] {resource} <plz>
    [after|since] the [update|crash|restart], how is [my|the] {resource}?
    [hey how|so how|and how] is the {resource} of this [machine|device|laptop]?
    need [my|the|] {resource} [info|status|state|numbers] [asap|please|now]
    [hows|hows my|whats my|whats the] {resource} [rn|now|doing|]
"""

_BATTERY = """
    [am I|are we|is this laptop|is my phone] [running low|about to die|low on battery|almost out of juice|out of power|nearly dead] [yet|]?
    [how full|how empty|how charged|how drained|how low|how dead] is [the|my] [battery|laptop|phone|device]?
    how much [juice|charge|battery|power|energy] [is in there|have I got|do we have|does it have|is left in the tank|does my laptop have] [left|]?
    how [long|many hours|many minutes|much longer] [will|can] [my|the|this] [battery|laptop on battery|charge] [last|hold|hold out|go on]?
    [will|can] [the|my] battery [make it|survive|hold out|last] [through the day|until I'm home|for a movie|for the meeting|till evening|a train ride]?
    [do|should] I [bring|need|look for|get|grab] [a|my|the] [charger|power bank|socket|charging cable|power cable]?
    [is|has] [my|the|this] [laptop|phone|device|machine|computer] [plugged in|fully charged|charged enough|on mains|been charging|charging]?
    [am I|are we] [on battery|plugged in|on mains power|charging] [now|or not|]?
    [is|was] the [charger|power cable|plug] [connected|working|plugged in]?
    [can|could] I [unplug|disconnect|take off] the [charger|cable|laptop] [now|already]?
    [I forgot|I didn't bring|I lost] my charger, [how much battery is left|how's the battery|will the battery last]?
    [no socket here|no outlet around|there's no plug here|long flight ahead], [how much battery do I have|how's the charge|what's my battery at]?
    [power|juice|charge|battery] [left|?|remaining|percentage please|percent|level]
    [battery|charge] [at what percent|in percent|how many percent|how much]?
    what [percentage|percent|level|charge] [am I at|is it at|is the battery at|have I got|remains]?
    [remaining|current] [battery|charge|battery percentage|battery life]
    battery [life|health|level|charge|percentage|percent] [check|please|now|]
    [how's|how is|what's] [my|the] [battery life|charge level|power level|battery percentage|charging state]?
    [tell|show|give] me [the battery percentage|my battery level|how much charge is left|how much power I've got|the remaining battery life]
    <can> [tell me|check] [the charge|how much battery I have|how much power is left|whether it's charging]?
    <wonder> [if the battery will last|how much charge is left|how long the battery lasts|whether it is still charging]
    <know> [how much battery is left|how much charge I have|whether my laptop is charging|the battery percentage]?
    <want> know [how much battery is left|if it's still charging|how much charge I have|when the battery is empty]
    it [says low battery|beeped about the battery|went dim], how much [charge|battery|power] is left?
"""

_MEMORY = """
    [how much|how many gigs of] [RAM|memory|working memory] [is|are] [in use|taken|being used|used up|eaten|occupied|still free|free|left|available] [now|right now|]?
    how much [RAM|memory|working memory] [have I got|do I have|does this machine have|has this computer|is built in|is installed] [in total|altogether|]?
    [is|are] [my|the] [RAM|memory|working memory] [full|used up|maxed out|overloaded|exhausted|tight|running out]?
    [am I|are we|is the computer] [running out of|short of|low on|out of] [RAM|memory|working memory]?
    [my|the|this] [computer|laptop|browser|machine|editor] [is so slow|crawls|lags|stutters|hangs], [is it the RAM|is it the memory|is memory the problem|how's the memory]?
    [can|could] I [open|start|run|load] [another app|more tabs|a big model|one more program|a virtual machine] [, is there enough RAM|, how much memory is free|with the memory I have]?
    [do I|will I|do we] have enough [RAM|memory] [for a game|to run this|for another tab|left|to open it]?
    [what's|how high is|tell me|show me] [my|the] [RAM usage|memory usage|memory load|free memory|memory consumption|amount of RAM]
    [RAM|memory] [usage|use|load|free|left|?|check|total|please]
    [free|available|used|remaining] [RAM|memory] [please|now|?]
    [too many tabs open|the fan is loud|apps keep crashing], [check the RAM|how much memory is free|is memory full]?
    <can> [tell me|check] how much [RAM|memory] is [free|used|left|in use]?
    <wonder> [how much RAM is free|if memory is full|how much memory is in use]
    <want> know [how much RAM I have|how much memory is free|how full the memory is]
    [RAM|memory], how much [is left|is free|do I have|is used]?
    [memory hog|out of memory error|it says out of memory], [check|show me|how's] the [memory|RAM]
"""

_DISK = """
    how much [space|room|storage|disk space|free space] [is left|is there|have I got|do I have|remains|is free|is available|do we have] [on this machine|on the disk|on my drive|here|on this laptop]?
    how [full|packed|crammed|big|empty] is [the|my|this] [disk|drive|hard drive|SSD|hard disk|storage]?
    [is|are] [my|the] [disk|drive|hard drive|SSD|storage] [full|getting full|packed|overflowing|almost used up|nearly out of space]?
    [am I|are we|is this machine] [running out of|low on|short of|out of] [disk space|storage|space on the disk|room on the drive]?
    [do I|will I|do we] have [enough|any] [space|room|storage|disk space] [for a big download|for my photos|for a backup|to install a game|for the update|left]?
    [can|could] I [download|install|save|record|copy] [a big file|a game|a movie|this video|the backup|everything], [is there enough disk space|how much space is left|is there room on the disk]?
    [is there|have we got|do we still have] [room|space|capacity] [on the disk|on the drive|on my SSD|for more files|for more photos]?
    [should|do] I [delete some files|clean up the disk|buy a bigger drive|need more storage|have to free up space]?
    [the update|the installer|the download|my backup] [needs space|failed for lack of space|is huge|complains about space], how much [is free|disk space is left|storage do I have]?
    [disk|drive|storage|SSD|hard drive] [space|usage|left|free|?|capacity|how full]
    [free|available|used|remaining] [disk space|storage|space on the drive|hard drive space] [please|?|now]
    [tell|show|give] me [the free disk space|how much storage is left|how full the disk is|my disk usage|the free space on my drive]
    <can> [tell me|check] [how much disk space is left|how full the drive is|the free storage|if the disk is full]?
    <wonder> [how much disk space is left|if my drive is full|whether there's enough storage]
    <know> [how much space is left on my disk|how full my drive is|how much storage I have]?
    <want> know [how much storage is left|how full my disk is|if there's space on the drive]
    [gigs|gigabytes|gb] [free|left] on [the disk|my drive|this machine]?
    how many [gigs|gigabytes|gb] [are|do I have] [free|left] on [the disk|my drive|the hard drive|disk]?
"""


def _about(table: str, resource: str) -> tuple[str, ...]:
    """The patterns of a table that all ask about one resource without a slot for it."""
    return tuple(f"{text}{{resource={resource}}}" for text in patterns(table))


MORE = {
    "get_status": (
        *patterns(_ANY),
        *_about(_BATTERY, "battery"),
        *_about(_MEMORY, "memory"),
        *_about(_DISK, "disk"),
        *_about("what's [eating|using|filling|taking up] [all|] my [RAM|memory|working memory]?", "memory"),
        *_about("what's [eating|filling|taking up] [all|] my [disk space|storage|hard drive]?", "disk"),
        *_about("what's [eating|draining|emptying] my battery, how [low|full|far down] is it?", "battery"),
        *_about("[plug it in|charge it] or [not|leave it], what's the [battery|charge] [at|]?", "battery"),
    ),
    "list_folder": patterns("""
        [files|contents|stuff|documents|items|things] [in|under|inside|of|at] [the|my|] {path} [folder|pls|please|?|]
        {path} [contents|files|please|?|listing|list|dir|folder contents|what's in it|what's there]
        {path}[,|:| -] [what's in there|list it|show me the files|what files|what do I have there|anything in there|open it|files please]?
        {path} - [contents|files|list|what's there]
        [ls|dir|ls -l|ls -la|list dir|list files|list folder|tree] {path} [please|pls|]
        [list|show|display] [dir|directory|folder|path] {path} [please|now|]
        [list|show|print|display|give] [me|] [the|a|] [listing|file list|list of files|contents|directory listing|inventory] [of|for|from] {path} <plz>
        [list|show|print|display|enumerate] [every|each|every single] [file|document|thing|item] [in|inside|under] {path}
        [list|show|tell me|name] [all|] [the files|the documents|what] [that are|that is|which are|sitting|lying|stored|saved|kept] [in|inside|under] {path}
        [list|show|name] [what|whatever] [you find|there is|is|I have|we have|I keep] [in|inside|under] [my|the|] {path} [folder|directory|]
        [list|show] the [names|file names|names of the files] [in|of] {path}
        [look|peek|go look|have a look|take a look|poke around|glance|check] [in|into|inside] [my|the|] {path} [folder|directory|] <plz>
        [look|peek|check] [in|into|inside] {path} [and tell me what you see|and list what's there|and show me the files|for me]
        [browse|explore|inspect|view|scan|examine|walk through] [my|the|] {path} [folder|directory|] <plz>
        [go|change|switch|move|jump|cd] [to|into] [my|the|] {path} [folder|directory|] and [list|show|print] [the files|everything|it|what's inside]
        [open|open up|enter|access] [my|the|] {path} [folder|directory|] [and show me what's inside|and list the files|please|for me]
        [pull|bring] up [my|the|] {path} [folder|directory|files|]
        [read|load|fetch|get|retrieve] [the|] [file list|contents|listing|directory] [of|from|for] {path}
        [get|fetch|give|find|hand] [me|] [the|all the|all] [files|documents|contents] [in|from|of|under] [my|] {path} [folder|]
        <can> [list|show|open|browse|check|look into|go through] {path} <plz>
        <can> [list|show me|tell me|print] [the files|everything|the contents|all files|what's] [in|inside] [my|the|] {path} [folder|]?
        <can> [see|check|look] [what's|which files are|what is|what I have] [in|inside|under] [my|the|] {path} [folder|directory|]?
        <mind> [listing|showing|opening|checking|going through] [the files in|the contents of|what's in|] {path}?
        <want> [see|know|check|view|list|look at|find out] [what's in|the files in|the contents of|everything in|all files in|what is inside] [my|the|] {path} [folder|]
        <want> [look|go|get|peek] [into|inside|through] [my|the|] {path} [folder|directory|]
        <want> [clean up|tidy up|sort|organize|back up] {path}, [list it first|what's in it|show me the files|list the files]
        <wonder> what's [in|inside|stored in|hidden in|left in|under] [my|the|] {path} [folder|directory|]
        <wonder> [which|what|how many] files [are|I have|I saved|there are] in [my|the|] {path} [folder|]
        <wonder> [if|whether] there's [anything|something] in [my|the|] {path} [folder|directory|]
        <know> [what's|which files are|what is|how much is|what I have] in [my|the|] {path} [folder|directory|]?
        <know> the [contents|files] of {path}?
        <hey> [what's|what is] in [my|the|] {path} [folder|directory|]?
        <hey> [list|show|open|check] [my|the|] {path} [folder|directory|] <plz>
        <hey> [files in|contents of|list of files in] {path} <plz>
        what [files|documents|stuff|things|items] [does|do] [my|the|] {path} [folder|directory|] [contain|hold|have]?
        what [files|documents|stuff|things] [have I|did I|do we|have we|have you] [got|put|save|saved|kept|stored|keep|store] [in|under|inside] {path}?
        what [all is|else is|exactly is|else do I have|is currently|is left|is stored|is hidden] [in|inside|under] {path}?
        what [does|is] {path} [contain|hold|full of|have inside|have in it]?
        what [am I keeping|do people keep|did I leave|did I download|have I put] in {path}?
        what [would|will|do] I [find|see] [in|inside|under] [my|the|] {path} [folder|]?
        what's [sitting|lying|lying around|stored|saved|living|hiding|located|left] [in|inside|under] [my|the|] {path} [folder|directory|]?
        what's [the content|the contents|the listing] of [my|the|] {path} [folder|directory|]?
        what's [there|new|inside|all] [in|under|at] {path}?
        what's [my|the] {path} folder [got|contain|look like|full of]?
        which [files|documents|things|programs|folders] [live|sit|lie|are kept|are stored|are found|exist] [in|inside|under] {path}?
        which [files|documents] [can I find|do I have|did I leave|have I saved|would I see] [in|under|inside] {path}?
        how many [files|items|documents|things] [does|do] {path} [have|contain|hold]? [list them|show them|]
        how [does|do] [my|the] {path} folder look [now|inside|]?
        is [there|there still] [anything|a file|something|a document|stuff] [in|inside|left in|under] [my|the|] {path} [folder|directory|]?
        is [my|the] [file|document|photo|download|backup|homework] [in|inside|still in] {path}? [list it|check|list the folder|show me the files]
        is {path} [still full|really empty|empty now|empty by now|a mess]? [show me|list it|check|]
        are [my|the] [files|photos|documents|downloads|backups] [in|still in|inside] {path}? [list it|check|show me|]
        [did|does] [the download|the export|my backup|the file] [land|end up|go] in {path}? [list it|check|have a look]
        [have|haven't] I [got|saved|left|put] [anything|something|files] in {path} [already|yet|]?
        anything [in|inside|under|new in|left in|useful in|saved in] [my|the|] {path} [folder|directory|]?
        any [files|documents|stuff|pictures] [in|inside|under|left in] [my|the|] {path} [folder|directory|]?
        [where|somewhere] [did I put|I put|I saved] [it|that file], [list|check|show|look in] {path}
        I [saved|put|left|stored|downloaded|dropped|moved] [it|something|a file|my work] [somewhere|] [in|under|into] {path}, [list it|show me the files|what's there|have a look]
        I [think|believe|guess] [it|the file|my report] is in {path}, [list it|check|show me|have a look]
        I [forgot|don't remember|can't remember|lost track of|have no idea] [what's in|what I keep in|what I put in|what I saved in] [my|the|] {path} [folder|]
        I [can't find|lost|am missing|am looking for] [a file|my document|something|a picture], [look in|check|list|what's in] {path}
        I [need|want|would like|could use] [a list of|a listing of|to see|the list of|an overview of] [the files in|everything in|all files in|] {path} <plz>
        I [need|want] [the|all|all the] [files|file names|contents] [in|from|of|under] [my|] {path} [folder|]
        I [need|want] {path} [listed|opened|shown]
        I'm [in|at|looking at] [the folder|the directory|] {path}, [what files are here|list it|what's here|show me the files]
        I'm [cleaning up|packing|sorting files|running out of space|looking for a photo], [show me|list|what's in|open] {path}
        [let me|let's|let us] [see|look at|check|have a look at|view|go through] [what's in|the files in|the contents of|] [my|the|] {path} [folder|]
        [let me|let's] [look|peek|have a look] [into|inside|in] {path}
        [let me know|tell me|say|report] what's [in|inside|under|there in|stored in] [my|the|] {path} [folder|directory|]
        [let me know|tell me|show me] [which|what|the] files [are in|there are in|in|I have in|I keep in|live in] {path}
        [tell|show] me [about|] [the contents of|the stuff in|the things in|the inside of] [my|] {path} [folder|directory|]
        [tell|show] me if [there's anything|there are files|my file is|something is] in {path}
        [show|give] me [all|everything] [there is|you find|you've got|that's stored|I have] [in|inside|under] {path}
        [show|give] me [a view|an overview|a rundown|a look] of {path}
        [show|give] [me|us] [my|the] {path} [files|documents|stuff|content]
        [please|kindly] [list|show|open|display|print] [the files in|the contents of|everything in|] [my|the|] {path} [folder|]
        [please|kindly] [tell me|check|see] [what's|what is|which files are] in {path}
        [could|can|may] I [see|get|have|view] [the files in|what's in|a list of|the contents of] [my|the|] {path} [folder|] <plz>?
        [would|could] you be so kind [and|as to] [list|show me|open] {path}?
        [is it|would it be] possible to [see|list|show] [the files in|what's in|] {path}?
        [how about|what about|and|now|next|then] [the|my|] {path} [folder|directory|]?
        [same for|now the same for|and the files in|also the files in] {path}
        [for|in|inside|under|within] {path}[,|:] [list all files|what files are there|what do I have|show me everything|which files]?
        [in|inside|under|within] [my|the] {path} [folder|directory|], [what's there|what do you see|list everything|which files are there]?
        [folder|directory|path|dir][:|,|] {path}[, list it|, show files|, what's in it|, contents please]
        [folder|directory] {path} [please|, what's in it|- contents|, list the files|, show me]
        [folder|directory|path] [name|] is {path}, [list the files|what's in it|show the contents]
        [the|my] folder [called|named] {path}, [what's in it|list it|show me the files]
        [list|show|open|check] the folder [called|named|with the name] {path} <plz>
        what's in the [folder|directory] [called|named|with the name] {path}?
        [the files|all files|everything|the stuff] [in|from|inside|under] [my|the|] {path} [folder|] <plz>
        [before I delete|before I move|before I zip|before I copy] {path}, [what's in it|list the files|show me what's inside]
        [since|because] [I need a file|I'm tidying up|I want to clean up], [list|show me|what's in] {path}
        [for the report|for a backup|for the client] I need [to know|] [what's in|the list of files in|all file names in] {path}
        [start|begin] by [listing|showing|opening] {path}
        [now|first|next][,|] [list|show me|open|look at] [the files in|] {path}
        [again|once more][,|:] [list|show|what's in] {path}
        [refresh|reload|update] [the list of|the listing of|the view of] {path}
        [gimme|lemme see|hit me with] [the|] [files|stuff|contents] [in|from|of] {path}
        [need|want] [the|] [list|files|contents|listing] of {path} [asap|please|now|]
        [whats|wats|whats all] in [my|the|] {path} [folder|rn|now|]
        [yo|dude|man|mate], what's in [my|the|] {path} [folder|]?
        show {path} [pls|please|folder|content|dir|files]
        [run|do|execute] [ls|dir] [in|on|for] {path}
        [take|give me] an inventory of {path} <plz>
        {path} [has|holds|contains] [what|which files]?
        [recall|remind me] what I [have|saved|keep|put] in {path}
        [is my|where is my] [thesis|photo|song], [maybe in|in] {path}? [list it|show me the files there]
        [teacher|boss|mom] asked what's in [my|the] {path} folder, [list it|show me]
        [everything|all] [you see|you find] [in|under|inside] {path}, [list it|print it|show me]
        [step|navigate|browse] [into|to] {path} and [list|print] [the contents|what's there]
        list {path} [pls|please|files|for me|now|contents]
        [snoop|dig|rummage] [around|] in [my|] {path} [folder|] for me
        [content|contents|files] [of|in] [the|this|] [folder|directory|path] {path} [please|]
        who put [all that|so much] in {path}? [list it|show me|let me see]
        [someone|somebody|my son|a colleague] [saved|put|left] [something|files|a document] in {path}, [list it|show me|what is it]
        [did|has] [someone|anyone|Anna] [put|left|saved] [something|anything] in {path}? [check|list it|]
        [what files are|which files are|what's] [here|in the current folder|in this folder|in the working directory] [right now|?]{path=.}
        [show|list|print] [the|] [files|contents] [here|of this folder|of the working directory|in this directory]{path=.}
        [what's|show me what's|list what's] in my home [folder|directory] [please|right now|]{path=~}
    """),
}  # fmt: skip
