"""``tipclassify corpus check``, ``stats``, ``agree``, ``audit``: what labelled passages are like.

None of these changes a file of passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    check_output,
    file_ids_of_arguments,
    print_line,
    print_note,
    write_command_results,
)
from tipclassify.corpus.loading import Row, read_rows
from tipclassify.progress import progress_bar


def check(
    paths: options.Labelled,
    text_column: options.TextColumn = "text",
    label_column: options.LabelColumn = "labels",
    model: Annotated[
        str | None,
        Option(metavar="NAME|DIR", help="Are these the passages that this model was made of?"),
    ] = None,
) -> None:
    """Read labelled passages as training would, and report every bad row of every file.

    With --model, compares their hash with the one in that model's card: the same passages in the
    same order train to the same bytes on the same machine. Exits 1 when they are others, and says
    how many it was trained on.
    """
    rows = read_rows(*paths, columns=options.columns_from_options(text_column, label_column))
    print_line(f"{len(rows)} passages, no problems")
    if model is not None and not _print_if_same_corpus(rows, model):
        raise typer.Exit(1)


def _print_if_same_corpus(rows: Sequence[Row], model: str) -> bool:
    """Print whether rows are the corpus of a model, and return it."""
    from tipclassify.corpus.loading import corpus_digest
    from tipclassify.corpus.taught import TAUGHT, were_taught
    from tipclassify.model.find import model_folder
    from tipclassify.model.folder import load_model_head

    folder = model_folder(model)
    head = load_model_head(folder)
    corpus = head.get("corpus", {})
    name = f"model {str(head.get('sha256'))[:12]}"
    digest = corpus_digest(rows)
    if digest == corpus.get("sha256"):
        print_line(f"the corpus of {name}: the same, SHA-256 {digest}")
        return True
    print_line(f"not the corpus of {name}: SHA-256 {digest} here, {corpus.get('sha256')} there")
    there = corpus.get("passages", 0)
    held_out = corpus.get("held_out", 0)
    print_line(f"{len(rows):,} passages here; there {there:,}, of which {held_out:,} were held out")
    keys = folder / TAUGHT
    if keys.is_file():
        known = int(were_taught([row["text"] for row in rows], keys.read_bytes()).sum())
        print_line(f"{known:,} of those here are in the training of the model")
    return False


def stats(
    paths: options.Labelled, format: options.Format = "table", output: options.Output = None
) -> None:
    """Count passages by label, set of labels, section and source, with their groups and lengths.

    Groups are kept whole by a split: passages of one narrative ("doc"), one set of near-identical
    ones ("pair") or one text.
    """
    from tipclassify.corpus.curation import corpus_stats_table, count_passages_of_corpus

    stats = count_passages_of_corpus(read_rows(*paths))
    write_command_results(
        output, format, stats.rows(), corpus_stats_table(stats), inputs=file_ids_of_arguments(paths)
    )


def agree(
    first: Annotated[
        Path, Argument(metavar="FIRST", help="One annotator: rows with id and labels.")
    ],
    second: Annotated[Path, Argument(metavar="SECOND", help="The other.")],
    texts: Annotated[
        list[Path] | None, Option(metavar="PATH", help="Texts that both lack. Repeatable.")
    ] = None,
    most: options.Most = 20,
    draws: options.Draws = 1_000,
    seed: options.Seed = 0,
    format: options.Format = "table",
    output: options.Output = None,
) -> None:
    """Measure how far two annotators agree on each label, and list where they differ.

    The figures are Cohen's kappa and Krippendorff's alpha. Rows that are not labelled yet are left
    out. Where rows of 'tipclassify review' say that both labelled without seeing the other
    ("blind"), only these passages count; standard error says how many. Below the table stand 95%
    intervals of kappa and alpha (bootstrap over passages), then the passages that the two labelled
    differently. jsonl has a row for each label ("part": "agreement") and for each disagreement.
    """
    from tipclassify.evaluation.agreement import (
        agreement,
        agreement_intervals_table,
        agreement_table,
        blindness_of_agreement,
        check_texts_for_agreement,
        disagreements,
        disagreements_table,
        read_annotations_for_agreement,
        read_texts_for_agreement,
    )
    from tipclassify.evaluation.metrics import rounded_metric

    read = file_ids_of_arguments([first, second, *(texts or ())])
    check_output(output, read)
    first_labels = read_annotations_for_agreement(first)
    second_labels = read_annotations_for_agreement(second)
    shared = [key for key in first_labels if key in second_labels]
    first_texts = read_texts_for_agreement(first)
    second_texts = read_texts_for_agreement(second)
    check_texts_for_agreement(first_texts, second_texts, shared)
    blind_keys, note = blindness_of_agreement(first, second, shared)
    print_note(note)
    if blind_keys:
        first_labels = {key: first_labels[key] for key in blind_keys}
        second_labels = {key: second_labels[key] for key in blind_keys}
    figures = agreement(first_labels, second_labels, draws=draws, seed=seed)
    text_of = {row["id"]: row["text"] for row in read_rows(*texts)} if texts else {}
    text_of |= second_texts
    text_of |= first_texts
    differing = disagreements(first_labels, second_labels, text_of)
    tables = [agreement_table(figures)]
    if draws:
        tables.append(agreement_intervals_table(figures, draws))
    tables.append(disagreements_table(differing, most))
    rows: list[dict[str, object]] = []
    for figure in figures:
        values = rounded_metric(asdict(figure))
        if not draws:
            values = {
                name: value for name, value in values.items() if not name.endswith("_interval")
            }
        rows.append({"part": "agreement", **values})
    rows += [{"part": "disagreement", **row} for row in differing[:most]]
    write_command_results(output, format, rows, "\n\n".join(tables), inputs=read)


def audit(
    paths: options.Labelled,
    most: options.Most = 20,
    format: options.Format = "table",
    folds: Annotated[int, Option(metavar="N", min=2, help="Folds of the cross-validation.")] = 5,
    seed: options.Seed = 0,
    output: options.Output = None,
) -> None:
    """Show what is suspect in labelled passages.

    Five parts: labels that are likely wrong, by the default, adapted to the other passages
    ("quality", 0 to 1, is how well labels and model agree, "suggested" what the model would give);
    near-identical passages with different labels; pairs whose labels do not differ; near-identical
    passages that a split could part; labels by section. Findings are reasons to look, not errors:
    where labels are good, most of them are right. The exit code is 0 whatever is found. Needs the
    extra "audit".
    """
    from tipclassify.training.audit import audit_corpus, audit_rows, format_corpus_audit

    read = file_ids_of_arguments(paths)
    check_output(output, read)
    rows = read_rows(*paths)
    with progress_bar("passages read by the encoder") as progress:
        findings = audit_corpus(rows, folds=folds, seed=seed, progress=progress)
    write_command_results(
        output,
        format,
        audit_rows(findings, most),
        format_corpus_audit(findings, most),
        inputs=read,
    )
