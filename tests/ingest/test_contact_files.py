"""Files of contacts: what their columns say, how they are read, and the commands over a store of their own."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ingest.contact_files.columns import BadColumn, columns
from ingest.contact_files.reading import BadFile, rows
from ingest.contact_files.writing import row
from tests.ingest.test_cli import Ended, here

CONFIG = """\
language: ru
http: {port: 1}
storage: {url: "sqlite:///priyom.db"}
channels: {site: {kind: webform}}
managers: {anna: {name: Анна Петрова}, boris: {name: Борис Ким}}
teams: {sales: {managers: [anna, boris]}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Ended:
    return here("contacts", *arguments, "--config", str(config))


# ---- columns


@pytest.mark.parametrize(
    ("headings", "places"),
    [
        (["ФИО", "Телефон", "E-mail"], {"name": (0,), "phone": (1,), "email": (2,)}),
        (["Имя", "Отчество", "Фамилия", "Тел. моб."], {"name": (2, 0, 1), "phone": (3,)}),
        (["First Name", "Last Name", "Mobile", "Phone"], {"name": (1, 0), "phone": (2, 3)}),
        (["Клиент", "Телефон 1", "Телефон 2", "Ответственный", "Компания"],
         {"name": (0,), "phone": (1, 2), "company": (4,), "owner": (3,)}),
        (["Полное имя контакта", "Контактный телефон", "Рабочий телефон", "Личный e-mail", "Дата создания"],
         {"name": (0,), "phone": (1, 2), "email": (3,)}),
        (["Контактное лицо", "Эл. почта", "Telegram", "ВК"], {"name": (0,), "email": (1,), "telegram": (2,), "vk": (3,)}),
        (["First Name", "Last Name", "Email", "Contact owner", "Last Activity Date"],
         {"name": (1, 0), "email": (2,), "owner": (3,)}),
        (["Контакт: ID", "Контакт: Имя", "Номер мобильного", "Адрес электронной почты", "ФИО менеджера"],
         {"name": (1,), "phone": (2,), "email": (3,), "owner": (4,)}),
        (["Имя компании", "Имя", "Телефон", "Почтовый индекс"], {"name": (1,), "phone": (2,), "company": (0,)}),
        (["Имя", "Телефон", "Вкл", "Вклад", "ВК"], {"name": (0,), "phone": (1,), "vk": (4,)}),
        (["Phonetic First Name", "Name", "Phone 1 - Label", "Phone 1 - Value"], {"name": (1,), "phone": (3,)}),
    ],
)  # fmt: skip
def test_headings_say_what_a_column_is(headings: list[str], places: dict[str, tuple[int, ...]]) -> None:
    assert columns(headings, {}).places == places


def test_a_column_that_somebody_names_counts_and_the_rest_is_said() -> None:
    found = columns(["Кто", "Куда звонить", "Примечание"], {"name": "кто", "phone": "Куда звонить"})
    assert (found.places, found.passed_over) == ({"name": (0,), "phone": (1,)}, ("Примечание",))


@pytest.mark.parametrize(
    "heading", ["Телефон компании", "Company Main Phone", "Телефон менеджера", "Email менеджера", "Assistant's Phone"]
)
def test_the_number_of_somebody_else_is_no_client_s(heading: str) -> None:
    found = columns(["Имя", "Телефон", heading], {})
    assert (found.places, found.passed_over) == ({"name": (0,), "phone": (1,)}, (heading,))


def test_of_two_columns_for_a_name_the_one_that_is_not_taken_is_said() -> None:
    assert columns(["Клиент", "Контакт", "Телефон"], {}).passed_over == ("Контакт",)


def test_a_table_by_which_nobody_can_be_recognised_is_refused() -> None:
    with pytest.raises(BadColumn, match="--column phone="):
        columns(["Имя", "Город"], {})
    with pytest.raises(BadColumn, match="Город"):
        columns(["Имя", "Город"], {"phone": "Телефон"})


def test_several_numbers_in_a_cell_are_several_and_an_extension_is_none() -> None:
    said = columns(["Имя", "Телефон"], {})
    assert said.row(2, ["Анна", "8 912 345-67-89; 8 495 123-45-67"])["phones"] == ["8 912 345-67-89", "8 495 123-45-67"]
    for cell in ("8 495 123-45-67, доб. 12", "8 495 123-45-67, 101", "8 495 123-45-67, вн. 101"):
        assert said.row(3, ["", cell]) == {"line": 3, "phones": [cell]}
    assert said.row(4, ["", "8 495 123-45-67, 101, 8 912 345-67-89"])["phones"] == [
        "8 495 123-45-67, 101",
        "8 912 345-67-89",
    ]


# ---- files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_a_text_file_is_read_however_it_was_saved(tmp_path: Path, encoding: str, mark: str) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(f"Имя{mark}Телефон\n\nАнна{mark}'+79123456789\n", encoding=encoding)
    assert list(rows(path)) == [(1, ["Имя", "Телефон"]), (3, ["Анна", "+79123456789"])]


def test_the_line_by_which_a_table_says_its_mark_to_a_spreadsheet_is_none_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("sep=,\nИмя,Телефон; мобильный;;\nАнна,89123456789\n", encoding="utf-8-sig")
    assert list(rows(path)) == [(2, ["Имя", "Телефон; мобильный;;"]), (3, ["Анна", "89123456789"])]


def test_a_workbook_is_read_with_its_numbers_as_people_see_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Имя", "Телефон"])
    book.active.append(["Анна", 79123456789.0])
    book.active.append(["#N/A", "8 912 345-67-90", "#ССЫЛКА!"])
    book.create_sheet("Архив").append(["Пётр", 7])
    book.save(tmp_path / "clients.xlsx")
    assert list(rows(tmp_path / "clients.xlsx")) == [
        (1, ["Имя", "Телефон"]),
        (2, ["Анна", "79123456789"]),
        (3, ["", "8 912 345-67-90", ""]),
    ]
    assert list(rows(tmp_path / "clients.xlsx", "Архив")) == [(1, ["Пётр", "7"])]
    with pytest.raises(BadFile, match="Архив"):
        list(rows(tmp_path / "clients.xlsx", "Лист9"))


@pytest.mark.parametrize("closing", ["", 'Олег;89123456780;"перезвонить"\n'])
def test_rows_that_a_quotation_mark_without_its_partner_would_swallow_are_never_passed_over(
    tmp_path: Path, closing: str
) -> None:
    path = tmp_path / "clients.csv"
    head = 'Имя;Телефон;Заметка\nИра;89123456787;"в две\nстроки, ""так"""\nМонитор 24";89123456788;\n'
    path.write_text(head + 'Анна;89123456789;"важная\nПётр;89123456790;\n' + closing, encoding="utf-8")
    found = rows(path)
    assert [next(found)[0] for _ in range(3)] == [1, 3, 4]
    with pytest.raises(BadFile, match="line 5"):
        next(found)


def test_what_no_store_takes_is_left_out_of_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes("Имя;Телефон\nАн\0на;89123456789\n".encode())
    assert list(rows(path))[1] == (2, ["Анна", "89123456789"])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0", "save it as"),
        ("a.xlsx", b"no workbook", "no workbook"),
        ("a.csv", "я".encode() * 9 + b"\xff" * 70_000, "not written in|no table"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadFile, match=says):
        list(rows(path, encoding="utf-8" if name == "a.csv" else None))


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_a_workbook_that_is_spoilt_within_says_what_to_do_too(tmp_path: Path, part: str) -> None:
    book = openpyxl.Workbook()
    book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "clients.xlsx", "w") as spoilt:
        for name in whole.namelist():
            content = whole.read(name)
            spoilt.writestr(name, content[:-40] if name == part else content)
    with pytest.raises(BadFile, match="spoilt"):
        list(rows(tmp_path / "clients.xlsx"))


@pytest.mark.parametrize("extent", ["A1", "A1:B1"])
def test_a_workbook_that_says_itself_smaller_than_it_is_is_read_whole(tmp_path: Path, extent: str) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Имя", "Телефон"])
    book.active.append(["Анна", "89123456789"])
    book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "clients.xlsx", "w") as written:
        for name in whole.namelist():
            content = whole.read(name).replace(b'<dimension ref="A1:B2"', f'<dimension ref="{extent}"'.encode())
            written.writestr(name, content)
    assert list(rows(tmp_path / "clients.xlsx")) == [(1, ["Имя", "Телефон"]), (2, ["Анна", "89123456789"])]


def test_what_a_client_calls_himself_is_no_formula_and_no_letter_that_a_workbook_cannot_hold() -> None:
    contact: dict[str, Any] = {"id": "1", "keys": [], "company": None, "owner": None, "created_at": "2026"}
    keys = [{"kind": "phone", "value": "+79123456789"}, {"kind": "phone", "value": "+74951234567", "extension": "12"}]
    for name in ("=1", "+1+cmd|' /C calc'!A0", "-1", "@SUM(1)", "\x01=1"):
        assert row(contact | {"name": name})[1].startswith("'")
    assert row(contact | {"name": "А\x01нна"})[1] == "Анна"
    assert row(contact | {"name": None, "keys": keys})[2] == "+79123456789, +74951234567 доб. 12"


# ---- commands


def test_a_file_is_never_written_over_by_what_was_refused_of_it(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("Телефон\n12\n", encoding="utf-8")
    ended = run(config, "import", str(path), "--refused", str(tmp_path / "." / "clients.csv"))
    assert (ended.code, path.read_text(encoding="utf-8")) == (2, "Телефон\n12\n")
    assert "--refused" in ended.err


def test_a_file_is_previewed_brought_in_and_written_out_again(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(
        "ФИО;Телефон;Почта;Ответственный;Компания;Заметка\n"
        "=Анна Орлова;8 (912) 345-67-89;anna@mail.ru;Анна Петрова;Вега;х\n"
        "Пётр;8 912 345 67 90;;Борька;;\n"
        "Анна;+7 912 345-67-89;;;;\n"
        "Никто;12;;;;\n"
        "Округлён;7,91235E+10;;;;\n",
        encoding="windows-1251",
    )
    order = ("import", str(path), "--owner", "Борька=boris")
    preview = run(config, *order, "--preview", "--json")
    assert (preview.json()["counts"], preview.json()["repeats"]) == ({"created": 2, "known": 1, "refused": 2}, 1)
    done = run(config, *order)
    assert (done.code, done.out.splitlines()[:5]) == (
        1,
        [
            "contacts new: 2",
            "contacts known already: 1",
            "companies and lines: 0",
            "rows of somebody in an earlier row: 1",
            "rows refused: 2",
        ],
    )
    assert "not taken: Заметка" in done.err
    refused = list(csv.reader(io.StringIO((tmp_path / "clients.refused.csv").read_text("utf-8-sig")), delimiter=";"))
    assert [(row[0], row[-2]) for row in refused[1:]] == [("Никто", "5"), ("Округлён", "6")]
    assert "format the column as text" in refused[2][-1]
    out = tmp_path / "out.csv"
    assert run(config, "export", str(out)).code == 0
    written = {row["phone"]: row for row in csv.DictReader(io.StringIO(out.read_text("utf-8-sig")), delimiter=";")}
    assert written["+79123456789"] | {"id": "", "known since": ""} == {
        "id": "",
        "name": "'=Анна Орлова",
        "phone": "+79123456789",
        "email": "anna@mail.ru",
        "telegram": "",
        "vk": "",
        "company": "Вега",
        "owner": "anna",
        "known since": "",
    }
    assert written["+79123456790"]["owner"] == "boris"
    whole = run(config, "export", "--json").json()
    assert ({one["name"] for one in whole["items"]}, whole["next"]) == (
        {row["name"].strip("'") for row in written.values()},
        None,
    )
    again = run(config, "import", str(out), "--json")
    assert (again.json()["counts"], again.code) == ({"known": 2}, 0)


def test_what_was_refused_of_a_file_is_no_formula_either_and_can_be_sent_again(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("Имя;Телефон\n'=HYPERLINK(0);+7 12\n", encoding="utf-8")
    assert run(config, "import", str(path)).code == 1
    refused = tmp_path / "clients.refused.csv"
    assert "\n'=HYPERLINK(0);+7 12;2;" in refused.read_text("utf-8-sig")
    assert next(cells for line, cells in rows(refused) if line > 1)[:2] == ["=HYPERLINK(0)", "+7 12"]


def test_a_file_goes_on_from_a_line(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("phone\n12\n", encoding="utf-8")  # where it was interrupted
    assert run(config, "import", str(path), "--json").json()["counts"] == {"refused": 1}
    path.write_text("phone\n12\n8 912 345-67-02\n13\n", encoding="utf-8")
    assert run(config, "import", str(path), "--from", "3", "--json").json()["counts"] == {"created": 1, "refused": 1}
    refused = (tmp_path / "clients.refused.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(";")[:2] for line in refused] == [["phone", "line"], ["12", "2"], ["13", "4"]]


def test_contacts_are_written_into_a_workbook(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("name,phone\nАнна,8 912 345-67-89\n", encoding="utf-8")
    assert run(config, "import", str(path)).code == 0
    out = tmp_path / "out.xlsx"
    assert run(config, "export", str(out)).out == f"1 contacts in {out}\n"
    assert [cells[1:3] for _, cells in rows(out)] == [["name", "phone"], ["Анна", "+79123456789"]]


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, config: Path) -> None:
    path, nowhere = tmp_path / "clients.csv", tmp_path / "nowhere"
    path.write_text("phone\n12\n", encoding="utf-8")
    for words, file in (
        (("export",), nowhere / "out.csv"),
        (("export",), nowhere / "out.xlsx"),
        (("import", str(path), "--refused"), nowhere / "refused.csv"),
    ):
        told = run(config, *words, str(file))
        assert (told.code, told.err) == (2, f"Error: cannot write to {file} (No such file or directory)\n")


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), ("Город\nСаратов\n", "no column is a phone's")])
def test_a_file_without_contacts_is_refused_before_anything_is_sent(
    tmp_path: Path, config: Path, text: str, says: str
) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(text, encoding="utf-8")
    told = run(config, "import", str(path))
    assert (told.code, says in told.err) == (2, True)
