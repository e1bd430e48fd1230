"""openai-agents: one agent, one function, run CASES times. Prints the seconds after a warm-up."""

import asyncio
import sys
import time

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI


@function_tool
def look(word: str) -> str:
    """Look a word up."""
    return f"seen {word}"


async def main(url: str, cases: int) -> None:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel(
        model="m", openai_client=AsyncOpenAI(base_url=url, api_key="none")
    )
    agent = Agent(name="a", model=model, tools=[look])
    for n in range(cases + 2):
        if n == 2:
            began = time.perf_counter()
        assert (await Runner.run(agent, f"case {n}", max_turns=100)).final_output == "done"
    print(time.perf_counter() - began)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
