"""Other words for those of a phrasing: a model trained on its phrasings alone knows "list", and not "enumerate".

Each line names words, and after the arrow what may stand in their place; none changes what is asked for, or of which
tool. Only training draws them.
"""

from __future__ import annotations

import random
import re

SHARE = 0.45  # of the words that could be replaced

_LINES = """
show me|let me see|display -> show me|let me see|display|bring up|pull up|give me|get me|I'd like to see|can I see|could I see|present|put up
tell me|let me know -> tell me|let me know|do tell me|please tell me|I want to hear
what's the|what is the|tell me the|give me the -> what's the|what is the|tell me the|give me the|I want to know the|find out the|look up the|get me the|check the|let me know the|I need to know the|say the|the
I want to|I'd like to|I would like to|I need to|I have to|I wanna -> I want to|I'd like to|I need to|I have to|I wish to|I'm trying to|I'm looking to|I plan to|I'm about to|help me|let me|time to|we should|I must|I should|it's time to|I've got to|my plan is to|I was going to|I'm supposed to
I need a|I want a|I'd like a|get me a|give me a -> I need a|I want a|I'd like a|get me a|give me a|I could use a|I'm after a|I'm looking for a|can I have a|could I get a|let me have a|I require a|how about a|hook me up with a
I need|I want -> I need|I want|I require|I could use|I would love|I'm after|get me|I'm in need of|I can't do without
can you|could you|would you|will you -> can you|could you|would you|will you|kindly|I need you to|I want you to|be so kind and|try to|you should|do me a favor and|it would be great if you could|you have to|are you able to|is it possible for you to|might you|why don't you|I'd be glad if you could
how many -> what number of|just how many|exactly how many|roughly how many
how much -> just how much|exactly how much|roughly how much
what time -> what hour|which hour|what exact time
right now|at the moment|currently -> right now|at the moment|currently|at present|just now|at this moment|as of now|these days
do I have -> have I got|do I own|do I possess|do I still have
delete|remove|erase -> delete|remove|erase|get rid of|throw away|discard|trash|scrap|wipe|throw out|drop
find me|search for me -> find me|look for|search for|dig up|go find me|hunt down
find|look for|search for|locate -> find|look for|search for|locate|hunt for|seek|track down|hunt down|dig up|scout for
buy -> purchase|shop for|get hold of|acquire
book a|reserve a -> book a|reserve a|arrange a|secure a|get me booked for a|organize a|put me down for a
book me -> reserve me|get me|arrange me|secure me
list the -> enumerate the|name the|go through the|lay out the|itemize the|run through the|read out the
list all -> enumerate all|name all|itemize all|lay out all|run through all|read out all
list my -> enumerate my|go through my|lay out my|itemize my|run through my|read out my
turn on|switch on -> turn on|switch on|power on|activate|put on|flip on|fire up|enable
turn off|switch off -> turn off|switch off|shut off|power off|deactivate|kill|cut|disable
turn the|switch the -> turn the|switch the|flip the|put the|get the
turn up|crank up -> turn up|crank up|raise|pump up|boost
turn down -> turn down|lower|tone down|bring down|reduce
send -> send|shoot|fire off|dispatch|drop|get out
call -> phone|ring|dial|ring up|phone up|get through to|give a ring to
start -> start|kick off|get going|commence|begin|launch|initiate|run|fire up
stop -> stop|halt|end|quit|cut
play -> put on|spin|start playing|stream|blast|queue up
check -> check|verify|look at|have a look at|take a look at|inspect|see about|examine|peek at
save|keep -> save|store|keep|preserve|hang on to|put away|hold on to
write down|note down|jot down|take down -> write down|note down|jot down|take down|put down|scribble down|set down|put on record|make a record of|scribble|pen down
remind me -> alert me|notify me|nudge me|don't let me forget|make sure I remember|give me a reminder|prod me|tap me on the shoulder
wake me up|wake me -> get me up|get me out of bed|rouse me|wake me|buzz me awake
calculate|compute|work out|figure out -> calculate|compute|work out|figure out|evaluate|determine|crunch|solve|do the math on|reckon|tally
convert -> change|transform|translate|switch|recalculate|restate|turn
change -> switch|alter|turn|modify|swap
a note|a quick note -> a memo|a short note|a quick note|a brief note|a note of mine|a jotting
my notes|the notes -> my memos|my jottings|my scribbles|my saved notes|all my notes|the notes I keep|the memos
folder|directory -> folder|directory|dir
photo|picture -> photo|picture|image|pic|snapshot|shot
movie -> film|flick|motion picture
movies -> films|flicks
song -> track|tune|number
songs -> tracks|tunes
apartment|apartments -> flat|place to live|apartment
trip -> journey|voyage
taxi -> cab|taxicab
restaurants -> places to eat|eateries|diners|spots to eat
restaurant -> place to eat|eatery|diner
hotel -> place to stay|guest house|hotel
email -> mail|e-mail
message -> text message|text|short message
cheap -> inexpensive|affordable|low-cost|budget
near -> close to|around|next to|not far from|in the vicinity of
weather -> weather conditions|weather situation|weather outlook
laptop|computer|machine -> laptop|computer|machine|PC|device
phone -> mobile|cell phone|handset|smartphone
files -> items|documents and things|entries
timer -> countdown|egg timer|kitchen timer|stopwatch timer
countdown -> timer|count-down
the time -> the local time|the hour|the clock time|the current time|the exact time
is left -> is remaining|remains|is still there|is available
have left -> have remaining|still have|got left
translate -> render|convey
order a -> get me a|send for a|put in an order for a|ask for a|have them bring a
order some -> get me some|send for some|put in an order for some|have them bring some
print -> print out|make a printout of|run off
copy -> duplicate|clone
create|set up -> create|set up|make|put together|build|generate|prepare|come up with
make a -> create a|put together a|prepare a|produce a|build a|come up with a
set a -> put on a|create a|start a|put up a|program a|run a|get me a|give me a
add -> put|include|insert|append|throw in|tack on
log -> record|register|enter|file|document
news -> headlines|latest news|news stories
any idea -> any clue|any chance you know|do you happen to know
do you know -> have you any idea|do you happen to know|can you say|are you aware
I wonder|I'm wondering|I'm curious -> I wonder|I'm curious|I've been wondering|I keep asking myself|I'd love to know|it would be good to know
I am -> I'm
I'm -> I am
don't -> do not|dont
what's -> whats|what is
is there -> is there perhaps|might there be|do we have
are there -> are there perhaps|might there be|do we have
about -> regarding|concerning|on the subject of
"""

_OTHERS: dict[str, tuple[str, ...]] = {}
for _line in _LINES.strip().splitlines():
    _words, _, _others = _line.partition(" -> ")
    for _word in _words.split("|"):
        _OTHERS[_word.lower()] = tuple(other for other in _others.split("|") if other != _word)
# The longest first, so that "book a" is not taken for a book.
_FOUND = re.compile(rf"(?i)(?<![\w'])({'|'.join(sorted(map(re.escape, _OTHERS), key=len, reverse=True))})(?![\w'])")
_PLACEHOLDER = re.compile(r"(\{[^}]*\})")


def reword(template: str, rng: random.Random, share: float = SHARE) -> str:
    """Put other words in the place of some; placeholders stay as they are."""

    def other(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() >= share:
            return word
        new = rng.choice(_OTHERS[word.lower()])
        return new[0].upper() + new[1:] if word[0].isupper() and not word.startswith("I") else new

    parts = _PLACEHOLDER.split(template)
    parts[::2] = [_FOUND.sub(other, part) for part in parts[::2]]
    return "".join(parts)
