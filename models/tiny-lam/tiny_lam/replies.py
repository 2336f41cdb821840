"""What tiny-lam says in plain text: one fixed sentence per occasion, so that a small model can learn them by heart."""

from __future__ import annotations

NO_TOOL = "None of the available tools can do that."
NO_TOOLS_AT_ALL = "I have no tools to do that."

CHAT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Hello! How can I help you?",
        ("hi", "hello", "hey", "hey there", "good morning", "good evening", "hi there", "hello there", "howdy", "yo",
         "good afternoon", "greetings", "hi tiny", "hello again", "hey you"),
    ),
    (
        "I am doing well. How can I help you?",
        ("how are you?", "how are you doing?", "hi, how are you?", "how is it going?", "how do you feel today?",
         "are you ok?", "what's up?", "how's your day?", "hello, how are you today?"),
    ),
    (
        "You are welcome!",
        ("thanks", "thank you", "thanks a lot", "great, thank you", "perfect, thanks", "thx", "cheers", "many thanks",
         "that helps, thanks", "thank you so much", "nice, thanks", "cool, thank you very much"),
    ),
    (
        "Goodbye!",
        ("bye", "goodbye", "see you", "see you later", "good night", "that is all", "that's all for today", "bye bye",
         "talk to you later", "I have to go now", "see you tomorrow", "ok, bye"),
    ),
    (
        "I am tiny-lam, a small model that calls tools.",
        ("who are you?", "what are you?", "what is your name?", "are you a robot?", "tell me about yourself",
         "introduce yourself", "what should I call you?", "who made you?", "are you human?", "which model are you?",
         "hi, who are you?", "hello! who are you?", "hello, what are you?", "hey, what's your name?"),
    ),
)  # fmt: skip

WHAT_CAN_YOU_DO = (
    "what can you do?", "help", "which tools do you have?", "how can you help me?", "what are your tools?",
    "what can I ask you?", "list your tools", "show me what you can do", "what do you do?", "what are you able to do?",
)  # fmt: skip

IRRELEVANT = (
    "tell me a joke", "who won the world cup in 1998?", "write a poem about the sea", "what is the meaning of life?",
    "why is the sky blue?", "sing me a song", "what is the capital of France?", "who wrote Hamlet?",
    "explain gravity to a child", "how do I tie a tie?", "give me a riddle", "what is your favourite color?",
    "who is the president?", "how do plants grow?", "write a short story about a dragon", "what should I wear?",
    "do you believe in ghosts?", "how old is the universe?", "recommend a good name for my cat", "what is love?",
    "can dogs eat chocolate?", "how many legs does a spider have?", "why do cats purr?", "who painted the Mona Lisa?",
    "help me with my homework", "tell me a fun fact", "what is quantum physics?", "is there life on Mars?",
    "how do I learn to swim?", "what is the best way to lose weight?", "compose an email for my boss",
    "who was Napoleon?", "what is the tallest mountain?", "how do airplanes fly?", "make me laugh",
    "give me some advice", "I feel sad today", "I am bored", "what happened in 1969?", "how is cheese made?",
    "which is heavier, gold or lead?", "can you drive a car?", "what is a good first sentence for a novel?",
    "how do I change a tire?", "is it going to be a good year?", "describe the color red", "rap about coffee",
    "what would you do with a million dollars?", "how far is the moon?", "who invented the telephone?",
    "what is the speed of light?", "what rhymes with orange?", "how do I get rid of ants?", "why do we dream?",
    "write code for a game", "teach me something new", "what is a black hole?", "how do vaccines work?",
    "tell me about the Roman empire", "what is the largest animal?", "should I buy a house?", "who is the best player?",
    "what are the rules of chess?", "how do I fix my relationship?", "what does my name mean?", "why is water wet?",
    "how do magnets work?", "is a tomato a fruit?", "what is the oldest city in the world?", "predict my future",
    "summarize the plot of Romeo and Juliet", "what is the population of the moon?", "who discovered America?",
    "draw me a picture of a tree", "how do I bake bread without yeast?", "do fish sleep?", "what is blockchain?",
    "give me a motivational quote", "why did the dinosaurs die?", "what makes a good leader?", "solve world hunger",
    "what is the difference between a crocodile and an alligator?", "how can I be happy?", "paint my house",
    "walk my dog", "make me a sandwich", "clean my room", "come over for dinner", "hold my hand", "read my mind",
)  # fmt: skip
IRRELEVANT_HELD_OUT = (
    "what is the smallest country on earth?", "tell me a scary story", "how do birds know where to fly?",
    "who was the first person on the moon?", "what is the best pizza topping?", "translate the mood of this room",
    "how many bones does a human have?", "write a haiku about winter", "can you cook dinner for me?",
    "why do people yawn?", "what does a lawyer do?", "give me three ideas for a birthday present",
    "is chess a sport?", "how do I become a pilot?", "knock knock", "which planet is the hottest?",
    "do my taxes for me", "what is the plot of Star Wars?", "what's a good hobby for winter?",
    "how do you make a paper plane?", "who is stronger, a lion or a tiger?", "iron my shirt",
    "explain how a fridge works", "what is the funniest word you know?", "do trees talk to each other?",
    "how do I stop being shy?", "invent a new holiday", "what came first, the chicken or the egg?",
    "where do babies come from?", "tell me a bedtime story about a rabbit", "why are flamingos pink?",
    "what is the secret of a long life?", "who built the pyramids?", "can you dance?", "how do bees make honey?",
    "what is the best age to learn piano?", "write a toast for a wedding", "how does wifi work?",
    "is time travel possible?", "why do leaves change color?",
)  # fmt: skip


def ask_for(param: str) -> str:
    """Ask for a required parameter by its name."""
    return f"Could you tell me the {words_of(param)}?"


def words_of(name: str) -> str:
    """Split an identifier into lower-case words: ``toUnit``, ``to_unit`` and ``to-unit`` give "to unit"."""
    spaced = "".join(" " + char.lower() if char.isupper() else char for char in name)
    return " ".join(spaced.replace("_", " ").replace("-", " ").replace(".", " ").split())


def tool_list(names: list[str]) -> str:
    """Say which tools there are."""
    return "I can use these tools: " + ", ".join(names) + "." if names else "I have no tools."


def tool_failed(error: str) -> str:
    """Report a tool's error."""
    return f"That did not work: {error}"
