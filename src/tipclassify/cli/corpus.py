"""``tipclassify corpus``: find passages to label, write files of them, check and compare them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer import Argument, Option

from tipclassify.cli import options
from tipclassify.cli.output import (
    TaggedInputs,
    check_output,
    expand_and_check,
    file_ids,
    open_output,
    print_line,
    print_note,
    print_notes,
    write_results,
)
from tipclassify.corpus.rows import read_rows
from tipclassify.errors import CorpusError, UsageError
from tipclassify.formatting import json_line
from tipclassify.labels import LABELS
from tipclassify.progress import progress_bar
from tipclassify.whole_files import lock

if TYPE_CHECKING:
    from tipclassify.corpus.curate import Addition
    from tipclassify.corpus.rows import Row


def queue(
    files: options.Files,
    output: options.NewFile,
    number: Annotated[
        int, Option("--number", "-n", metavar="N", min=1, help="Passages to choose.")
    ] = 300,
    against: Annotated[
        list[Path] | None, Option(metavar="PATH", help="Passages to leave out. Repeatable.")
    ] = None,
    random: Annotated[
        bool,
        Option("--random", help="Draw at random, to measure a model; without predictions."),
    ] = False,
    model: options.Model = None,
    policy: options.Policy = "balanced",
    unit: options.Unit = "sentence",
    encoding: options.Encoding = None,
    allow_private: options.AllowPrivate = False,
    jobs: options.Jobs = 1,
    seed: options.Seed = 0,
) -> None:
    """Choose the passages of reports most useful to label, or some at random, for annotators.

    Writes a row for each passage: text, source, predictions ("predicted", "scores") and the reason
    for the choice. With --random every sentence is as likely as any other, and no row has a
    prediction: such rows measure a model. "labels" is null: training refuses the row until somebody
    has put a list there, [] for none. Label the rows in an editor, in 'tipclassify review', or in a
    tool that 'tipclassify corpus convert' writes for; then 'tipclassify corpus add'.
    """
    from tipclassify.corpus.next import queue_rows

    tagging = options.tagging_of(
        model, policy, unit=unit, encoding=encoding, allow_private=allow_private
    )
    classifier = tagging.classifier()
    labels = classifier.labels
    known = [row["text"] for row in read_rows(*against, labels=labels)] if against else []
    inputs, read = expand_and_check(files, model, output, against or ())
    tagged_inputs = TaggedInputs(inputs, tagging, jobs)
    reports = tagged_inputs.reports()
    thresholds = None if random else classifier.thresholds(policy)
    rows = queue_rows(reports, thresholds, number, known=known, seed=seed, labels=labels)
    if rows:
        write_results(output, "jsonl", rows, inputs=read)
        print_note(f"wrote {len(rows):,} passages to label to {output}")
    else:
        left = "every passage is in --against already" if known else "no passage was read"
        print_note(f"nothing to label: {left}; {output} is not written")
    tagged_inputs.end()


def rebuild(
    folder: Annotated[
        Path, Argument(metavar="FOLDER", help="With labels.csv and sources.json: data/real.")
    ],
    given: Annotated[
        list[Path] | None,
        Option("--from", metavar="PATH", help="Read this, download nothing. Repeatable."),
    ] = None,
    allow_private: options.AllowPrivate = False,
) -> None:
    """Find the labelled passages of real reports in the public files that they are from.

    Writes FOLDER/passages.jsonl. labels.csv has the labels and the hash of each passage's words,
    sources.json the addresses of the files. Files that are not in the download cache are
    downloaded, one after another; the labels in data/real need some 3,600 files. An interrupted run
    continues where it stopped, and passages found before are not searched for again. Training on
    data/ includes data/real/passages.jsonl.

    Prints how many passages of each kind of source were found, and which sources lack some. A label
    whose text is found, but is no passage of its report under its heading as files are read today,
    is left out, and listed in FOLDER/stale.csv. Downloads need the extra "links". Exits 1 when a
    file could not be downloaded or read, or nothing was found; what was found is still written.
    """
    from tipclassify.corpus.real import PASSAGES, STALE, rebuild, write_stale

    _check_no_pipe(folder / PASSAGES)
    _check_no_pipe(folder / STALE)
    with progress_bar("files") as progress:
        rebuilt = rebuild(folder, given or (), allow_private=allow_private, progress=progress)
    if rebuilt.rows:
        read = file_ids(given or ())
        write_results(folder / PASSAGES, "jsonl", rebuilt.rows, inputs=read, option="FOLDER")
    print_notes(rebuilt.problems)
    write_stale(folder / STALE, rebuilt.stale)
    there = Counter(row["source"] for row in rebuilt.rows)
    families = there + Counter(label.family for label in [*rebuilt.missing, *rebuilt.stale])
    for family in sorted(families):
        line = f"{family}: {there[family]:,} of {families[family]:,}"
        lacking = Counter(label.source for label in rebuilt.missing if label.family == family)
        if lacking:
            named = [source for source, _ in lacking.most_common(3)]
            if len(lacking) > 3:
                named.append("…")
            line += f"; missing from {len(lacking):,} sources: {', '.join(named)}"
        if lost := sum(label.family == family for label in rebuilt.stale):
            line += f"; no passage any more: {lost:,}"
        print_line(line)
    end = f"wrote {folder / PASSAGES}" if rebuilt.rows else "nothing is written"
    if rebuilt.stale:
        end += f"; labels of no passage are in {folder / STALE}"
    print_line(f"found {len(rebuilt.rows):,} of {sum(families.values()):,} passages; {end}")
    if rebuilt.problems or not rebuilt.rows:
        raise typer.Exit(1)


FormatName = Literal["jsonl", "csv", "label-studio", "prodigy"]


def convert(
    source: Annotated[
        Path, Argument(metavar="IN", help="Labelled passages, or rows of 'score' or 'queue'.")
    ],
    to: Annotated[
        FormatName,
        Option("--to", metavar="FORMAT", help=f"One of {', '.join(get_args(FormatName))}."),
    ],
    output: options.NewFile,
    read_as: Annotated[
        FormatName | None,
        Option("--from", metavar="FORMAT", help="Format of IN; by default detected."),
    ] = None,
    labelled: Annotated[
        bool, Option("--labelled", help="Leave out passages that nobody has labelled.")
    ] = False,
) -> None:
    """Convert labelled passages to and from Label Studio, Prodigy and CSV.

    jsonl is the format that training reads. Predictions (rows of 'tipclassify score -f jsonl' and
    'corpus queue') become pre-annotations with their probabilities where the tool takes them.
    Fields that a format cannot hold are listed on standard error, a line each. Passages that nobody
    has labelled stay so, and training refuses them; so do tasks that an annotator skipped, rejected,
    ignored or left without a choice. In Label Studio "none" says that no label applies.
    """
    from tipclassify.corpus.convert import read_annotated, write_annotated

    rows = [
        row for row in read_annotated(source, read_as) if row["labels"] is not None or not labelled
    ]
    if not rows:
        raise CorpusError(
            [f"{source}: no passage is labelled yet; label some, or leave out --labelled"]
        )
    with open_output(output, binary=True, inputs=file_ids([source])) as stream:
        lost = write_annotated(rows, to, stream)
    print_notes(lost)
    unlabelled = sum(row["labels"] is None for row in rows)
    print_note(f"wrote {len(rows):,} passages to {output}, {unlabelled:,} of them not labelled")


def add(
    new: Annotated[list[Path], Argument(metavar="NEW...", help=options.LABELLED_HELP)],
    to: Annotated[
        Path, Option("--to", metavar="FILE", help="Corpus to add them to (.jsonl); made if absent.")
    ],
    text_column: options.TextColumn = "text",
    label_column: options.LabelColumn = "labels",
) -> None:
    """Add labelled passages to a corpus file, checked as training would check them.

    Rows without an id get one. A text that is in the file already, under the same heading and with
    the same labels, is left out and listed; if its labels differ, nothing is added until you
    resolve that. Near duplicates are added, and listed for you to look at. The existing content
    stays byte for byte; either all rows are added or none.
    """
    from tipclassify.corpus.curate import add_rows

    if to.suffix.lower() != ".jsonl":
        raise UsageError(
            f"{to}: rows are added to .jsonl only; "
            "'tipclassify corpus convert --to jsonl' makes one"
        )
    _check_no_pipe(to)
    with lock(to.parent):  # what another process adds at the same time would be lost
        before = to.read_bytes() if to.exists() else b""
        there = read_rows(to) if before.strip() else []
        added = add_rows(
            there, options.read_labelled(new, options.columns_of(text_column, label_column))
        )
        _print_added(added)
        if added.rows:
            # no inputs: it keeps all that is there, byte for byte
            with open_output(to, binary=True, inputs=frozenset(), option="--to") as out:
                out.write(before)
                if before and not before.endswith(b"\n"):
                    out.write(b"\n")
                for row in added.rows:
                    first = {name: row[name] for name in ("id", "text", "labels")}
                    out.write(json_line(first | row).encode())
    total = len(there) + len(added.rows)
    print_line(f"added {len(added.rows):,} passages to {to}, which now has {total:,}")


def _check_no_pipe(path: Path) -> None:
    """Refuse a pipe or device as a corpus: it is read before it is written, and would hang."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: not a file; move it, or choose another")


def _print_added(added: Addition) -> None:
    """Note which rows are left out, renamed, or nearly there already."""
    repeated = []
    for name, earlier in added.repeated:
        known_as = "" if name == earlier else f" as {earlier}"
        repeated.append(f"{name}: the same passage is there{known_as}; left out")
    print_notes(repeated)
    renamed = [
        f"{name}: the id is taken by another text; added as {given}"
        for name, given in added.renamed
    ]
    print_notes(renamed)
    near = []
    for row, other, similarity in added.near:
        here = ", ".join(row["labels"]) or "none"
        there = ", ".join(other["labels"]) or "none"
        near.append(
            f"{row['id']}: nearly the text of {other['id']} ({similarity:.2f}); "
            f"labels {here}, there {there}"
        )
    print_notes(near)


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

    Where all are good, counts them by label, set of labels, section and source, with their groups
    and lengths. A group, which no measurement parts, is one narrative ("doc"), one set of
    near-identical passages ("pair") or one text.

    With --model, compares their hash with the one in that model's card: the same passages in the
    same order train to the same bytes on the same machine. Exits 1 when they are others, and says
    how many it was trained on.
    """
    from tipclassify.corpus.curate import counts_table
    from tipclassify.model.find import model_folder
    from tipclassify.model.folder import read_metadata

    folder = None if model is None else model_folder(model)
    metadata = read_metadata(folder) if folder else {"labels": LABELS}
    columns = options.columns_of(text_column, label_column)
    rows = options.read_labelled(paths, columns, metadata["labels"])
    print_line(counts_table(rows, metadata["labels"]))
    if folder and not _is_corpus_of(rows, metadata, folder):
        raise typer.Exit(1)


def _is_corpus_of(rows: list[Row], metadata: Mapping[str, Any], folder: Path) -> bool:
    """Print whether rows are the corpus of the model in a folder, and return it."""
    from tipclassify.corpus.holdout import TAUGHT, were_taught
    from tipclassify.corpus.rows import corpus_digest

    corpus = metadata.get("corpus", {})
    name = f"model {str(metadata.get('sha256'))[:12]}"
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
    ("blind"), only these passages count; standard error says how many. In brackets stand 95%
    intervals of kappa and alpha (bootstrap over passages). Below the table stand the passages that
    the two labelled differently. jsonl has a row for each label ("part": "agreement") and for each
    disagreement.
    """
    from tipclassify.evaluation.agreement import (
        agreement,
        agreement_table,
        blindness,
        check_texts,
        disagreements,
        disagreements_table,
        read_annotations,
    )
    from tipclassify.evaluation.metrics import rounded_metric

    read = file_ids([first, second, *(texts or ())])
    check_output(output, read)
    one = read_annotations(first)
    other = read_annotations(second)
    check_texts(one, other)
    alone, note = blindness(one, other)
    print_note(note)
    if alone:
        one = {key: one[key] for key in alone}
        other = {key: other[key] for key in alone}
    figures = agreement(
        *({key: row["labels"] for key, row in rows.items()} for rows in (one, other)),
        draws=draws,
        seed=seed,
    )
    text_of = {row["id"]: row["text"] for row in read_rows(*texts)} if texts else {}
    differing = disagreements(one, other, text_of)
    tables = [agreement_table(figures), disagreements_table(differing, most)]
    rows: list[dict[str, object]] = []
    for figure in figures:
        values = rounded_metric(asdict(figure))
        if not draws:
            del values["kappa_interval"], values["alpha_interval"]
        rows.append({"part": "agreement", **values})
    rows += [{"part": "disagreement", **row} for row in differing[:most]]
    write_results(output, format, rows, "\n\n".join(tables), inputs=read)
