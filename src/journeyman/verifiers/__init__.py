"""The verifiers. Each is a frozen settings record with `score` and `reference`. Only they give scores."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from journeyman.verifiers.citations import Citations
from journeyman.verifiers.fields import JsonFields
from journeyman.verifiers.function_call import FunctionCall
from journeyman.verifiers.gym import GymVerifier
from journeyman.verifiers.people import Judge, Person, Python
from journeyman.verifiers.sql_result import SqlResult
from journeyman.verifiers.text import Exact, Number, Regex

AnyVerifier = Annotated[
    Exact
    | Number
    | Regex
    | JsonFields
    | SqlResult
    | FunctionCall
    | Citations
    | GymVerifier
    | Python
    | Judge
    | Person,
    Field(discriminator="kind"),
]
"""What `[[verifier]]` in job.toml can be."""

__all__ = [
    "AnyVerifier",
    "Citations",
    "Exact",
    "FunctionCall",
    "GymVerifier",
    "JsonFields",
    "Judge",
    "Number",
    "Person",
    "Python",
    "Regex",
    "SqlResult",
]
