"""Ours: a worker with instructions, one function and a model. Prints microseconds and KiB of one."""

from making import measured

from journeyman.app.front import Worker
from journeyman.models.scripted import ScriptedModel


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


MODEL = ScriptedModel([])


def make():
    return Worker("words", model=MODEL, tools=[look], instructions="Be brief.")


measured(make)
