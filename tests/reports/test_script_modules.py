"""Scripts of pages: modules that say what they need, joined to one script that browsers read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tipclassify.probability import probability
from tipclassify.resources import resource_path
from tipclassify.write.desk_records import desk_script_constants
from tipclassify.write.first_screen import first_screen_constants
from tipclassify.write.script_modules import (
    Module,
    ScriptError,
    join_modules,
    read_modules,
)
from tipclassify.write.templating import module_reader, page_script

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
ASSETS = sorted(resource_path("write/assets").glob("*.js"))
REVIEW = sorted(resource_path("app/static").glob("*.js"))
ENTRIES: dict[str, Mapping[str, object]] = {
    "report.js": first_screen_constants(),
    "desk.js": desk_script_constants(),
}


def joined(**modules: str) -> str:
    """Join modules given by their names; "page" is the entry."""
    files = {f"{name}.js": text for name, text in modules.items()}
    return join_modules("page.js", files.__getitem__)


def modules_of(entry: str) -> list[Module]:
    """Read the modules of a page, those that others need first."""
    return read_modules(entry, module_reader(ENTRIES[entry]))


def test_a_module_stands_once_after_all_that_it_needs() -> None:
    imports = 'import { a } from "./a.js";\nimport { b, c } from "./b.js";\n'
    script = joined(
        page=f"// The page.\n{imports}a(b, c);\n",
        a='import { b } from "./b.js";\nexport async function a() {\n  return b;\n}\n',
        b="  // no more\nexport const b = 1;\nexport class c {}\n",
    )
    of_b = "const b = 1;\nclass c {}\n"
    of_a = "async function a() {\n  return b;\n}\n"
    assert script == f"{of_b}{of_a}a(b, c);\n"


@pytest.mark.parametrize(
    ("modules", "error"),
    [
        (
            {"page": 'import { a } from "./a.js";\n', "a": 'import { p } from "./page.js";\n'},
            "page.js imports a.js imports page.js: a circle",
        ),
        (
            {"page": 'import { b } from "./a.js";\n', "a": "export const a = 1;\nconst b = 2;\n"},
            "page.js: a.js exports no b",
        ),
        (
            {
                "page": 'import { a } from "./a.js";\nlet b = a;\n',
                "a": "const b = 1;\nexport const a = 1;\n",
            },
            "b is declared in a.js and in page.js",
        ),
        ({"page": "\nimport * as a from './a.js';\n"}, "page.js, line 2: import * as a"),
        ({"page": 'import { a as b } from "./a.js";\n'}, "write import { name } from"),
        ({"page": "export default 1;\n"}, "page.js, line 1: export default 1;"),
        ({"page": "export let a = 1;\n"}, "export a const, function or class"),
        ({"page": "const { a } = document;\n"}, "declare one name a line"),
    ],
)
def test_what_cannot_be_joined_is_named(modules: dict[str, str], error: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(error)):
        joined(**modules)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_browser_reads_the_joined_script(entry: str, browser: Browser) -> None:
    page = browser.new_page()
    script = f'"use strict";\n{page_script(entry, ENTRIES[entry])}'
    parse = "(script) => { new Function(script); }"  # runs nothing
    page.evaluate(parse, script)
    with pytest.raises(Exception, match="SyntaxError"):
        page.evaluate(parse, f"{script}const LABELS = 1;")
    page.close()


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_module_imports_what_it_uses_and_uses_what_it_imports(entry: str) -> None:
    modules = modules_of(entry)
    exports = {name: module.file for module in modules for name in module.exports}
    for module in modules:
        used = set(names_in(module.code))
        imported = {name for names in module.imports.values() for name in names}
        own = set(module.names)
        assert imported - used == set(), f"{module.file} imports, and does not use"
        assert (used & set(exports)) - imported - own == set(), f"{module.file} uses unimported"


def test_a_page_writes_a_probability_as_python_does(browser: Browser) -> None:
    script = page_script("probability.js", {})
    values = [0.0, 0.003, 0.0049, 0.0051, 0.381, 0.9949, 0.995, 1.0]
    page = browser.new_page()
    written = page.evaluate(f"(values) => {{ {script} return values.map(probability); }}", values)
    page.close()
    assert written == [probability(value) for value in values]
    assert (written[1], written[-1]) == ("<0.01", ">0.99")


def test_all_modules_are_reached_and_every_export_is_imported() -> None:
    modules = {module.file: module for entry in ENTRIES for module in modules_of(entry)}
    imported = set[tuple[str, str]]()
    exported = set[tuple[str, str]]()
    for entry in ENTRIES:
        for module in modules_of(entry):
            exported |= {(module.file, name) for name in module.exports}
            for file, names in module.imports.items():
                imported |= {(file, name) for name in names}
    assert {file.name for file in ASSETS} == set(modules) - {"names.js"}
    assert exported - imported == set()


@pytest.mark.parametrize("script", [*ASSETS, *REVIEW], ids=lambda script: script.name)
def test_a_script_is_narrow_and_says_which_test_covers_it(script: Path) -> None:
    text = script.read_text("utf-8")
    assert [line for line in text.splitlines() if len(line) > 100] == []
    head = re.match(r"(//.*\n)+", text)
    assert head is not None
    covering = re.findall(r"tests/\w+/test_\w+\.py", head[0].replace("\n// ", " "))
    assert covering
    assert [test for test in covering if not (ROOT / test).is_file()] == []


# What is no name: comments, strings, regular expressions, and names of properties.
_TOKEN = re.compile(
    r"""
    //.*
    | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
    | (?: (?<=[(,=:!?&|]) | (?<=return) ) \ ? /(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+/[a-z]*
    | \.\.\.
    | \.[A-Za-z_]\w*
    | (?<!\w)[A-Za-z_]\w*:
    | (?P<name>(?<!\w)[A-Za-z_]\w*)
    | (?P<mark>[`{}]|\$\{)
    | .
    """,
    re.VERBOSE,
)


def names_in(code: str) -> list[str]:
    """List the names that code reads, calls or declares, in templates those of their gaps."""
    names = list[str]()
    open_marks = list[str]()
    at = 0
    while at < len(code):
        if open_marks and open_marks[-1] == "`":
            text = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*(`|\$\{)", re.DOTALL).match(code, at)
            assert text is not None
            if text[1] == "`":
                open_marks.pop()
            else:
                open_marks.append("{")
            at = text.end()
            continue
        token = _TOKEN.match(code, at)
        if token is None:  # the end of a line
            at += 1
            continue
        at = token.end()
        if token["name"]:
            names.append(token["name"])
        elif token["mark"] == "}":
            open_marks.pop()
        elif token["mark"]:
            open_marks.append("`" if token["mark"] == "`" else "{")
    return names


def test_names_are_read_from_code_alone() -> None:
    code = """
    const a = b.c(`d ${e ? `f ${g}` : h} i`, { j: "k", l }); // m
    return o.replace(/[",;]p/g, 'q').r?.s ?? [...t];
    """
    assert names_in(code) == ["const", "a", "b", "e", "g", "h", "l", "return", "o", "t"]
