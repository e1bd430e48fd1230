"""mini-swe-agent: its own bash tool, whose command is `true`; run CASES times. Prints the seconds after a warm-up."""

import os
import sys
import time

os.environ["MSWEA_SILENT_STARTUP"] = "1"
os.environ["MSWEA_COST_TRACKING"] = "ignore_errors"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel


def main(url: str, cases: int) -> None:
    for n in range(cases + 2):
        if n == 2:
            began = time.perf_counter()
        settings = {"api_base": url, "api_key": "none"}
        model = LitellmModel(
            model_name="openai/m", model_kwargs=settings, cost_tracking="ignore_errors"
        )
        agent = DefaultAgent(
            model,
            LocalEnvironment(),
            system_template="s",
            instance_template="{{task}}",
            step_limit=200,
        )
        agent.run(f"case {n}")
    print(time.perf_counter() - began)


main(sys.argv[1], int(sys.argv[2]))
