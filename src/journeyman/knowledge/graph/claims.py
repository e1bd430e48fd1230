"""Claims: who does what to whom, read out of passages by a model, on request and within a budget of tokens.

Nothing here is needed for searching. What a claim names is added to what its passage mentions, so that the walk over
the graph can go by it. GraphRAG (Edge et al. 2024) has a model read every passage before the first question, and takes
its word; here a claim counts only if both of its names stand in the passage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from journeyman.documents import Passage, heading
from journeyman.knowledge.graph.entities import MOST, entities, key
from journeyman.knowledge.index.sqlite import SqliteIndex
from journeyman.protocols import Model
from journeyman.types import Message, Record, Sampling

INSTRUCTIONS = (
    "List the facts that the text states, one a line, each as: subject | relation | object. Write names as the text"
    " writes them, in the text's language. Write nothing else."
)
EXAMPLES = (
    ("Ada Lovelace was born in London. She worked with Charles Babbage on the Analytical Engine.",
     "Ada Lovelace | was born in | London\nAda Lovelace | worked with | Charles Babbage"),
    ("李明于2001年创办了青山书店，书店位于苏州。", "李明 | 创办 | 青山书店\n青山书店 | 位于 | 苏州"),
)  # fmt: skip
READ_CHARACTERS = 2_000
"""Of a passage."""
REPLY_TOKENS = 256
LONGEST = 160
"""Characters of each part of a claim."""


class Claim(Record):
    """What a passage says of two things."""

    subject: str
    relation: str
    object: str
    document: str
    passage: str
    """Its id in the document."""
    where: str
    """File, page and headings, for people."""


class Reading(Record):
    """What a model was asked to read, and what came of it."""

    passages: int
    claims: int
    tokens: int
    """Computed and written."""
    left: int
    """Passages that nobody has read yet: the budget was spent."""


async def extract(
    index: SqliteIndex,
    model: Model,
    *,
    tokens: int,
    labels: Collection[str] = (),
    told: Callable[[Passage, int], None] = lambda passage, claims: None,
) -> Reading:
    """Have passages read that nobody has read yet, in their order, until so many tokens are spent.

    Each is written down at once: stopped, it goes on where it was. A passage of which nothing could be used counts as
    read.
    """
    store = index.store
    with store.reading():
        waiting = sorted(store.among(store.visible(labels)) - store.read_since(0))
    spent = read = found = 0
    for place in waiting:
        if spent >= tokens:
            break
        with store.reading():
            passage = store.passages([place]).get(place)
        if passage is None:
            continue
        reply = await model.generate(prompt(passage), sampling=Sampling(max_tokens=REPLY_TOKENS))
        facts = list(parsed(reply.message.text, f"{passage.title}\n{passage.text}"))
        counts = dict(entities(passage.title, passage.text))
        for name in (
            name for subject, _, thing in facts for name in (key(subject), key(thing)) if name
        ):
            if name in counts or len(counts) < MOST:
                counts[name] = counts.get(name, 0) + 1
        rows = [{"subject": s, "relation": r, "object": o} for s, r, o in facts]
        store.put_claims(place, rows, counts)
        told(passage, len(facts))
        spent, read, found = spent + (reply.usage.spent_tokens or 0), read + 1, found + len(facts)
    return Reading(passages=read, claims=found, tokens=spent, left=len(waiting) - read)


def prompt(passage: Passage) -> list[Message]:
    """The same beginning for every passage, so that it is computed once."""
    told = [Message(role="system", content=INSTRUCTIONS)]
    for text, facts in EXAMPLES:
        told += [Message(role="user", content=text), Message(role="assistant", content=facts)]
    title = f"{' '.join(passage.title.split())}\n" if passage.title else ""
    return [*told, Message(role="user", content=f"{title}{passage.text[:READ_CHARACTERS]}")]


def parsed(reply: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Claims whose two names stand in the text, each once."""
    held = key_of(text)
    seen: set[tuple[str, str, str]] = set()
    for line in reply.splitlines():
        parts = [part.strip(" -*\t。.") for part in line.replace("｜", "|").split("|")]
        if len(parts) != 3 or not all(parts) or max(map(len, parts)) > LONGEST:
            continue
        claim = (parts[0], parts[1], parts[2])
        if claim not in seen and all(
            name and name in held for name in (key_of(parts[0]), key_of(parts[2]))
        ):
            seen.add(claim)
            yield claim


def key_of(text: str) -> str:
    """Folded like a name, of any length."""
    return "".join(text.casefold().split())


def claims(index: SqliteIndex, *, about: str = "", labels: Collection[str] = ()) -> list[Claim]:
    """Claims of visible passages, in the order of these; with `about`, those that name it."""
    wanted, store = key_of(about), index.store
    with store.reading():
        seen = store.among(store.visible(labels))
        rows = [(place, told) for place, told in store.claims() if place in seen]
        passages = store.passages(sorted({place for place, _ in rows}))
    return [
        Claim(
            **told,
            document=passages[place].document,
            passage=passages[place].id,
            where=heading(passages[place]),
        )
        for place, told in rows
        if place in passages and any(wanted in key_of(told[name]) for name in ("subject", "object"))
    ]


def shown(told: Sequence[Claim]) -> Iterator[str]:
    """A line each, under its passage."""
    where = ""
    for claim in told:
        if claim.where != where:
            where = claim.where
            yield where
        yield f"  {claim.subject} — {claim.relation} — {claim.object}"
