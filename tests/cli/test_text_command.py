"""``tipclassify text`` prints the text that offsets point into, character for character."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tipclassify import Classifier, InputError
from tipclassify.cli.read import text
from tipclassify.readers import read_report

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"

Printed = Callable[..., bytes]


@pytest.fixture
def printed() -> Printed:
    """A function that runs ``text`` in this process, and returns what it prints."""
    app = typer.Typer()
    app.command()(text)

    def run(*args: object, stdin: bytes = b"") -> bytes:
        done = CliRunner().invoke(
            app, [str(arg) for arg in args], input=stdin, catch_exceptions=False
        )
        assert done.exit_code == 0
        return done.stdout_bytes

    return run


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_offsets_of_passages_point_into_what_is_printed(
    path: Path, printed: Printed, classifier: Classifier
) -> None:
    out = printed(path).decode()
    passages = classifier.tag(read_report(path))
    assert len(passages) > 5
    assert all(out[p.start : p.end] == p.text for p in passages)


@pytest.mark.parametrize(
    "written",
    [
        "Police acted.",
        "Police acted.\n",
        "Police — acted.\r\n\r\n“Courts” did not.\r\n",
        "😀 a\u2028b\tc\u00a0\n",
    ],
)
def test_a_text_file_is_printed_as_it_is_with_one_line_break_at_its_end(
    written: str, tmp_path: Path, printed: Printed
) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(written.encode())
    assert printed(file).decode() == (written if written.endswith("\n") else written + "\n")
    file.write_bytes(b"\xef\xbb\xbf" + written.encode())
    assert printed(file).decode() == (written if written.endswith("\n") else written + "\n")


def test_a_page_is_printed_without_the_site_around_it(tmp_path: Path, printed: Printed) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        "<nav><p>Menu.</p></nav><h2>Protection</h2><p>Shelters&nbsp;closed.</p>", "utf-8"
    )
    assert printed(file).decode() == "Protection\n\nShelters closed.\n"


def test_the_encoding_can_be_named_and_the_output_be_a_file(
    tmp_path: Path, printed: Printed
) -> None:
    file = tmp_path / "report.txt"
    out = tmp_path / "out.txt"
    file.write_bytes("Zażółć.".encode("cp1250"))
    assert printed(file, "--encoding", "cp1250", "--output", out) == b""
    assert out.read_bytes() == "Zażółć.\n".encode()


def test_what_cannot_be_read_is_reported_and_no_output_is_left(
    tmp_path: Path, printed: Printed
) -> None:
    with pytest.raises(InputError, match=r"gone\.txt"):
        printed(tmp_path / "gone.txt", "--output", tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()
