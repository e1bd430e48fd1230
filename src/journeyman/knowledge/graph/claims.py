"""Claims: who does what to whom. A model reads them from passages, on request and within a token budget.

Nothing here is needed for searching. What a claim names is added to what its passage mentions, so that the walk over
the graph can go by it. GraphRAG (Edge et al. 2024) has a model read every passage before the first question, and takes
its word; here a claim counts only if both of its names stand in the passage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from journeyman.documents import Passage, heading
from journeyman.knowledge.graph.entities import MOST, entities, key
from journeyman.knowledge.index.kinds import Labels
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


Fact = tuple[str, str, str]
"""Subject, relation, object."""


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
    labels: Labels = (),
    told: Callable[[Passage, int], None] = lambda passage, claims: None,
) -> Reading:
    """Have passages read that nobody has read yet, in their order, until so many tokens are spent.

    Each is written down at once: stopped, it goes on where it was. A passage of which nothing could be used counts as
    read.
    """
    store = index.store
    with store.reading():
        unread = store.among(store.visible(labels)) - store.read_since(0)
    waiting = sorted(unread)
    spent = 0
    read = 0
    found = 0
    for place in waiting:
        if spent >= tokens:
            break
        with store.reading():
            passage = store.passages([place]).get(place)
        if passage is None:
            continue
        reply = await model.generate(prompt(passage), sampling=Sampling(max_tokens=REPLY_TOKENS))
        facts = list(parsed(reply.message.text, f"{passage.title}\n{passage.text}"))
        rows = [{"subject": s, "relation": r, "object": o} for s, r, o in facts]
        store.put_claims(place, rows, _mentioned(passage, facts))
        told(passage, len(facts))
        spent += reply.usage.spent_tokens or 0
        read += 1
        found += len(facts)
    return Reading(
        passages=read,
        claims=found,
        tokens=spent,
        left=len(waiting) - read,
    )


def _mentioned(passage: Passage, facts: Iterable[Fact]) -> dict[str, int]:
    """What the passage mentions, with what its facts name."""
    counts = dict(entities(passage.title, passage.text))
    names: list[str] = []
    for subject, _, thing in facts:
        names.append(key(subject))
        names.append(key(thing))
    for name in filter(None, names):
        if name in counts or len(counts) < MOST:
            before = counts.get(name, 0)
            counts[name] = before + 1
    return counts


def prompt(passage: Passage) -> list[Message]:
    """The same beginning for every passage, so that it is computed once."""
    messages = [Message(role="system", content=INSTRUCTIONS)]
    for text, facts in EXAMPLES:
        messages.append(Message(role="user", content=text))
        messages.append(Message(role="assistant", content=facts))
    title = ""
    if passage.title:
        title = " ".join(passage.title.split()) + "\n"
    text = passage.text[:READ_CHARACTERS]
    messages.append(Message(role="user", content=title + text))
    return messages


def parsed(reply: str, text: str) -> Iterator[Fact]:
    """Claims whose two names stand in the text, each once."""
    folded = key_of(text)
    seen: set[Fact] = set()
    for line in reply.splitlines():
        fact = _fact(line)
        if fact is None or fact in seen:
            continue
        subject, _, thing = fact
        names = (key_of(subject), key_of(thing))
        if all(name and name in folded for name in names):
            seen.add(fact)
            yield fact


def _fact(line: str) -> Fact | None:
    """The three parts of a line. None: it has not three parts, or one is empty or too long."""
    cells = line.replace("｜", "|").split("|")
    parts = [cell.strip(" -*\t。.") for cell in cells]
    if len(parts) != 3 or not all(parts):
        return None
    if max(map(len, parts)) > LONGEST:
        return None
    subject, relation, thing = parts
    return subject, relation, thing


def key_of(text: str) -> str:
    """Folded like a name, of any length."""
    return "".join(text.casefold().split())


def claims(index: SqliteIndex, *, about: str = "", labels: Labels = ()) -> list[Claim]:
    """Claims of visible passages, in the order of these; with `about`, those that name it."""
    wanted = key_of(about)
    store = index.store
    with store.reading():
        visible = store.among(store.visible(labels))
        rows = [(place, fields) for place, fields in store.claims() if place in visible]
        places = sorted({place for place, _ in rows})
        passages = store.passages(places)
    found: list[Claim] = []
    for place, fields in rows:
        passage = passages.get(place)
        names = (key_of(fields["subject"]), key_of(fields["object"]))
        if passage is None or not any(wanted in name for name in names):
            continue
        claim = Claim(
            **fields,
            document=passage.document,
            passage=passage.id,
            where=heading(passage),
        )
        found.append(claim)
    return found


def shown(told: Sequence[Claim]) -> Iterator[str]:
    """A line each, under its passage."""
    where = ""
    for claim in told:
        if claim.where != where:
            where = claim.where
            yield where
        yield f"  {claim.subject} — {claim.relation} — {claim.object}"
