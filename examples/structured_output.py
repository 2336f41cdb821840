"""Text as data: a reply that is an instance of a pydantic model, whatever the model would rather write.

python examples/structured_output.py "The kitchen tap drips since Monday, and it gets worse."
"""

import sys
from typing import Annotated, Literal

from pydantic import BaseModel, Field

import edge_lam


class Ticket(BaseModel):
    """What the support desk files."""

    title: Annotated[str, Field(min_length=5, max_length=60)]
    room: Literal["kitchen", "bathroom", "office", "other"]
    urgency: Annotated[int, Field(ge=1, le=5)]
    tags: Annotated[list[Literal["water", "power", "noise", "furniture"]], Field(max_length=3)]


SYSTEM = (
    "File a support ticket for the message as one JSON object with the keys title, room (kitchen, bathroom, office or "
    "other), urgency (1 to 5) and tags (water, power, noise, furniture)."
)
message = " ".join(sys.argv[1:]) or "The kitchen tap drips since Monday, and it gets worse."

with edge_lam.load() as lam:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": message}]
    reply = lam.chat(messages, response_format=Ticket, max_tokens=200)

# The grammar holds while tokens are chosen; only a reply that was cut off has no object.
ticket = reply.parsed
if not isinstance(ticket, Ticket):
    sys.exit(f"the reply ended early ({reply.finish_reason}): {reply.text}")
print(ticket.model_dump_json(indent=2))
print(f"{reply.report.tokens.forced} of {reply.report.tokens.generated} tokens had no alternative")
