"""The playbook as a file that people and other agents can read: Markdown in the Agent Skills format.

`SKILL.md` has a head of `name` and `description` and a list of rules. A rule is a line, `- **when:** rule`, with its
sources in a comment behind it. An edit by hand is a version like any other: read the file back, and it is a challenger.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from journeyman.errors import InputError
from journeyman.memory.lessons import lesson
from journeyman.types import Lesson, Proposal, WorkerSpec

HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
RULE = re.compile(
    r"^- (?:\*\*(?P<when>[^*\n]+):\*\* )?(?P<rule>.+?)(?: <!-- (?P<by>\S+) from (?P<sources>.+?) -->)?$"
)
CHARACTERS = 1_000
"""Of a rule."""
MOST = 100
"""Rules in a playbook: all of them stand in every prompt."""


def to_skill_md(job: str, worker: str, playbook: Sequence[Lesson]) -> str:
    """The text of SKILL.md."""
    lines = [
        "---",
        f"name: {job.lower()}",
        f"description: Rules that {worker} learned doing the job {job}. Read them before doing a case of it.",
        "---",
        "",
        f"# {job}",
        "",
        "One rule a line. What is changed here by hand becomes a new version, and is examined like any other.",
        "",
    ]
    lines += [_rule_line(rule) for rule in playbook]
    return "\n".join(lines) + "\n"


def _rule_line(rule: Lesson) -> str:
    about = _line(rule.about)
    when = f"**{about}:** " if rule.about else ""
    text = _line(rule.text)
    sources = ", ".join(rule.sources)
    return f"- {when}{text} <!-- {rule.by} from {sources} -->"


def from_skill_md(text: str, worker_spec: WorkerSpec, *, by: str) -> Proposal:
    """The mind with the playbook of an edited SKILL.md; a rule that was not touched stays what it was.

    Raises InputError for a file without its head, or rules that are too long or too many.
    """
    text = text.replace("\r\n", "\n")
    head = HEAD.match(text)
    if head is None:
        raise InputError(
            "The playbook has no head of --- lines with name and description.",
            "Write it out anew first.",
        )
    body = text[head.end() :]
    before = worker_spec.playbook
    rules = _read_rules(body, before, by)
    count = len(rules)
    if count > MOST:
        raise InputError(
            f"The playbook has {count} rules.", f"At most {MOST}: all stand in every prompt."
        )
    added = sum(rule not in before for rule in rules)
    dropped = sum(rule not in rules for rule in before)
    why = f"{by} edited the playbook: {added} new, {dropped} dropped."
    without_doubles = dict.fromkeys(rules)
    changed = {"playbook": tuple(without_doubles)}
    edited = worker_spec.model_copy(update=changed)
    return Proposal(worker_spec=edited, why=why)


def _read_rules(body: str, playbook: Sequence[Lesson], by: str) -> list[Lesson]:
    """The rules of the file's lines: known ones as they were, others as lessons of that person."""
    known = {(rule.about, rule.text): rule for rule in playbook}
    sources = (f"person:{by}",)
    rules: list[Lesson] = []
    for line in body.splitlines():
        if not line.startswith("- "):
            continue
        when, text = _read_rule(line)
        rule = known.get((when, text))
        if rule is None:
            rule = lesson("rule", when, text, by, sources)
        rules.append(rule)
    return rules


def _read_rule(line: str) -> tuple[str, str]:
    """When a rule holds ("": always), and what it says. Raises InputError for one that is too long."""
    line = line.rstrip()
    match = RULE.match(line)
    assert match is not None
    when = (match["when"] or "").strip()
    rule = match["rule"].strip()
    length = len(rule)
    if length > CHARACTERS:
        raise InputError(
            f"A rule is {length:,} characters long: {rule[:60]!r}…",
            f"At most {CHARACTERS:,}.",
        )
    return when, rule


def _line(text: str) -> str:
    return " ".join(text.split())
