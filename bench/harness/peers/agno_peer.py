"""Agno: one agent, one function, run CASES times. Prints the seconds after a warm-up."""

import os
import sys
import time

os.environ["AGNO_TELEMETRY"] = "false"

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.models.openai.like import OpenAILike


def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


def main(url: str, cases: int) -> None:
    assert OpenAIChat
    model = OpenAILike(id="m", base_url=url, api_key="none")
    agent = Agent(model=model, tools=[look], telemetry=False)
    for n in range(cases + 2):
        if n == 2:
            began = time.perf_counter()
        assert agent.run(f"case {n}").content == "done"
    print(time.perf_counter() - began)


main(sys.argv[1], int(sys.argv[2]))
