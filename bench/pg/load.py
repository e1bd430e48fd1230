"""One process's share of the load: add a case, claim it, append six events in four transactions, close."""

from __future__ import annotations

import sys
import time

from journeyman.store.journal import Journal, open_journal
from journeyman.types import (
    Case,
    Closed,
    Event,
    EventBody,
    Intended,
    Lease,
    Message,
    Opened,
    Replied,
    Reply,
    Resulted,
    Run,
    RunSpec,
    ToolCall,
    Usage,
)

TEXT = "x" * 200
RUN = Run(id="r", job="j", worker="a@1", model="m", fingerprint="f", spec=RunSpec(), opened_at=1.0)
REPLY = Reply(
    message=Message(role="assistant", content=TEXT),
    usage=Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=0),
)
CALL = ToolCall(id="1", name="look", arguments={"word": TEXT})
OPENED = Opened(messages=(Message(role="user", content=TEXT),))
RESULTED = Resulted(message=Message(role="tool", call_id="1", content=TEXT))
STEPS: tuple[tuple[bool, tuple[EventBody, ...]], ...] = (
    (False, (OPENED, Replied(reply=REPLY))),
    (True, (Intended(call=CALL),)),
    (True, (RESULTED,)),
    (True, (Replied(reply=REPLY), Closed(correct=None))),
)
"""Each transaction: whether it waits for the disk, and what it writes. The last one closes the case."""


def work_one(journal: Journal, me: str, number: int) -> None:
    journal.add_cases(RUN.id, [Case(id=f"{me}-{number}", prompt=TEXT)])
    lease = journal.claim(RUN.id, holder=me, seconds=60, is_dead=lambda _: False)
    assert lease is not None
    seq = 0
    for fully, bodies in STEPS:
        events = [_event(lease, seq + n, body) for n, body in enumerate(bodies)]
        seq += len(events)
        closes = lease if bodies[-1].kind == "closed" else None
        journal.append(events, fully=fully, closes=closes)


def _event(lease: Lease, seq: int, body: EventBody) -> Event:
    return Event(
        run_id=lease.run_id,
        case_id=lease.case.id,
        attempt=lease.attempt,
        seq=seq,
        body=body,
        at=time.time(),
    )


def main(workspace: str, me: str, seconds: float) -> None:
    """Print how many cases were done in so many seconds, after a short warm-up and a line from the parent."""
    with open_journal(workspace) as journal:
        journal.open_run(lambda known, _: known[0] if known else RUN, job=RUN.job)
        for number in range(20):
            work_one(journal, me, -1 - number)
        print("ready", flush=True)
        sys.stdin.readline()
        deadline = time.perf_counter() + seconds
        done = 0
        while time.perf_counter() < deadline:
            work_one(journal, me, done)
            done += 1
        print(done, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
