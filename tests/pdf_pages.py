"""Write small PDF files by hand, and read them."""

from __future__ import annotations

from collections.abc import Sequence

from tipclassify.readers.pdf.file import read_pdf
from tipclassify.records import Document

FONTS = {
    "F": "Times-Roman",
    "B": "Times-Bold",
    "S": "MonotypeSorts",
    "W": "Wingdings-Regular",
    "U": "Times-Roman",
}


IMAGE = "q 500 0 0 700 50 50 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI Q\n"


def make_pdf(
    *pages: str,
    box: str = "0 0 612 792",
    extra: str = "",
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
    letters: str = "",
) -> bytes:
    """Write a PDF of these content streams; coordinates in points from the lower left corner.

    `letters` are what a, b, c and so on of the font U stand for.
    """
    numbers = range(4, 4 + 2 * len(pages), 2)
    meaning = {"U": f"/ToUnicode {4 + 2 * len(pages)} 0 R"} if letters else {}
    fonts = "".join(
        f"/{key}<</Type/Font/Subtype/Type1/BaseFont/{name}"
        f"/Encoding/WinAnsiEncoding{meaning.get(key, '')}>>"
        for key, name in FONTS.items()
    )
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(f'{n} 0 R' for n in numbers)}]/Count {len(pages)}>>",
        f"<</Title({title})>>",
    ]
    for n, content in zip(numbers, pages, strict=True):
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents {n + 1} 0 R"
            f"/Resources<</Font<<{fonts}>>>>{extra}>>"
        )
        objects.append(f"<</Length {len(content)}>>stream\n{content}\nendstream")
    if letters:
        table = "".join(f"<{97 + n:02X}> <{ord(letter):04X}>" for n, letter in enumerate(letters))
        table = f"{len(letters)} beginbfchar {table} endbfchar"
        table = f"begincmap 1 begincodespacerange <00> <FF> endcodespacerange {table} endcmap"
        objects.append(f"<</Length {len(table)}>>stream\n{table}\nendstream")
    if bookmarks:  # title and number of the page, each the next of the one before
        first = len(objects) + 2
        last = first + len(bookmarks) - 1
        objects[0] = f"<</Type/Catalog/Pages 2 0 R/Outlines {first - 1} 0 R>>"
        objects.append(f"<</Type/Outlines/First {first} 0 R/Last {last} 0 R>>")
        for n, (name, page) in enumerate(bookmarks, first):
            following = f"/Next {n + 1} 0 R" if n < last else ""
            objects.append(
                f"<</Title({name})/Parent {first - 1} 0 R"
                f"/Dest[{numbers[page - 1]} 0 R/Fit]{following}>>"
            )
    body = "%PDF-1.7\n"
    places = []
    for n, text in enumerate(objects, 1):
        places.append(len(body))
        body += f"{n} 0 obj\n{text}\nendobj\n"
    index = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer<</Size {size}/Root 1 0 R/Info 3 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return (f"{body}xref\n0 {size}\n0000000000 65535 f \n{index}{trailer}").encode("cp1252")


def show(
    x: float, y: float, text: str, size: float = 10, font: str = "F", operators: str = ""
) -> str:
    """Return the operators that show a text at a place."""
    text = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /{font} {size} Tf {operators} {x} {y} Td ({text}) Tj ET\n"


def column(x: float, y: float, lines: Sequence[str], size: float = 10, leading: float = 12) -> str:
    """Return the operators that show lines below each other."""
    return "".join(show(x, y - i * leading, line, size) for i, line in enumerate(lines))


def grid(
    rows: Sequence[Sequence[str]], xs: Sequence[float], y: float, leading: float, size: float = 10
) -> str:
    """Return the operators that show rows of cells, row by row; cells begin at `xs`."""
    page = ""
    for number, row in enumerate(rows):
        for x, cell in zip(xs, row, strict=True):
            page += show(x, y - leading * number, cell, size)
    return page


PROSE = [
    "Police opened an inquiry into the sawmills",
    "after a worker wrote to the newspapers, but",
    "the prosecutor closed it within a month and",
    "gave no reason for this. The labor ministry",
    "did not visit the mills again, and the owner",
    "kept the passports of those who had stayed.",
]


REST = [
    "Courts in the two northern provinces heard",
    "seven cases and convicted nine defendants,",
    "of whom the two who held public office went",
    "free on appeal. Judges in the east heard no",
    "case at all, since the posts of all three of",
    "them had been vacant since the spring before.",
]


def joined(lines: Sequence[str]) -> str:
    """Return lines as a paragraph that is read."""
    return " ".join(lines)


def read_pages(*pages: str, **options: str) -> Document:
    """Read a PDF of these content streams."""
    return read_pdf(make_pdf(*pages, **options), "made.pdf")


def read(*pages: str, **options: str) -> list[str]:
    """Return the texts of the blocks that are read from a PDF of these content streams."""
    return texts(read_pages(*pages, **options))


def texts(document: Document) -> list[str]:
    """Return the texts of the blocks of a document."""
    return [document.text[block.start : block.end] for block in document.blocks]


def headings(document: Document) -> list[str]:
    """Return the text of each block that is a heading."""
    blocks = zip(texts(document), document.blocks, strict=True)
    return [text for text, block in blocks if block.heading]


def sections(document: Document) -> dict[str, str | None]:
    """Return the section of each block, by the text of the block."""
    blocks = zip(texts(document), document.blocks, strict=True)
    return {text: block.section for text, block in blocks}
