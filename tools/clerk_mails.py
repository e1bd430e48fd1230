"""Makes the mails and forms of jobs/clerk: what is true of a message is drawn first, then told in words.

    python -m tools.clerk_mails > jobs/clerk/cases.jsonl

Only facts that the message tells are in its target; what it does not tell is null there.
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

SEED = 11
PER_SLICE = 22
SPLITS = ("train", "calibration", "train", "exam")
FIELDS = ("request", "customer", "order", "product", "quantity", "date")
WORDS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "clerk_words.toml").read_text(encoding="utf-8")
)
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "zh": list("一二三四五六日"),
}


@dataclass(frozen=True)
class Facts:
    """What is true of a message. None: the message does not tell."""

    request: str
    customer: str | None
    order: str | None
    product: str | None
    quantity: int | None
    date: date | None

    def target(self) -> dict[str, Any]:
        day = None if self.date is None else self.date.isoformat()
        return {name: day if name == "date" else getattr(self, name) for name in FIELDS}


class Writer:
    """Tells facts in one language."""

    def __init__(self, language: str, rng: random.Random) -> None:
        self.language, self.rng, self.words = language, rng, WORDS[language]
        self.today = date(2026, 3, 2) + timedelta(days=rng.randrange(60))

    def facts(self) -> Facts:
        rng = self.rng
        return Facts(
            request=rng.choice(list(self.words["asks"])),
            customer=rng.choice(self.words["customers"]),
            order=f"{rng.choice('ABKRT')}-{rng.randrange(10000, 99999)}",
            product=rng.choice(self.words["products"]),
            quantity=rng.randrange(2, 40),
            date=self.today + timedelta(days=rng.randrange(3, 40)),
        )

    def day(self, when: date) -> str:
        """One of the usual ways to write a date in full."""
        forms = [
            when.isoformat(),
            f"{when.day} {MONTHS[when.month - 1]} {when.year}",
            f"{MONTHS[when.month - 1]} {when.day}, {when.year}",
        ]
        if self.language == "zh":
            forms = [
                f"{when.year}年{when.month}月{when.day}日",
                when.isoformat(),
                f"{when.year}/{when.month}/{when.day}",
            ]
        return self.rng.choice(forms)

    def relative(self, when: date) -> str:
        """A date told from today's: tomorrow, in three days, this or next week's Friday."""
        days, week = (
            (when - self.today).days,
            when.isocalendar().week - self.today.isocalendar().week,
        )
        weekday = WEEKDAYS[self.language][when.weekday()]
        if self.language == "zh":
            near = {1: "明天", 2: "后天", 3: "三天后"}
            return near.get(days) or f"{('本周', '下周')[week]}{weekday}"
        near = {1: "tomorrow", 2: "the day after tomorrow", 3: "in three days"}
        return near.get(days) or (
            f"{weekday} of this week" if week == 0 else f"{weekday} of next week"
        )

    def sentence(self, kind: str, value: object) -> str:
        return str(self.rng.choice(self.words["tells"][kind])).format(value)

    def sentences(self, facts: Facts, day: str | None = None) -> list[str]:
        """One sentence for each fact, the request first."""
        said = [self.rng.choice(self.words["asks"][facts.request])]
        if facts.order is not None:
            said.append(self.sentence("order", facts.order))
        if facts.product is not None:
            said.append(self.sentence("product", facts.product))
        if facts.quantity is not None:
            said.append(self.sentence("quantity", facts.quantity))
        if facts.date is not None:
            said.append(self.sentence("date", day or self.day(facts.date)))
        if self.rng.random() < 0.6:
            said.insert(self.rng.randrange(1, len(said) + 1), self.rng.choice(self.words["beside"]))
        return said

    def letter(self, facts: Facts, said: list[str]) -> str:
        """Sender's date, greeting, body, and a name under it where the customer is known."""
        space = "" if self.language == "zh" else " "
        head = f"{self.words['sent']}{self.day(self.today)}\n{self.rng.choice(self.words['greetings'])}"
        close = self.rng.choice(self.words["closings"])
        name = facts.customer or self.rng.choice(self.words["nameless"])
        return f"{head}\n\n{space.join(said)}\n\n{close}\n{name}"

    def form(self, facts: Facts) -> str:
        """Labels and values, in any order; what is not known is left out, or marked so."""
        day = None if facts.date is None else self.day(facts.date)
        told = {
            "customer": facts.customer,
            "order": facts.order,
            "product": facts.product,
            "quantity": facts.quantity,
            "date": day,
        }
        lines = [
            f"{self.rng.choice(self.words['labels']['request'])}{self.words['forms'][facts.request]}"
        ]
        for name, value in told.items():
            if value is None and self.rng.random() < 0.4:
                continue
            shown = self.rng.choice(self.words["blank"]) if value is None else value
            lines.append(f"{self.rng.choice(self.words['labels'][name])}{shown}")
        self.rng.shuffle(lines)
        return "\n".join([self.words["form_title"], *lines])


def without_some(facts: Facts, rng: random.Random) -> Facts:
    """One to three facts are not told."""
    gone = rng.sample(FIELDS[1:], rng.randint(1, 3))
    return replace(facts, **dict.fromkeys(gone))  # type: ignore[arg-type]


def mail(write: Writer) -> tuple[str, Facts]:
    facts = write.facts()
    return write.letter(facts, write.sentences(facts)), facts


def form(write: Writer) -> tuple[str, Facts]:
    facts = write.facts()
    facts = without_some(facts, write.rng) if write.rng.random() < 0.5 else facts
    return write.form(facts), facts


def missing(write: Writer) -> tuple[str, Facts]:
    facts = without_some(write.facts(), write.rng)
    return write.letter(facts, write.sentences(facts)), facts


def contradictory(write: Writer) -> tuple[str, Facts]:
    """A value is corrected further down: the correction holds."""
    facts, wrong = write.facts(), write.facts()
    kind = write.rng.choice(("quantity", "product", "order", "date"))
    first = replace(facts, **{kind: getattr(wrong, kind)})
    said = write.sentences(first)
    value = getattr(facts, kind)
    said.append(write.sentence("correct_" + kind, write.day(value) if kind == "date" else value))
    return write.letter(facts, said), facts


def thread(write: Writer) -> tuple[str, Facts]:
    """The mail below an older one of somebody else, whose facts don't count."""
    facts, older = write.facts(), write.facts()
    quoted = "\n".join(
        f"> {line}" for line in write.letter(older, write.sentences(older)).splitlines()
    )
    return (
        f"{write.letter(facts, write.sentences(facts))}\n\n{write.words['quoted']}\n{quoted}",
        facts,
    )


def dates(write: Writer) -> tuple[str, Facts]:
    """The date is told from the day the mail was sent."""
    ahead = write.rng.randrange(1, 14 - write.today.weekday())
    facts = replace(write.facts(), date=write.today + timedelta(days=ahead))
    assert facts.date is not None
    return write.letter(facts, write.sentences(facts, write.relative(facts.date))), facts


SLICES = (
    ("mail-en", "en", mail), ("form-en", "en", form), ("missing-en", "en", missing), ("contradictory-en", "en", contradictory),
    ("thread-en", "en", thread), ("mail-zh", "zh", mail), ("form-zh", "zh", form), ("missing-zh", "zh", missing),
    ("contradictory-zh", "zh", contradictory), ("dates-en", "en", dates), ("dates-zh", "zh", dates),
)  # fmt: skip


def messages(*, seed: int = SEED, per_slice: int = PER_SLICE) -> Iterator[dict[str, Any]]:
    """The cases as JSON objects, each slice half train, a quarter calibration, a quarter exam."""
    for s, (name, language, make) in enumerate(SLICES):
        rng = random.Random(f"{seed}-{name}")
        for n in range(per_slice):
            text, facts = make(Writer(language, rng))
            split = SPLITS[(n + s) % 4]
            yield {
                "id": f"{name}-{n:02d}",
                "prompt": text,
                "target": facts.target(),
                "slice": name,
                "split": split,
            }


def main() -> None:
    in_turn = sorted(
        messages(), key=lambda row: row["id"].rpartition("-")[2]
    )  # a bit of every slice from the start
    for row in in_turn:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
