"""`journeyman playbook`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from journeyman.app.finding import run_of_worker, user
from journeyman.app.workspace import DEFAULT_WORKSPACE, existing_journal
from journeyman.cli.terminal import AsJson, WorkspaceOption, new_app, print_json, say
from journeyman.errors import InputError
from journeyman.improve.learning import champion_of
from journeyman.improve.playbook import from_skill_md, to_skill_md
from journeyman.improve.versions import propose

app = new_app()


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="A job's name, as `journeyman work` tells it.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the champion's playbook there. Left out: print it.")
    ] = None,
    edited: Annotated[
        Path | None, typer.Option(help="Read an edited one: it becomes a new version.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who edited it. Left out: the user of this machine.")
    ] = None,
    name: Annotated[str, typer.Option(help="The worker's name.")] = "ada",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Write out a worker's rules as an Agent Skill (SKILL.md), or read an edited one as a new version."""
    with existing_journal(workspace) as journal:
        latest = run_of_worker(journal, job, name)
        now = champion_of(journal, latest.job, latest.config_hash, name)
        if edited is not None:
            proposal = from_skill_md(_text(edited), now.worker_spec, by=by or user())
            found = propose(
                journal, latest.job, now, proposal, by=f"person:{by or user()}", cost={}
            )
            if as_json:
                print_json(found.model_dump(mode="json"))
            elif found.number == now.number:
                say(f"Nothing is different from {now.label}.")
            else:
                say(
                    f"{found.label}: {found.why} Examine it with: journeyman exam {latest.job} {found.number}"
                )
            return
    text = to_skill_md(latest.job, name, now.worker_spec.playbook)
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{out} can't be written: {error.strerror}.", "Choose another place."
            ) from None
    if as_json:
        print_json({"version": now.label, "playbook": text})
    else:
        say(
            text.rstrip("\n")
            if out is None
            else f"{now.label}: {len(now.worker_spec.playbook)} rules in {out}"
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} can't be read: {error}.", "Give the file that --out wrote, as UTF-8."
        ) from None
