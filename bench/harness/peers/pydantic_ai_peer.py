"""pydantic-ai: one agent, one function, run CASES times. Prints the seconds after a warm-up."""

import asyncio
import sys
import time

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


async def main(url: str, cases: int) -> None:
    agent = Agent(OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="none")))

    @agent.tool_plain
    def look(word: str) -> str:
        """Look a word up."""
        return f"seen {word}"

    for n in range(cases + 2):
        if n == 2:
            began = time.perf_counter()
        assert (await agent.run(f"case {n}")).output == "done"
    print(time.perf_counter() - began)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
