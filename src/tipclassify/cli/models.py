"""``tipclassify models``: list the installed models, and add others."""

from __future__ import annotations

from typing import Annotated

import typer

from tipclassify.cli import options
from tipclassify.cli.output import print_note, write_text
from tipclassify.formatting import aligned


def add(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER-OR-URL", help="Folder of a model, or the address of one on the web.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Name to keep it under; by default that of its folder, or its kind."
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(
            "--sha256", metavar="HASH", help="Hash of the model, as its publisher states it: refuse any other."
        ),
    ] = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Put a model where --model finds it by name.

    Every file must have the SHA-256 that is stated in the model.json beside it. An interrupted download continues when
    the command is run again. A model contains no code to run, only arithmetic; whether to trust its tags is for you to
    decide, and "--sha256" refuses any model but the one that you expect.

    Models are kept in TIPCLASSIFY_MODELS, or in the cache folder of this system. Links need the extra "links".
    """
    from tipclassify.model.adding import add_model
    from tipclassify.progress import progress_bar

    with progress_bar("bytes") as progress:
        added = add_model(source, name, sha256=sha256, allow_private=allow_private, progress=progress)
    print_note(f"added {added.name}, a model of kind {added.kind}, in {added.folder}")
    typer.echo(added.head["sha256"])


def list_(output: options.Output = None) -> None:
    """List the models that have a name here: name, kind, hash and folder.

    "default" and "fast" come with tipclassify.
    """
    from tipclassify.model.folder import load_head
    from tipclassify.model.loading import SHIPPED, Installed, installed, model_folder

    shipped = [Installed(name, folder := model_folder(name), load_head(folder)) for name in SHIPPED]
    found = [*shipped, *installed()]
    rows = [(one.name, one.kind, str(one.head.get("sha256", ""))[:12] or "-", str(one.folder)) for one in found]
    write_text(output, "\n".join(aligned(rows, left=4)))
