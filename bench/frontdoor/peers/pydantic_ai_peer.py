"""pydantic-ai: an agent with instructions, one function and a model. Prints microseconds and KiB of one."""

from making import measured
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


MODEL = TestModel()


def make():
    return Agent(MODEL, tools=[look], instructions="Be brief.")


measured(make)
