"""A small store written by the code of an earlier commit: run by make.py with that commit's `src` on the path.

    python older.py FOLDER      (the folder that holds, or will hold, the workspace)

It uses only what those commits have in common. Memory and a knowledge base are written where the commit has them.
"""

import asyncio
import importlib.util
import secrets
import sys
from pathlib import Path

from fakes import Clock, tokens  # beside this file

from journeyman.environments import SingleTurn
from journeyman.flow import work as working
from journeyman.flow.holder import Holder
from journeyman.job import Job
from journeyman.models.scripted import ScriptedModel
from journeyman.store.journal import Journal
from journeyman.types import Case
from journeyman.verifiers import Exact


def says(messages, tools):
    """Wrong on every third case."""
    text = messages[-1].content
    if "yes or no" in text:
        return "yes"
    number = int(text.split()[-1])
    return "nothing" if number % 3 == 0 else f"{number} {number}"


def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def main(workspace):
    Clock().install()
    secrets.token_hex = tokens()
    job = Job(name="say", environment=SingleTurn(), verifiers=(Exact(),), instructions="Speak. 请说。", fingerprint="say-1")
    model = ScriptedModel(says)
    cases = [
        Case(id=f"c{n:03d}", prompt=f"say {n}", target=f"{n} {n}" if n < 20 else None, slice="odd" if n % 2 else "even")
        for n in range(24)
    ]
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        run = working.open_run(journal, job, model)
        working.enrol(journal, run, cases)
        if hasattr(working, "staff"):
            shift = working.staff(journal, holder, job, model, run, at_once=1)
        else:
            shift = working.Shift(
                journal=journal, run=run, job=job, worker=working.hire(job), model=model, holder=holder, at_once=1
            )
        asyncio.run(working.work(shift))
        if has("journeyman.flow.review"):
            from journeyman.flow.review import review
            from journeyman.types import Label

            review(journal, run, "c020", Label(error=False, by="mei"))
            review(journal, run, "c021", Label(error=True, by="mei", correction="21 21"))
        if has("journeyman.flow.experience"):
            from journeyman.flow.experience import Experience

            experience = Experience(journal, "say")
            experience.advance()
            experience.close()
    if has("journeyman.knowledge.index.sqlite"):
        asyncio.run(know(workspace))


async def know(workspace):
    from journeyman.documents import Passage
    from journeyman.knowledge.index.sqlite import SqliteIndex
    from journeyman.models.embedding import HashedEmbedder

    (workspace / "knowledge").mkdir(exist_ok=True)
    index = SqliteIndex.open(workspace / "knowledge" / "older.sqlite", HashedEmbedder(64))
    texts = [
        "The harbour master, Mei Tan, sits in the tower of Utrecht.",
        "The rent of the boat house is 40 euros a month, due to Acme Utrecht.",
        "李明于2001年创办了青山书店，书店位于苏州。",
    ]
    for n, text in enumerate(texts):
        passage = Passage(document=f"/jobs/older/{n}.txt", id=f"0-{len(text)}", text=text, title="Old papers")
        await index.put(passage.document, [passage], labels=("board",) if n == 1 else ())
    index.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
