"""Join ES modules to the one inline script of a page: from a disk, a browser loads no modules.

Modules are written in a small part of the language, so that this file stays small. Each of these is
one line that begins at the margin; other forms of import and export are refused:

    import { first, second } from "./other.js";
    export const name = …
    export function name(…) {          (or async function)
    export class name {

All modules of a page share one scope, so names at the margin must differ between modules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tipclassify.errors import TipclassifyError

__all__ = ["Module", "ScriptError", "join_modules", "read_modules"]

_IMPORT: Final = re.compile(r'import \{ (\w+(?:, \w+)*) \} from "\./(\w+\.js)";')
_EXPORT: Final = re.compile(r"export (?=(?:const|(?:async )?function|class) (\w+))")
_DECLARATION: Final = re.compile(r"(?:const|let|var|(?:async )?function\*?|class) (\S+)")
_NAME: Final = re.compile(r"\w+")
_COMMENT_LINE: Final = re.compile(r" *//")


class ScriptError(TipclassifyError):
    """A module of a page's script cannot be joined: an error of ours, which tests find."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module, read: what it imports, exports and declares, and its code without these words."""

    file: str
    imports: dict[str, tuple[str, ...]]  # names, by the module that they come from
    exports: tuple[str, ...]
    names: tuple[str, ...]  # declared at the margin, exported or not
    code: str  # without lines of comments


def join_modules(entry: str, read: Callable[[str], str]) -> str:
    """Join a module and all that it needs to one script, each after those that it imports from.

    `read` returns the text of a module by its file name. Raises `ScriptError`.

    >>> files = {"page.js": 'import { two } from "./sums.js";\\nalert(two);\\n'}
    >>> files["sums.js"] = "export const two = 1 + 1;\\n"
    >>> print(join_modules("page.js", files.__getitem__), end="")
    const two = 1 + 1;
    alert(two);
    """
    modules = read_modules(entry, read)
    _check_names_of_script_modules(modules)
    return "".join(module.code for module in modules)


def read_modules(entry: str, read: Callable[[str], str]) -> list[Module]:
    """Read a module and all that it needs, each after those that it imports from."""
    in_order: dict[str, Module] = {}

    def visit(file: str, path: tuple[str, ...]) -> None:
        if file in path:
            steps = path[path.index(file) :]
            circle = " imports ".join([*steps, file])
            raise ScriptError(f"{circle}: a circle of scripts; move what both need to a third")
        if file in in_order:
            return
        module = _read_module(file, read(file))
        for imported in module.imports:
            visit(imported, (*path, file))
        in_order[file] = module

    visit(entry, ())
    return list(in_order.values())


def _read_module(file: str, text: str) -> Module:
    imports: dict[str, tuple[str, ...]] = {}
    exports: list[str] = []
    names: list[str] = []
    code: list[str] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        where = f"{file}, line {number}: {line.strip()}"
        if _COMMENT_LINE.match(line):
            continue
        if line.startswith("import"):
            statement = _IMPORT.fullmatch(line.strip())
            if statement is None:
                raise ScriptError(f'{where}: write import {{ name }} from "./file.js";')
            imports[statement[2]] = (*imports.get(statement[2], ()), *statement[1].split(", "))
            continue
        if line.startswith("export"):
            exported = _EXPORT.match(line)
            if exported is None:
                raise ScriptError(f"{where}: export a const, function or class where it is made")
            exports.append(exported[1])
            line = line[exported.end() :]
        declared = _DECLARATION.match(line)
        if declared is not None:
            name = _NAME.match(declared[1])
            if name is None:
                raise ScriptError(f"{where}: declare one name a line")
            names.append(name[0])
        code.append(line)
    return Module(file, imports, tuple(exports), tuple(names), "".join(code))


def _check_names_of_script_modules(modules: Iterable[Module]) -> None:
    """Check that what is imported is exported, and that no two modules declare the same name."""
    exports: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for module in modules:
        for imported, names in module.imports.items():
            for name in names:
                if name not in exports[imported]:
                    raise ScriptError(f"{module.file}: {imported} exports no {name}")
        for name in module.names:
            if name in owners:
                raise ScriptError(f"{name} is declared in {owners[name]} and in {module.file}")
            owners[name] = module.file
        exports[module.file] = module.exports
