"""A web service of your own around the agent: uvicorn --app-dir examples fastapi_app:app.

curl localhost:8000/ask -d '{"text": "what time is it in Asia/Tokyo?"}' -H 'content-type: application/json'
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

import edge_lam

Text = Annotated[str, Body(embed=True)]


async def get_time(city: str) -> dict[str, str]:
    """Get the current time in a city or time zone, such as Europe/Paris."""
    return {"city": city, "time": f"{datetime.now(ZoneInfo(city)):%H:%M}"}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model once; two requests are answered side by side."""
    with edge_lam.load(n_parallel=2) as lam:
        lam.prewarm([get_time])
        app.state.agent = edge_lam.Agent(lam, [get_time], max_rounds=3, tool_timeout=10, timeout=60)
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/ask")
async def ask(text: Text) -> dict[str, object]:
    """Answer when all is done."""
    try:
        answer = await app.state.agent.arun(text)
    except edge_lam.errors.InvalidRequest as error:
        raise HTTPException(400, {"code": error.code, "message": str(error)}) from error
    return {"text": answer.text, "calls": [result.to_dict() for step in answer.steps for result in step.results]}


@app.post("/stream")
async def stream(text: Text) -> StreamingResponse:
    """Answer as it comes: one JSON object a line."""

    async def lines() -> AsyncIterator[str]:
        async for event in app.state.agent.astream(text):
            if isinstance(event, edge_lam.TextDelta):
                yield json.dumps({"text": event.text}) + "\n"
            elif isinstance(event, edge_lam.ToolFinished):
                yield json.dumps({"tool": event.call.name, "result": event.result}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
