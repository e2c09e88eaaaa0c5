"""Countries: every name that reports use is found, and a report is about one country or none."""

from __future__ import annotations

import html
import re
import time
from datetime import date
from pathlib import Path

import pytest
from babel import Locale

from tipclassify.errors import InputError, UsageError
from tipclassify.readers.about.countries import extract_countries, find_country, fold_name
from tipclassify.readers.about.subject import detect_country_and_year

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
# Codes of CLDR that are none of ISO 3166.
OTHERS = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split()
NAMES = {
    code: name
    for code, name in Locale("en").territories.items()
    if re.fullmatch("[A-Z]{2}", code) and code not in OTHERS
}


def test_all_of_iso_3166_and_kosovo_have_a_name_and_two_codes() -> None:
    countries = [find_country(code) for code in (*NAMES, "XK")]
    assert len(NAMES) == 249
    assert [country.alpha2 for country in countries] == [*NAMES, "XK"]
    assert len({country.name for country in countries}) == 250
    assert len({country.alpha3 for country in countries}) == 250
    assert all(re.fullmatch("[A-Z]{3}", country.alpha3) for country in countries)


@pytest.mark.parametrize("code", [code for code in OTHERS if code != "XK"])
def test_a_code_of_no_country_is_unknown(code: str) -> None:
    with pytest.raises(UsageError, match="is no country that we know"):
        find_country(code)


@pytest.mark.parametrize("code", sorted(NAMES))
def test_every_country_is_found_by_name_and_codes_and_in_titles_and_addresses(code: str) -> None:
    country = find_country(code)
    assert country.alpha2 == code
    assert find_country(country.alpha3.lower()) == find_country(country.name.upper()) == country
    for name in (NAMES[code], country.name):
        assert find_country(name) == country
        assert detect_country_and_year(f"2023 Trafficking in Persons Report: {name}", "-", "") == (
            country.name,
            2023,
        )
        assert detect_country_and_year(f"{name} - United States Department of State", "-", "") == (
            country.name,
            None,
        )
        slug = fold_name(name).replace(" ", "-")
        address = f"https://www.state.gov/reports/2021-trafficking-in-persons-report/{slug}/"
        assert detect_country_and_year(None, address, "") == (country.name, 2021)
        assert detect_country_and_year(None, f"some/where/{slug}_2019.pdf", "") == (
            country.name,
            2019,
        )


WRITTEN = """Burma = MM; Myanmar = MM; Burma (Myanmar) = MM; Cote d'Ivoire = CI; Côte d’Ivoire = CI; Ivory
Coast = CI; Czech Republic = CZ; Czechia = CZ; Swaziland = SZ; Eswatini = SZ; Turkey = TR;
Türkiye = TR; Turkiye = TR; Turkey (Türkiye) = TR; Macedonia = MK; North Macedonia = MK; Congo,
Democratic Republic of the = CD; Congo (DRC) = CD; DRC = CD; Democratic Republic of the Congo =
CD; Congo, Republic of the = CG; Congo-Brazzaville = CG; Korea, North = KP; Korea, South = KR;
Korea, Republic of = KR; Republic of Korea = KR; Korea, Democratic People’s Republic of = KP;
Bahamas, The = BS; The Bahamas = BS; Gambia, The = GM; The Gambia = GM; Hong Kong = HK; Macau =
MO; Macao = MO; Kosovo = XK; Taiwan = TW; Palau = PW; Curacao = CW; Curaçao = CW; Sint Maarten =
SX; St. Maarten = SX; Aruba = AW; Cabo Verde = CV; Cape Verde = CV; Timor-Leste = TL; East Timor
= TL; Holy See = VA; Micronesia, Federated States of = FM; St. Lucia = LC; Saint Lucia = LC; St
Lucia = LC; St. Vincent and the Grenadines = VC; Saint Kitts and Nevis = KN; Syria = SY; Lao PDR
= LA; Brunei Darussalam = BN; UK = GB; U.K. = GB; UAE = AE; USA = US; United States of America =
US; Russian Federation = RU; Viet Nam = VN; Iran, Islamic Republic of = IR; Tanzania, United
Republic of = TZ; Moldova, Republic of = MD; Kyrgyz Republic = KG; Guinea-Bissau = GW; Guinea
Bissau = GW; Papua New Guinea = PG; São Tomé and Príncipe = ST; Virgin Islands, U.S. = VI;
Bosnia and Herzegovina = BA; Trinidad and Tobago = TT; Republic of Niger = NE"""


@pytest.mark.parametrize("entry", " ".join(WRITTEN.split()).split("; "))
def test_what_reports_call_a_country(entry: str) -> None:
    written, code = entry.split(" = ")
    country = find_country(f" {written.upper()} ")
    assert country.alpha2 == code
    assert detect_country_and_year(f"2023 Trafficking in Persons Report: {written}", "", "") == (
        country.name,
        2023,
    )


def test_codes_are_no_words_of_a_title() -> None:
    assert find_country("U.S.") == find_country("us") == find_country("USA")
    assert detect_country_and_year("2023 report: tell us all, it is for no man", "", "")[0] is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("Togoo", "did you mean Togo?"),
        ("Nigerr", "did you mean Niger or Nigeria?"),
        ("Korea", "which? North Korea or South Korea"),
        ("Congo", "which? Democratic Republic of the Congo or Republic of the Congo"),
        ("Karvonia", "give an English name or a code"),
        ("", "give an English name or a code"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest(written: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        find_country(written)


def test_the_longest_name_wins() -> None:
    words = (
        "papua new guinea equatorial guinea guinea bissau guinea niger nigeria dominica "
        "dominican republic"
    ).split()
    countries, words_left = extract_countries(words)
    assert countries == [
        "Papua New Guinea",
        "Equatorial Guinea",
        "Guinea-Bissau",
        "Guinea",
        "Niger",
        "Nigeria",
        "Dominica",
        "Dominican Republic",
    ]
    assert not words_left


TITLES = """2023 Trafficking in Persons Report: Karvonia => Karvonia, 2023
2023 Trafficking in Persons Report: Karvonia - United States Department of State => Karvonia, 2023
Refworld | 2017 Trafficking in Persons Report - Togo => Togo, 2017
Trafficking in Persons Report 2019: Port Salwen => Port Salwen, 2019
2024 TRAFFICKING NARRATIVES: UPPER KARVONIA => Upper Karvonia, 2024
Karvonia – 2024 Trafficking Narratives | Halden Institute for Labor Rights => Karvonia, 2024
Viet Nam: 2022 Country Report on Human Rights Practices => Vietnam, 2022
QATAR 2022 HUMAN RIGHTS REPORT => Qatar, 2022
Qatar => Qatar, -
Georgia - United States Department of State => Georgia, -
United States - United States Department of State => United States, -
Israel, West Bank and Gaza - United States Department of State => Israel, -
China (Includes Hong Kong, Macau, and Tibet) => China, -
Togo: Tier 2 Watch List => Togo, -
TOGO (Tier 2) => Togo, -
Human Trafficking in Papua New Guinea, 2020 => Papua New Guinea, 2020
Niger: the roads north => Niger, -
Report on the Republic of Korea, 2018 => South Korea, 2018
Findings on Child Labor:Belize => Belize, -
Compilation on Slovenia => Slovenia, -
ADVANCE QUESTIONS TO SLOVENIA => Slovenia, -
Concluding observations on the third periodic report of Togo* => Togo, -
43/112. Outcome of the universal periodic review: Slovenia => Slovenia, -
Falkland Islands (Islas Malvinas) => Falkland Islands, -
Togo (Lomé and the north) => Togo, -
2021 Findings: West Bank and the Gaza Strip => Palestinian Territories, 2021"""


@pytest.mark.parametrize("case", TITLES.splitlines())
def test_titles_with_a_country_or_a_year(case: str) -> None:
    title, wanted = case.split(" => ")
    facts = detect_country_and_year(title, "", "")
    assert ", ".join(str(fact or "-") for fact in facts) == wanted


def test_the_name_of_a_publisher_hides_the_country_and_not_the_year() -> None:
    title = "World Report 2023: Qatar | Human Rights Watch"
    assert detect_country_and_year(title, "", "")[1] == 2023


NO_COUNTRY = """Georgia Tech
Georgia: Atlanta man sentenced
Michael Jordan
Jordan Peterson
Jordan: A Life
Chad Smith reports
New Mexico
Northern Ireland
Gulf of Guinea
New Guinea
The Panama Papers
Niger Delta
Turkey farms of Utah
Togo and Benin
Trafficking between Togo and Benin
2023 Trafficking in Persons Report: Togo, Benin
Congo
Korea
2023 Trafficking in Persons Report: Introduction
2023 Trafficking in Persons Report: Tier Placements
2023 Trafficking in Persons Report: Topics of Special Interest
2023 Trafficking in Persons Report: Georgia Tech
2023 Trafficking in Persons Report: how it is made
Human Rights Watch
Trafficking in Persons Report
Report on the Gulf of Guinea
Police of Togo report on the border with Benin
Togo (with a chapter on Benin)"""


@pytest.mark.parametrize("title", ["", *NO_COUNTRY.splitlines()])
def test_titles_without_a_country(title: str) -> None:
    assert detect_country_and_year(title, "", "")[0] is None


def test_a_title_of_two_countries_is_not_settled_by_the_address() -> None:
    assert detect_country_and_year("Togo and Benin", "togo-2020.html", "TOGO") == (None, 2020)


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Report 2023", 2023),
        ("Report for 2022 and 2023", None),
        ("Report 2009-2017", None),
        ("Report 2021/22", None),
        ("Report of 2024-05-01", None),
        ("Report 1989", None),
        (f"Report {date.today().year + 1}", date.today().year + 1),
        (f"Report {date.today().year + 2}", None),
        ("Report 20231", None),
        ("The war of 2003 and what came of it", None),
    ],
)
def test_the_year_of_a_title(title: str, year: int | None) -> None:
    assert detect_country_and_year(title, "", "") == (None, year)


SOURCES = """https://www.state.gov/reports/2021-trafficking-in-persons-report/togo/ => Togo, 2021
https://www.state.gov/reports/2019-trafficking-in-persons-report-2/armenia => Armenia, 2019
https://2017-2021.state.gov/reports/2020-trafficking-in-persons-report/togo/index.html => Togo, \
2020
https://www.state.gov/reports/2024-country-reports-on-human-rights-practices/cuba => Cuba, 2024
https://www.state.gov/reports/2021-trafficking-in-persons-report/ => -, 2021
https://2009-2017.state.gov/j/tip/rls/tiprpt/countries/2016/258800.htm => -, 2016
https://web.archive.org/web/20220101000000/https://www.state.gov/reports/\
2021-trafficking-in-persons-report/togo/ => Togo, 2021
https://www.hrw.example/world-report/2023/country-chapters/qatar => Qatar, 2023
https://www.state.gov/wp-content/uploads/2023/06/qatar-2022.pdf => Qatar, 2022
https://qatar.example/togo-story.html => -, -
hrr-2016-qatar.html => Qatar, 2016
reports/2023/hrr-2021-dominican-republic.html => Dominican Republic, 2021
tip-2023-congo-democratic-republic-of-the.html.gz => Democratic Republic of the Congo, 2023
Côte d'Ivoire 2020 (final).docx => Côte d’Ivoire, 2020
qatar%202019.pdf => Qatar, 2019
karvonia-2024.txt => -, 2024
georgia-tech.html => -, -
togo-and-benin-2020.pdf => -, 2020
togo/report.pdf => -, -
togo-2024-05-01.html => Togo, -
9f2019ab33-2024-05-01.html => -, -
- => -, -
<text> => -, -"""


@pytest.mark.parametrize("case", SOURCES.splitlines())
def test_addresses_and_file_names(case: str) -> None:
    source, wanted = case.split(" => ")
    facts = detect_country_and_year(None, source, "")
    assert ", ".join(str(fact or "-") for fact in facts) == wanted


def test_a_path_of_windows_has_a_file_name() -> None:
    path = r"C:\reports\2020\qatar_2019.pdf"
    assert detect_country_and_year(None, path, "") == ("Qatar", 2019)


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (
            "2024 TRAFFICKING NARRATIVES: KARVONIA\n\nOVERVIEW\n\nKarvonia is far.",
            ("Karvonia", 2024),
        ),
        ("QATAR 2016 HUMAN RIGHTS REPORT\n\nEXECUTIVE SUMMARY\n", ("Qatar", 2016)),
        ("TOGO: Tier 2\n\nSome sentence about 2019.", ("Togo", None)),
        (
            (
                "The Government of Togo does not fully meet the minimum standards for the "
                "elimination of trafficking."
            ),
            ("Togo", None),
        ),
        ("Afghanistan\nAlbania\nAlgeria\n", (None, None)),
        (
            "United Nations\nA/HRC/9/9\n" + "Agenda item\n" * 10 + "Viet Nam*\nText.",
            ("Vietnam", None),
        ),
        ("The Government of Togo sent police officers to Benin in 2019.", (None, None)),
        ("Police in Togo arrested nine traffickers in 2019.", (None, None)),
        ("x" * 1_600 + "\nTOGO\n", (None, None)),
        ("Halden Ltd Modern Slavery Statement 2019\n\nWe are a firm.", (None, 2019)),
        (
            "Slavery statement\n\nIt is made under the Modern Slavery Act 2015 and is of the "
            "financial year ended 31 March 2018.",
            (None, 2018),
        ),
        (
            "Slavery statement\nFor the year ended December 31, 2018\n\nWe are a firm of 2005.",
            (None, 2018),
        ),
        ("Statement under the Modern Slavery Act 2015\n\nWe are a firm.", (None, None)),
    ],
)
def test_first_lines(opening: str, expected: tuple[str | None, int | None]) -> None:
    assert detect_country_and_year(None, "", opening) == expected


def test_title_goes_before_address_and_address_before_text() -> None:
    assert detect_country_and_year(
        "Togo", "hrr-2016-qatar.html", "CUBA 2020 HUMAN RIGHTS REPORT"
    ) == (
        "Togo",
        2016,
    )
    assert detect_country_and_year(None, "qatar.html", "CUBA 2020 HUMAN RIGHTS REPORT") == (
        "Qatar",
        2020,
    )


def test_our_samples_name_country_and_year() -> None:
    for name, expected in {
        "karvonia-2023.html": ("Karvonia", 2023),
        "karvonia-2024.html": ("Karvonia", 2024),
        "karvonia-2024.txt": ("Karvonia", 2024),
        "excerpt.txt": (None, None),
    }.items():
        assert detect_country_and_year(*_title_source_opening(SAMPLES / name)) == expected


def test_real_pages_name_country_and_year(real: Path) -> None:
    pages = sorted((real / "reports").glob("hrr-*.html"))
    assert len(pages) == 10
    for page in pages:
        _, year, slug = page.stem.split("-", 2)
        assert detect_country_and_year(*_title_source_opening(page)) == (
            find_country(slug).name,
            int(year),
        )


def _title_source_opening(path: Path) -> tuple[str | None, str, str]:
    """Return title, source and opening of a page, of which one tells the country."""
    text = path.read_text("utf-8")
    title = re.search("<title>([^<]*)", text)
    return (html.unescape(title[1]), str(path), "") if title else (None, str(path), text)


@pytest.mark.parametrize("sign", ['"', "=.", "( ", "| ", "9 "])
def test_a_title_of_punctuation_takes_no_time(sign: str) -> None:
    begin = time.monotonic()
    detect_country_and_year("Karvonia " + sign * 40_000, "x.html", "")
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("name", ["act-2003-amended.txt", "resolution-2016-1.html"])
def test_a_year_inside_the_name_of_another_file_is_not_that_of_a_report(name: str) -> None:
    assert detect_country_and_year(None, name, "") == (None, None)
