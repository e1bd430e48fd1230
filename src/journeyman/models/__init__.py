"""Language models behind one protocol: embedded, behind an endpoint, scripted, recorded."""

from __future__ import annotations

from pathlib import Path

from journeyman.errors import InputError
from journeyman.models.catalogue import CATALOGUE, DEFAULT
from journeyman.models.embedded import EmbeddedModel
from journeyman.models.endpoint import EndpointModel
from journeyman.models.fetching import OnProgress, fetch, models_folder, no_progress
from journeyman.protocols import Model

DEFAULT_MODEL = DEFAULT.name


def open_model(name: str, *, at_once: int = 2, progress: OnProgress = no_progress) -> Model:
    """A model by what a user calls it: a name from the catalogue, a .gguf file, or an endpoint as URL#MODEL.

    A model from the catalogue is fetched and verified if it is not there. Raises InputError for an unknown name,
    ModelFileError when it can't be had.
    """
    if "://" in name:
        url, _, model = name.partition("#")
        if not model:
            raise InputError(f"The endpoint {name!r} names no model.", "Write it as URL#MODEL.")
        return EndpointModel(url, model)
    if name in CATALOGUE:
        entry = CATALOGUE[name]
        fetched = fetch(entry, folder=models_folder(), progress=progress)
        return EmbeddedModel(fetched.path, name=name, at_once=at_once)
    path = Path(name)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError(f"There is no model file {name!r}.", "Correct its path.")
        return EmbeddedModel(path, at_once=at_once)
    known = ", ".join(CATALOGUE)
    raise InputError(
        f"There is no model {name!r}.",
        f"It is one of {known}, a .gguf file, or URL#MODEL.",
    )
