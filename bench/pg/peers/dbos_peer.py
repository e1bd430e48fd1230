"""DBOS: a workflow of CASES × four durable steps, one after the other. Prints the seconds after a warm-up."""

import sys
import time

from dbos import DBOS


@DBOS.step()
def note(text: str) -> str:
    return text


@DBOS.workflow()
def case(n: int) -> str:
    for step in range(4):
        note(f"case {n} step {step} " + "x" * 200)
    return "done"


def main(url: str, cases: int, name: str) -> None:
    DBOS(config={"name": name, "system_database_url": url, "run_admin_server": False})
    DBOS.launch()
    for n in range(cases + 5):
        if n == 5:
            began = time.perf_counter()
        assert case(n) == "done"
    print(time.perf_counter() - began, flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), "peer")
