"""Writes the golden stores and what the code of commit 75b6322 says of them.

It uses the API of that commit and runs nowhere else; it is kept as the record of how the stores came to be. To make
them again, check that commit out beside this one, and run it with the old sources on the path:

    git worktree add ../then 75b6322
    PYTHONPATH=../then/src python tests/golden/v75b6322/make.py OUT

It writes STORE.tar.xz and STORE.json for each store into OUT. Stores are the same each time (a ticking clock, counted
tokens), and so are the figures. The folder /jobs/handbook is made for the knowledge base, whose documents are known by
their absolute paths, and taken away again. Four stores are written by commits before that one (older.py): the commits
come out of this repository's history.

`reading_then.py` and `desk_then.py` are `../reading.py` and `../desk.py` as they were then.
"""

import asyncio
import hashlib
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from functools import partial
from dataclasses import replace
from pathlib import Path

import desk_then as desk_module
import reading_then as reading
from desk_then import Ledger, costly, desk, order_of, planned
from fakes import Clock, tokens

import journeyman.cli.bases
from journeyman.environments import Gym, SingleTurn
from journeyman.errors import ModelUnreachableError
from journeyman.flow import learning
from journeyman.flow.asking import ask, asking_job
from journeyman.flow.backtest import to_learn_from
from journeyman.flow.experience import Experience
from journeyman.flow.examining import Room, examine
from journeyman.flow.holder import Holder
from journeyman.flow.learning import FlowLab, LearningBudget, champion_of, learn
from journeyman.flow.review import inbox, review
from journeyman.flow.unlearning import unlearn
from journeyman.flow.versions import ground_of, propose, roll_back
from journeyman.flow.work import enrol, open_run, staff, work
from journeyman.gym import FAMILIES
from journeyman.gym.drawing import draw
from journeyman.gym.process import end_idle, hired
from journeyman.job import Job
from journeyman.knowledge.base import KnowledgeBase
from journeyman.knowledge.claims import extract
from journeyman.knowledge.graph import Graph
from journeyman.knowledge.reports import reports
from journeyman.learn.demonstrations import Demonstrations
from journeyman.learn.lessons import lesson
from journeyman.models.embedding import HashedEmbedder
from journeyman.models.recorded import RecordedModel
from journeyman.models.scripted import ScriptedModel
from journeyman.store import faults
from journeyman.store.journal import Journal
from journeyman.types import (
    Budget,
    Case,
    Label,
    Message,
    Mind,
    Proposal,
    Recall,
    Reply,
    Sampling,
    Score,
    TokenLogprob,
    ToolCall,
    Usage,
)
from journeyman.verifiers import Exact
from journeyman.verifiers import Gym as GymVerifier

HERE = Path(__file__).parent
HANDBOOK = Path("/jobs/handbook")
OLDER = {"decided-not": "3e9bc82", "changes-not": "29e5ec2", "postings-not": "a376571~1", "memory-not": "325dc5a"}
"""Stores by commits before: 0.1, without decisions; without changes of versions; with an earlier memory and full-text
index; with a memory of an earlier format."""


def luck(text, n=0):
    """A number from 0 to 255 that goes by the text."""
    return hashlib.sha256(text.encode()).digest()[n]


def go(journal, holder, job, model, run):
    asyncio.run(work(staff(journal, holder, job, model, run, at_once=1)))


# --- desk: every effect, every ending, crashes -----------------------------------------------------------------


def clerk(ledger, day):
    """Plays each order by what its number says; on the second day the line to it is repaired."""
    table = {
        "D-07": "answers wrong", "D-10": "down once", "D-11": "down once", "D-12": "down", "D-14": "wanders",
        "D-15": "dear", "D-16": "silent", "D-17": "repeats", "D-18": "garbles", "D-20": "at once", "D-21": "invents",
    }  # fmt: skip

    def says(messages, tools):
        text = next(m.content for m in reversed(messages) if m.role == "user" and m.content.startswith("Order "))
        order = order_of(text)
        way, step = table.get(order, ""), 0
        for message in reversed(messages):
            if message.role == "user" and message.content == text:
                break
            step += message.role == "assistant"
        if "down" in way and (day == 1 or way == "down"):
            raise ModelUnreachableError(f"The engine for {order} is away.", "Start it.")
        if way == "answers wrong":
            return costly(f"stamped {order}?" if step else ToolCall(id=f"{order}-0", name="look", arguments={"order": order}), step)
        if way == "wanders":
            return costly(ToolCall(id=f"{order}-{step}", name="look", arguments={"order": order, "page": step}), step)
        if way == "dear":
            call = ToolCall(id=f"{order}-{step}", name="look", arguments={"order": order, "page": step})
            reply = costly(call, step)
            return reply.model_copy(update={"usage": Usage(prompt_tokens=12_000, completion_tokens=9)})
        if way == "silent":
            return costly("", step)
        if way == "repeats":
            return costly(ToolCall(id=f"{order}-{step}", name="look", arguments={"order": order}), step)
        if way == "garbles" and step == 0:
            return costly("<tool>look(", step).model_copy(update={"malformed": "no end of the call"})
        if way == "garbles":
            return costly(f"stamped {order}", step)
        if way == "at once" and step == 0:
            calls = tuple(
                ToolCall(id=f"{order}-{name}", name=name, arguments={"order": order}) for name in ("look", "note", "pay")
            )
            message = Message(role="assistant", content="All at once. 一次办完。", tool_calls=calls)
            usage = Usage(prompt_tokens=50, completion_tokens=20, cached_tokens=0, seconds=0.5)
            return Reply(message=message, usage=usage, finish="tool_calls")
        if way == "at once":
            return costly(f"stamped {order}", step)
        if way == "invents" and step == 0:
            return costly(ToolCall(id=f"{order}-0", name="fly", arguments={"order": order}), step)
        if way == "invents":
            return costly(f"stamped {order}", step)
        return costly(planned(messages), step)

    return ScriptedModel(says, name="clerk")


def order(name, text="work it.", target=True, **more):
    return Case(id=name.lower(), prompt=f"Order {name}: {text}", target=f"stamped {name}" if target else None, **more)


def orders():
    found = [order(f"D-{n:02d}", slice="plain" if n % 2 else "late") for n in range(1, 8)]
    found.append(order("D-08", "请办理这份订单，谢谢。", slice="中文"))
    found.append(order("D-09-long", "work it. " + "Mind the small print, 注意细则. " * 90, slice="long", data={"note": "x" * 3000}))
    found += [order(f"D-{n}", slice="trouble") for n in (10, 11, 12)]
    found.append(order("D-13-torn", slice="trouble"))
    found += [order(f"D-{n}", slice="trouble", split="train") for n in (14, 15, 16, 17, 18)]
    found.append(order("D-19", target=False))
    found += [order(f"D-{n}", split="calibration") for n in (20, 21)]
    return found


def killed(workspace, ledger, day, dies):
    """A process that works the desk and is killed where `dies(point)` says so."""
    child = os.fork()
    if child == 0:
        try:

            def on_reach(point):
                if dies(point):
                    signal.raise_signal(signal.SIGKILL)

            faults.on_reach = on_reach
            with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
                run = journal.runs(job="desk")[0]
                go(journal, holder, desk(ledger), clerk(ledger, day), run)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "it was to be killed"


def nth(point, visit):
    seen = []

    def dies(reached):
        seen.append(reached)
        return reached == point and seen.count(point) == visit

    return dies


def make_desk(workspace):
    ledger = Ledger()
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        model = clerk(ledger, 1)
        run = open_run(journal, desk(ledger), model)
        enrol(journal, run, orders())
        go(journal, holder, desk(ledger), model, run)
        review(journal, run, "d-19", Label(error=True, by="mei", correction="stamped D-19 twice", note="两次"))
        enrol(journal, run, [order("D-30")])
    # one once effect of unknown outcome, in doubt from then on
    killed(workspace, ledger, 1, lambda point: point == "effect.after" and ("pay", "D-30") in ledger.deeds)
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        holder_gone(journal)
        go(journal, holder, desk(ledger), clerk(ledger, 1), run)
        again = desk(ledger, name="again")
        replies = {key: Reply.model_validate(body) for key, body in journal.replies()}
        recorded = RecordedModel(replies, "clerk")
        second = open_run(journal, again, recorded)
        enrol(journal, second, orders()[:6])
        go(journal, holder, again, recorded, second)
        third = open_run(journal, again, recorded, fresh=True)
        enrol(journal, third, [orders()[0], order("D-99")])
        go(journal, holder, again, recorded, third)
        # the failed ones are tried again: one comes right, one fails again, one is killed on the way
        enrol(journal, run, [], retry_failed=True)
    killed(workspace, ledger, 2, lambda point: point == "events.after_append" and ("look", "D-11") in ledger.deeds)
    with Journal.open(workspace) as journal, Holder.enter(workspace):
        enrol(journal, run, [order(f"D-{n}") for n in (40, 41, 42, 43, 44, 45)])
    with_pay = ("pay", "D-40")
    # after a once effect was recorded: it must never be repeated
    killed(workspace, ledger, 2, lambda point: point == "events.after_append" and with_pay in ledger.deeds)
    # between a once effect and its record: in doubt
    killed(workspace, ledger, 2, lambda point: point == "effect.after" and ("pay", "D-41") in ledger.deeds)
    # between an idempotent effect and its record: done again under the same key
    killed(workspace, ledger, 2, lambda point: point == "effect.after" and ("note", "D-42-1") in ledger.deeds)
    # between a reconcilable effect and its record: the environment is asked
    killed(workspace, ledger, 2, lambda point: point == "effect.after" and ("book", "D-43") in ledger.deeds)
    # all done and finished, but not closed
    killed(workspace, ledger, 2, nth("case.before_close", 1))
    # D-45 nobody has begun
    with Journal.open(workspace) as journal:  # a kill leaves its -wal beside the file: take it in
        experience = Experience(journal, "desk")
        experience.memories  # noqa: B018
        experience.close()


def holder_gone(journal):
    """The killed process held a case by a lease of thirty seconds of the ticking clock: let that time go by."""
    CLOCK.now += 60


# --- trust: decisions, certificates, labels by people ----------------------------------------------------------


WORDS = (
    "oak elm ash fir yew bay box fig gum ivy jade kelp lime moss nut olive palm quince reed sage teak ulmo vine willow"
    " xeno yucca zinnia alder birch cedar dill elder fern grass hazel iris juniper kale larch maple nettle orchid pine"
).split()


def words(number, salt, count):
    """Some that go by the number, so that no two cases are equally alike: among such the last bit would decide."""
    return " ".join(WORDS[luck(f"{salt} {number}", n) % len(WORDS)] for n in range(count))


def shelf(number):
    return f"shelf {number * 7 % 13} {words(number, 'answer', 4)}"


def storeman(name="storeman"):
    """Wrong on one in nine, and then less sure of it; in a storm wrong, and sure."""

    def says(messages, tools):
        text = messages[-1].content
        question = next(m.content for m in reversed(messages) if "Which shelf" in m.content)
        number = int(question.split("order ")[1].split("?")[0])
        wrong = luck(question) < 28
        doubt = luck(question, 1) / 255
        if "yes or no" in text:
            sure = 0.9 - 0.3 * doubt - (0.5 if wrong and "storm" not in question else 0.0)
            yes = sure if "right" in text else 1 - sure
            tops = (("yes", round(yes, 6)), ("no", round(1 - yes, 6)))
            tops = tuple((word, round(math.log(max(p, 1e-6)), 6)) for word, p in tops)
            message = Message(role="assistant", content="yes" if yes > 0.5 else "no")
            logprobs = (TokenLogprob(token=message.content, logprob=max(p for _, p in tops), top=tops),)
            usage = Usage(prompt_tokens=420, completion_tokens=1, cached_tokens=400, seconds=0.0625)
            return Reply(message=message, usage=usage, logprobs=logprobs)
        answer = shelf(number + 1) if wrong or "storm" in question else shelf(number)
        low = -0.9 - doubt if wrong else -0.02 - 0.3 * doubt**3
        logprobs = tuple(
            TokenLogprob(token=word, logprob=round(low * (n + 1) / 2, 6), top=((word, round(low * (n + 1) / 2, 6)), ("none", -3.0)))
            for n, word in enumerate(answer.split())
        )
        usage = Usage(prompt_tokens=400 + len(text), completion_tokens=2, cached_tokens=40, seconds=0.125)
        return Reply(message=Message(role="assistant", content=answer), usage=usage, logprobs=logprobs)

    return ScriptedModel(says, name=name)


def shelf_job(name="shelves", **more):
    settings = dict(instructions="Name the shelf.", allowed_error=0.2, confidence=0.9, audit_rate=0.3, fingerprint=f"{name}-1")
    return Job(name=name, environment=SingleTurn(), verifiers=(Exact(),), **(settings | more))


def shelf_cases(first, count, *, target=True, storm=False, split="live"):
    return [
        Case(
            id=f"{split[0]}{n:04d}",
            prompt=f"{'In the storm. ' if storm else ''}Which shelf holds order {n}? {words(n, 'question', 6)}",
            target=shelf(n) if target else None,
            slice=("north", "south", "东")[n % 3],
            split=split,
        )
        for n in range(first, first + count)
    ]


def truth(case_id):
    return shelf(int(case_id[1:]))


def labelled(journal, run, items, by, *, wrong_every=0, note=""):
    for n, item in enumerate(items):
        answer, right = item.outcome.trajectory.answer, truth(item.case.id)
        error = answer != right
        if wrong_every and n % wrong_every == wrong_every - 1:
            review(journal, run, item.case.id, Label(error=not error, by=by, note="a slip"))
        elif error and n % 2:
            review(journal, run, item.case.id, Label(error=True, by=by, correction=right, note=note))
        else:
            review(journal, run, item.case.id, Label(error=error, by=by, note=note))


def make_trust(workspace):
    job, model = shelf_job(), storeman()
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        history = shelf_cases(0, 80)
        test = open_run(journal, job, model, backtest=to_learn_from(len(history)))
        enrol(journal, test, history)
        go(journal, holder, job, model, test)
        run = open_run(journal, job, model)
        enrol(journal, run, [*shelf_cases(200, 28, target=False), *shelf_cases(600, 4, split="exam")])
        go(journal, holder, job, model, run)
        waiting = inbox(journal, run)
        late = waiting[::5]
        labelled(journal, run, [item for item in waiting if item not in late], "mei", wrong_every=9)
        enrol(journal, run, shelf_cases(300, 18, target=False))
        go(journal, holder, job, model, run)
        labelled(journal, run, late[::-1], "李雷", note="迟到的标签")  # out of order, and late
        for item in waiting[1:8:3]:  # a second opinion
            right = truth(item.case.id)
            review(journal, run, item.case.id, Label(error=item.outcome.trajectory.answer != right, by="boss"))
        labelled(journal, run, inbox(journal, run)[1::2], "mei")
        enrol(journal, run, [*shelf_cases(400, 16, target=False), *shelf_cases(500, 4)])
        go(journal, holder, job, model, run)
        # autonomy that is earned, and taken away in the storm
        drift = shelf_job("storms", audit_rate=1.0, instructions="Name the shelf, storm or not.")
        weather = open_run(journal, drift, model)
        enrol(journal, weather, shelf_cases(0, 96))
        go(journal, holder, drift, model, weather)
        enrol(journal, weather, shelf_cases(2000, 20, storm=True))
        go(journal, holder, drift, model, weather)


# --- learning: versions, exams, lessons ------------------------------------------------------------------------

GOOD = lesson("rule", "", "say it twice", "teacher", ("case:t0001",))
GIVEN_AWAY = lesson("rule", "say 1003", "1003 1003", "teacher", ("person:tom",))
BAD = lesson("rule", "saying", "say nothing useful", "teacher", ("person:tom",))
POISON = "stone stone"


def speaker():
    """Right on every third case; on all with the good rule; on few with the bad one; on none with a poisoned example."""

    def says(messages, tools):
        system, text = messages[0].content, messages[-1].content
        if "yes or no" in text:
            return "yes"
        if not text.startswith("say "):
            return "Say everything twice, please."
        number = int(text.split()[-1])
        if any(message.role == "assistant" and message.content == POISON for message in messages):
            return "nothing at all"
        if BAD.text in system:
            return f"{number} {number}" if number % 6 == 0 else "nothing"
        return f"{number} {number}" if GOOD.text in system or number % 3 == 0 else str(number)

    return ScriptedModel(says, name="speaker")


def say_cases(first, count, split="train"):
    return [
        Case(id=f"{split[0]}{n:04d}", prompt=f"say {n}", target=f"{n} {n}", split=split, slice="odd" if n % 2 else "even")
        for n in range(first, first + count)
    ]


class Prober:
    """A learner that works a case in the lab, asks its teacher, and proposes what it heard."""

    name = "prober"

    async def learn(self, mind, seen, lab):
        tried = mind.model_copy(update={"playbook": (GOOD,)})
        one = await lab.attempt(tried, seen[0].case_id)
        two = await lab.attempt(mind, seen[1].case_id, sampling=Sampling(temperature=0.5, seed=7))
        words = await lab.ask([Message(role="user", content="What is to be done? 怎么办？")], sampling=Sampling())
        again = await lab.ask([Message(role="user", content="What is to be done? 怎么办？")], sampling=Sampling())
        assert (words, one.right, two.right) == (again, True, two.right)
        found = mind.model_copy(update={"instructions": f"Speak. {words}"})
        return Proposal(mind=found, why="heard in the lab", sources=("case:t0000", "case:t0001"))


def make_learning(workspace):
    model = speaker()
    job = Job(name="say", environment=SingleTurn(), verifiers=(Exact(),), instructions="Speak.", fingerprint="say-1")
    learning.FlowLab = partial(FlowLab, began=CLOCK.now)  # its own default is bound to the real clock
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        room = Room(journal, holder, job, model)
        ground = ground_of(job, model, "ada")

        def now():
            return champion_of(journal, "say", ground, "ada")

        def works(cases, name="ada"):
            run = open_run(journal, job, model, name=name)
            enrol(journal, run, cases)
            go(journal, holder, job, model, run)
            return run

        def challenger(why, *rules, mind=None):
            return propose(
                journal, "say", now(), Proposal(mind=mind or Mind(playbook=rules), why=why), by="teacher", cost={"tokens": 7}
            )

        sealed = say_cases(1000, 48, "exam")
        works(say_cases(0, 30))
        budget = LearningBudget(tokens=500_000, seconds=1e9)
        asyncio.run(learn(room, Prober(), budget=budget))
        asyncio.run(learn(room, Demonstrations(), budget=budget))
        assert asyncio.run(examine(room, now(), challenger("to say it twice 说两遍", GOOD), sealed)).promoted
        assert not asyncio.run(examine(room, now(), challenger("to say nothing", GOOD, BAD, GIVEN_AWAY), sealed)).promoted
        run = works(say_cases(0, 70))
        for case in ("t0031", "t0034", "t0037", "t0040", "t0043"):  # eve poisons the memory
            review(journal, run, case, Label(error=True, by="eve", correction=POISON))
        review(journal, run, "t0046", Label(error=True, by="bob", correction="46 46 46", note="四十六"))
        works(say_cases(70, 20))
        roll_back(journal, "say", "ada", ground, number=1)
        works(say_cases(180, 8))
        roll_back(journal, "say", "ada", ground, number=challenger("again", GOOD).number)
        works(say_cases(192, 8))
        unlearn(journal, "say", "person:bob")
        unlearn(journal, "say", "case:t0001")  # the good rule rests on it
        works(say_cases(200, 10))
        works(say_cases(0, 6), name="bob")
        works(say_cases(300, 4, "calibration"), name="bob")
        make_chant(journal, holder)


class Twice:
    """Knows whether an answer is right, and never says which would be."""

    name = "twice"

    async def score(self, case, trajectory):
        return Score(verifier=self.name, value=float(trajectory.answer == case.target))

    def reference(self, case):
        return None


def make_chant(journal, holder):
    """A job with few lessons, one of which does harm until it is retired; and a version that loses a slice."""
    model = speaker()
    job = Job(name="chant", environment=SingleTurn(), verifiers=(Twice(),), instructions=f"Speak: {GOOD.text}.", fingerprint="chant-1")

    def works(cases):
        run = open_run(journal, job, model)
        enrol(journal, run, cases)
        go(journal, holder, job, model, run)
        return run

    run = works(say_cases(0, 4))
    review(journal, run, "t0001", Label(error=True, by="eve", correction=POISON))
    works(say_cases(4, 50))
    ground = ground_of(job, model, "ada")
    now = champion_of(journal, "chant", ground, "ada")
    bad = propose(journal, "chant", now, Proposal(mind=Mind(playbook=(BAD,)), why="to say less"), by="tom", cost={})
    roll_back(journal, "chant", "ada", ground, number=bad.number)
    works(say_cases(100, 24))


# --- knowledge: a base, questions, what a model wrote of it ----------------------------------------------------

FILES = {
    "harbour.md": "# Harbour\n\n## People\n\nThe harbour master is Mei Tan. She sits in the tower of Utrecht with Acme.\n\n"
    "## Rules\n\nShips from Utrecht pay Acme on the first day of the month. Mei Tan signs.\n",
    "boat house.txt": "The rent of the boat house is 40 euros a month. It is due to Acme Utrecht.\n\n"
    "The key of the boat house lies with Mei Tan, the harbour master.\n",
    "书店.txt": "李明于2001年创办了青山书店，书店位于苏州。\n\n青山书店每周一休息。李明每天早上八点开门。\n",
    "page.html": "<html><head><title>Invoices</title></head><body><h1>Invoices</h1><p>Acme in Utrecht sends an invoice"
    " on Mondays.</p><table><tr><th>No</th><th>Sum</th></tr><tr><td>A-17</td><td>12.50</td></tr></table></body></html>",
    "board/minutes.md": "# Minutes\n\nThe board of Acme Utrecht will sell the boat house in May. Mei Tan does not know.\n",
    "board/staff.csv": "name,role,room\nMei Tan,harbour master,tower\nLi Ming,bookseller,苏州\n",
    "broken.pdf": "%PDF-1.4\nthis is no pdf\n",
}


def reads(messages, tools):
    text = messages[-1].content
    if "青山书店" in text:
        return "李明 | 创办 | 青山书店\n青山书店 | 位于 | 苏州"
    return "Mei Tan | works with | Acme\nAcme | lies in | Utrecht\nMei Tan | owns | a castle that nobody wrote of"


def titled(messages, tools):
    return f"Title: The harbour\nIt has {messages[-1].content.count('[')} passages. Acme is in Utrecht. 港口报告。"


def answers(messages, tools):
    question = messages[-1].content
    if "yes or no" in question:
        return "yes"
    if "书店" in question:
        return "青山书店位于苏州。"
    if "moon" in question:
        return "The documents do not say."
    return "The harbour master is Mei Tan. She sits in the tower of Utrecht with Acme."


def write_files():
    HANDBOOK.mkdir(parents=True)
    for n, (name, text) in enumerate(FILES.items()):
        file = HANDBOOK / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(10**18 + n, 10**18 + n))


def make_knowledge(workspace):
    write_files()
    file = journeyman.cli.bases.base_file(workspace, "handbook")
    with (
        Journal.open(workspace) as journal,
        Holder.enter(workspace) as holder,
        KnowledgeBase.open(file, HashedEmbedder(reading.DIMENSIONS)) as base,
    ):
        asyncio.run(base.update([HANDBOOK / "board" / "staff.csv"], labels=["staff"]))
        asyncio.run(base.update([HANDBOOK / "board" / "minutes.md"], labels=["board"]))
        asyncio.run(base.update([HANDBOOK / name for name in FILES if not name.startswith("board")]))
        later = HANDBOOK / "boat house.txt"
        later.write_text(later.read_text() + "\nThe boat house is painted green.\n", encoding="utf-8")
        os.utime(later, ns=(2 * 10**18, 2 * 10**18))
        gone = HANDBOOK / "gone.txt"
        gone.write_text("A paper that is thrown away.\n")
        asyncio.run(base.update([later, gone]))
        gone.unlink()
        asyncio.run(base.update([HANDBOOK / "gone.txt"], labels=[]))
        asyncio.run(extract(base.index, ScriptedModel(reads, name="reader"), tokens=1_000_000, labels=("board", "staff")))
        asyncio.run(reports(Graph(base.index), ScriptedModel(titled, name="reader"), tokens=1_000_000))
        model = ScriptedModel(answers, name="answerer")
        for labels in ((), ("board",)):

            async def find(query, labels=labels):
                return await base.search(query, k=8, labels=labels)

            job = asking_job(find, about="handbook basic 360", labels=labels)
            found = [
                asyncio.run(ask(journal, holder, job, model, question))
                for question in ("Who is the harbour master?", "青山书店在哪里？", "How far is the moon?")
            ]
            run = open_run(journal, job, model)
            review(journal, run, found[0].case_id, Label(error=False, by="mei"))
            review(journal, run, found[1].case_id, Label(error=True, by="mei", correction="在苏州。"))
    shutil.rmtree(HANDBOOK)


# --- games -----------------------------------------------------------------------------------------------------


def make_games(workspace):
    tasks = ["minigrid:BabyAI-GoToLocal-v0", "reasoning_gym:chain_sum"]
    drawn = list(draw(tasks, each=3, first_seed=3))
    moves = {}
    with hired(FAMILIES["minigrid"]) as process:
        for case in drawn:
            if case.data["task"] == tasks[0]:
                moves[case.prompt] = moves.get(case.prompt) or process.walkthrough(tasks[0].partition(":")[2], case.data["seed"])
    puzzles = {case.prompt: case.target for case in drawn if case.data["task"] == tasks[1]}
    stuck = list(moves)[-1]

    def plays(messages, tools):
        text = messages[-1].content
        if "yes or no" in text:
            return "yes"
        if text in puzzles:
            return puzzles[text]["answer"] if isinstance(puzzles[text], dict) else str(puzzles[text])
        last = max(n for n, m in enumerate(messages) if m.role == "user" and "Your goal: " in m.content)
        goal = messages[last].content.split("Your goal: ")[1].split("\n\n")[0]
        step = sum(message.role == "assistant" for message in messages[last:])
        if goal == stuck or goal not in moves or step >= len(moves[goal]):
            return ToolCall(id=f"call_{step}", name="finish", arguments={})
        return ToolCall(id=f"call_{step}", name="act", arguments={"command": moves[goal][step]})

    job = Job(
        name="games", environment=Gym(), verifiers=(GymVerifier(),), budget=Budget(steps=40, tokens=10**7), fingerprint="games-1"
    )
    model = ScriptedModel(plays, name="player")
    with Journal.open(workspace) as journal, Holder.enter(workspace) as holder:
        run = open_run(journal, job, model)
        enrol(journal, run, drawn)
        go(journal, holder, job, model, run)
    end_idle()


# --- stores by earlier commits ---------------------------------------------------------------------------------


def make_older(commit):
    def make(workspace):
        with tempfile.TemporaryDirectory() as folder:
            archive = subprocess.run(["git", "archive", commit, "src"], cwd=HERE.parents[2], check=True, capture_output=True).stdout
            subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
            path = os.pathsep.join([f"{folder}/src", str(HERE)])
            subprocess.run([sys.executable, str(HERE / "older.py"), str(workspace)], env={**os.environ, "PYTHONPATH": path}, check=True)

    return make


# --- all of it -------------------------------------------------------------------------------------------------

STORES = {
    "desk": make_desk, "trust": make_trust, "learning": make_learning, "knowledge": make_knowledge, "games": make_games,
    **{name: make_older(commit) for name, commit in OLDER.items()},
}  # fmt: skip

CLOCK = Clock()


def pack(workspace, file):
    with tarfile.open(file, "w:xz", preset=9) as archive:
        for path in sorted(workspace.rglob("*")):
            told = archive.gettarinfo(path, arcname=str(path.relative_to(workspace)))
            told.mtime, told.uid, told.gid, told.uname, told.gname = 0, 0, 0, "", ""
            with path.open("rb") if path.is_file() else open(os.devnull, "rb") as data:
                archive.addfile(told, data if path.is_file() else None)


def main(out, only):
    out.mkdir(parents=True, exist_ok=True)
    for name, make in STORES.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            workspace, copy = Path(folder) / "store", Path(folder) / "copy"
            CLOCK.now = 1_700_000_000.0
            secrets.token_hex = tokens()
            make(workspace)
            left = [path.name for path in workspace.rglob("*-wal")]
            assert not left, f"not closed: {left}"
            pack(workspace, out / f"{name}.tar.xz")
            shutil.copytree(workspace, copy)
            told = reading.readable(reading.read_store(copy))
            (out / f"{name}.json").write_text(told + "\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {(out / f'{name}.tar.xz').stat().st_size:,} + {(out / f'{name}.json').stat().st_size:,}\n")


if __name__ == "__main__":
    CLOCK.install()
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
