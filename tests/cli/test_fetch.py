"""``tipclassify fetch``: addresses tried, files saved, messages.

A server on the loopback stands for state.gov.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from babel import Locale

pytest.importorskip("httpx")

from tipclassify.cli.read import fetch
from tipclassify.download.cache import Download
from tipclassify.errors import UsageError
from tipclassify.readers.about import narratives
from tipclassify.readers.about.countries import find_country
from tipclassify.readers.about.subject import detect_country_and_year

THIS_YEAR = date.today().year


@dataclass
class Site:
    """Pages by path; a number stands for a status, a path for a redirect."""

    pages: dict[str, str | int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    base: str = ""

    def add(self, year: int, slug: str, title: str | None = None, suffix: str = "") -> None:
        name = title or f"{slug.title()} - United States Department of State"
        self.pages[f"/reports/{year}-trafficking-in-persons-report{suffix}/{slug}/"] = (
            f"<title>{name}</title><p>Text.</p>"
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site on this machine that stands for state.gov."""
    monkeypatch.setenv("TIPCLASSIFY_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    held = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            held.asked.append(path)
            page = held.pages.get(path, 404)
            moved = isinstance(page, str) and page.startswith("/")
            status = page if isinstance(page, int) else 302 if moved else 200
            body = page.encode() if isinstance(page, str) and not moved else b""
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            if moved:
                self.send_header("Location", str(page))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield held
        server.shutdown()
        thread.join()


@dataclass
class Done:
    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(site: Site, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command on the site: ``run(folder, "Togo", "--year", "2023")``."""
    app = typer.Typer()
    app.command()(fetch)
    command = typer.main.get_command(app)

    def running(folder: Path, *args: str) -> Done:
        given = [*args, "-o", str(folder), "--allow-private", "--base-url", site.base]
        code = command.main(given, standalone_mode=False)
        return Done(code or 0, *capsys.readouterr())

    return running


def test_a_narrative_is_saved_and_its_path_printed(site: Site, run: Run, tmp_path: Path) -> None:
    site.add(2023, "togo")
    done = run(tmp_path / "out", "togo", "--year", "2023")
    saved = tmp_path / "out" / "tip-2023-togo.html"
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{saved}\n"
    assert (
        saved.read_text("utf-8")
        == "<title>Togo - United States Department of State</title><p>Text.</p>"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tip-2023-togo.html"]
    assert (
        done.stderr
        == f"tipclassify: {site.base}/reports/2023-trafficking-in-persons-report/togo/: found\n"
    )


def test_spellings_of_a_country_are_tried_in_order_and_reported(
    site: Site, run: Run, tmp_path: Path
) -> None:
    site.add(2021, "congo-democratic-republic-of-the", "Congo, Democratic Republic of the")
    done = run(tmp_path, "DRC", "--year", "2021")
    root = f"{site.base}/reports/2021-trafficking-in-persons-report"
    assert done.stderr.splitlines() == [
        f"tipclassify: {root}/democratic-republic-of-the-congo/: no such page (404)",
        f"tipclassify: {root}/congo-democratic-republic-of-the/: found",
    ]
    assert (tmp_path / "tip-2021-democratic-republic-of-the-congo.html").is_file()


def test_the_report_of_2019_has_a_suffix(site: Site, run: Run, tmp_path: Path) -> None:
    site.add(2019, "armenia", suffix="-2")
    assert run(tmp_path, "Armenia", "--year", "2019").exit_code == 0
    assert site.asked == ["/reports/2019-trafficking-in-persons-report-2/armenia/"]
    site.add(2022, "armenia", suffix="-2")
    assert run(tmp_path, "Armenia", "--year", "2022").exit_code == 0


def test_countries_go_on_after_a_failure(site: Site, run: Run, tmp_path: Path) -> None:
    site.add(2023, "togo")
    site.add(2023, "benin")
    done = run(tmp_path, "Togo", "Niger", "Benin", "--year", "2023")
    assert done.exit_code == 1
    assert done.stdout.split() == [
        str(tmp_path / "tip-2023-togo.html"),
        str(tmp_path / "tip-2023-benin.html"),
    ]
    assert "tipclassify: Niger: no narrative of 2023 found; check --year" in done.stderr
    assert done.stderr.endswith("tipclassify: 1 of 3 countries failed\n")


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_site_that_refuses_is_not_asked_for_the_same_country_again(
    site: Site, run: Run, tmp_path: Path, status: int
) -> None:
    site.pages["/reports/2023-trafficking-in-persons-report/bahamas/"] = status
    done = run(tmp_path, "The Bahamas", "--year", "2023")
    assert done.exit_code == 1
    assert len(site.asked) == 1
    assert f"({status})" in done.stderr
    assert "Bahamas: not every address of 2023 could be tried; see above" in done.stderr


def test_without_a_year_this_years_report_is_tried_then_the_last(
    site: Site, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        narratives, "latest_narrative_years", lambda _today: [THIS_YEAR, THIS_YEAR - 1]
    )
    site.add(THIS_YEAR - 1, "togo")
    site.add(THIS_YEAR, "benin")
    site.add(THIS_YEAR - 1, "benin")
    done = run(tmp_path, "Togo", "Benin")
    assert done.exit_code == 0
    assert f"no --year given: trying {THIS_YEAR}, then {THIS_YEAR - 1}" in done.stderr
    # All of one report, though this year's has Benin.
    assert sorted(path.name for path in tmp_path.glob("*.html")) == [
        f"tip-{THIS_YEAR - 1}-benin.html",
        f"tip-{THIS_YEAR - 1}-togo.html",
    ]


@pytest.mark.parametrize(
    ("day", "years"),
    [
        (date(2024, 1, 1), [2023]),
        (date(2024, 5, 31), [2023]),
        (date(2024, 6, 1), [2024, 2023]),
        (date(2024, 12, 31), [2024, 2023]),
    ],
)  # fmt: skip
def test_the_latest_report_by_the_day(day: date, years: list[int]) -> None:
    assert narratives.latest_narrative_years(day) == years


@pytest.mark.parametrize(
    ("title", "moved_to"),
    [
        ("Just a moment...", None),
        ("Benin - United States Department of State", None),
        ("", None),
        ("2023 Trafficking in Persons Report", "/reports/2023-trafficking-in-persons-report/"),
        (
            "Togo - United States Department of State",
            "/reports/2022-trafficking-in-persons-report/togo/",
        ),
    ],
)
def test_a_page_of_something_else_is_not_taken(
    site: Site, run: Run, tmp_path: Path, title: str, moved_to: str | None
) -> None:
    asked = "/reports/2023-trafficking-in-persons-report/togo/"
    site.pages[moved_to or asked] = f"<title>{title}</title><p>Text.</p>"
    if moved_to:
        site.pages[asked] = moved_to
    done = run(tmp_path, "Togo", "--year", "2023")
    assert done.exit_code == 1
    assert f"{site.base}{asked}: leads to another page" in done.stderr
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize(
    ("title", "country"),
    [
        ("Turkey (Türkiye) - United States Department of State", "Turkey"),
        ("2023 Trafficking in Persons Report: Cote d&#8217;Ivoire", "Côte d’Ivoire"),
        ("Some words of a site: Togo, and more", "Togo"),
        ("</title><h1 class='a'>\n  <span>2023</span> Report:\n Togo </h1>", "Togo"),
    ],
)
def test_titles_that_a_narrative_may_have(title: str, country: str) -> None:
    page = Download(
        f"<title>{title}</title><p>Text.</p>".encode(),
        "text/html",
        "utf-8",
        "https://a.example/",
        "2024-01-01",
    )
    assert narratives.is_country_narrative(page, find_country(country), 2023)


def test_refresh_downloads_anew(site: Site, run: Run, tmp_path: Path) -> None:
    site.add(2023, "togo")
    for extra in ([], [], ["--refresh"]):
        assert run(tmp_path, "Togo", "--year", "2023", *extra).exit_code == 0
    assert len(site.asked) == 2


def test_renamed_countries_are_tried_by_their_new_and_old_names() -> None:
    assert find_country("Swaziland").slugs == ("eswatini", "swaziland")
    assert find_country("Czech Republic").slugs == ("czechia", "czech-republic")
    assert find_country("North Macedonia").slugs == ("north-macedonia", "macedonia")
    assert find_country("Türkiye").slugs == ("turkey", "turkey-turkiye", "turkiye")


def test_addresses_lie_on_state_gov_and_then_in_its_archive() -> None:
    togo = find_country("Togo")
    assert narratives.addresses_of_narrative(togo, 2020) == [
        f"https://{at}.state.gov/reports/2020-trafficking-in-persons-report{suffix}/togo/"
        for at in ("www", "2017-2021")
        for suffix in ("", "-2")
    ]
    assert narratives.addresses_of_narrative(togo, 2024)[-1].startswith(
        "https://2021-2025.state.gov/"
    )
    assert {url.split("/")[2] for url in narratives.addresses_of_narrative(togo, 2025)} == {
        "www.state.gov"
    }


def test_country_and_year_are_read_from_file_names_and_addresses() -> None:
    countries = []
    for code in Locale("en").territories:
        with suppress(UsageError):
            countries.append(find_country(code))
    assert len(countries) == 250
    for country in countries:
        for year in (2017, 2024):
            for slug in country.slugs:
                assert detect_country_and_year(None, f"tip-{year}-{slug}.html", "") == (
                    country.name,
                    year,
                )
            for url in narratives.addresses_of_narrative(country, year):
                assert detect_country_and_year(None, url, "") == (country.name, year)
