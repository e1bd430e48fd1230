"""Agno: an agent with instructions, one function and a model. Prints microseconds and KiB of one."""

import os

os.environ["AGNO_TELEMETRY"] = "false"

from agno.agent import Agent
from agno.models.openai.like import OpenAILike
from making import measured


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


MODEL = OpenAILike(id="m", base_url="http://127.0.0.1:9/v1", api_key="none")


def make():
    return Agent(model=MODEL, tools=[look], instructions="Be brief.", telemetry=False)


measured(make)
