"""What a mail says: who wrote it, what is new in it, which files, to which address, when."""

import base64
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from channels.mail import charsets, folders, headers, markup, quotes
from channels.mail.letter import opened
from channels.message import Ignored, Inbound
from tests.channels.mails import BOX, RECEIVED, adapter, client, html, parsed, part, raw, several, verdict

RUSSIAN = "Здравствуйте! Нужен цемент М500, двадцать тонн, с доставкой. Иван"


# --- text ---


@pytest.mark.parametrize(
    "label", [None, "us-ascii", "iso-8859-1", "utf-8", "x-unknown", "windows-1251", "koi8-r", "8bit"]
)
@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "cp866", "utf-8"])
def test_russian_is_read_in_any_charset_whatever_the_label_says(charset: str, label: str | None) -> None:
    kind = "text/plain" if label is None else f"text/plain; charset={label}"
    assert client(raw(RUSSIAN.encode(charset), Content_Type=kind)).text == RUSSIAN


def test_no_codec_that_is_no_charset_is_reached_by_a_label() -> None:
    for label in (
        "hex",
        "rot13",
        "punycode",
        "idna",
        "unicode_escape",
        "raw-unicode-escape",
        "zlib",
        "undefined",
        "mbcs",
    ):
        assert charsets.known(label) is None


def test_a_damaged_letter_does_not_make_another_charset_of_a_text() -> None:
    assert charsets.decode("Иван".encode()[:5] + "ан".encode(), "utf-8") == "Ив\ufffdан"


def test_german_without_a_label_stays_german() -> None:
    assert charsets.decode("Grüße aus München".encode("latin1"), None) == "Grüße aus München"
    assert charsets.decode("Grüße".encode("latin1"), "us-ascii") == "Grüße"


@pytest.mark.parametrize(
    "mail",
    [
        b"\r\n" + raw("Нужен цемент"),
        raw(
            "=D0=9D=D1=83=D0=B6=D0=B5=D0=BD =D1=86=D0=B5=D0=BC=D0=B5=D0=BD=D1=82",
            Content_Transfer_Encoding="Quoted-Printable ",
        ),
        raw("0J3Rg9C20LXQvSDRhtC10LzQtdC90YI=", Content_Transfer_Encoding="base64; charset=utf-8"),
        raw("Нужен цемент", Content_Type="text/plain charset=utf-8"),
        raw("Нужен цемент", Content_Type='text/plain; charset=utf-8; name="body.txt"'),
    ],
    ids=["blank line above", "space behind", "parameter", "no semicolon", "named"],
)
def test_what_is_written_is_read_though_its_headers_are_careless(mail: bytes) -> None:
    said = client(mail)
    assert (said.emails, said.text, said.attachments) == (("ivan@client.example",), "Нужен цемент", ())


def test_a_file_that_is_forwarded_stays_what_it_was_though_its_encoding_is_written_carelessly() -> None:
    inner = raw("0J3Rg9C20LXQvQ==", Content_Transfer_Encoding="BASE64 ")
    mail = several(
        part("см."), b"Content-Type: message/rfc822\r\n\r\n" + inner, From="boss@stroyka.example", Subject="FW:"
    )
    said = client(mail)
    assert said.text == "Нужен"
    assert b"BASE64 \n" in (said.attachments[0].content or b"")


def test_a_text_with_other_line_ends_than_its_headers_keeps_its_lines() -> None:
    mail = raw("Добрый день\nиз Саратова\nTo: Москва\n").replace(b"\r\n", b"\n") + b"\r\n\r\n2 t"
    assert client(mail).text == "Добрый день\nиз Саратова\nTo: Москва\n\n\n2 t"


def test_a_page_is_read_as_people_see_it() -> None:
    page = """<html><head><title>t</title><style>p {}</style></head><body><script>x()</script>
      <p>Нужен&nbsp;цемент,<br>20 тонн.</p><div style="display: none">тайна</div><p>Иван</p>
      <table><tr><td>Объект</td><td>Склад</td></tr></table><ul><li>раз<li>два</ul></body></html>"""
    assert client(html(page)).text == "Нужен цемент,\n20 тонн.\n\nИван\n\nОбъект\tСклад\n\n- раз\n- два"


def test_of_two_forms_of_a_text_the_plain_one_is_read_unless_it_is_empty() -> None:
    page = part("<p>Страница</p>", Content_Type="text/html; charset=utf-8")
    assert client(several(part("Текст"), page, kind="multipart/alternative")).text == "Текст"
    assert client(several(part("  \r\n"), page, kind="multipart/alternative")).text == "Страница"


def test_a_page_that_calls_itself_plain_is_read_as_a_page() -> None:
    assert client(raw("<html><body><p>Цемент</p></body></html>")).text == "Цемент"


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 200_000,
        "".join(f"<b id={n}>" for n in range(900)) + "<p>x" * 200_000,
        "<table><tr><td>" * 50_000,
        "<p>x" * 100_000,
    ],
)
def test_a_bomb_of_a_page_costs_no_more_than_a_long_one(page: str) -> None:
    assert len(markup.text_of(page)) <= markup.LONGEST_TEXT


# --- what is new ---

QUOTED = {
    "gmail": "пт, 6 мар. 2026 г. в 10:05, Анна Петрова <anna@example.com>:\n\n> Добрый день!\n> Цена 100",
    "gmail in English": "On Fri, Mar 6, 2026 at 10:05 AM Anna Petrova <anna@example.com>\nwrote:\n\n> q",
    "yandex": '06.03.2026, 10:05, "Анна Петрова" <anna@example.com>:\nДобрый день!',
    "yandex with headers": "----------------\nКому: info@example.com (info@example.com);\nТема: Цемент;\n"
    '06.03.2026, 10:05, "Анна Петрова" <anna@example.com>:\nДобрый день!',
    "mail.ru": "Четверг, 26 июня 2026, 14:00 +04:00 от Анна Петрова <anna@example.com>:\n\nДобрый день",
    "thunderbird": "06.03.2026 10:05, Анна Петрова пишет:\n> Добрый",
    "he or she wrote": "6 марта 2026 г. 10:05 Анна Петрова написал(а):\n> Добрый",
    "apple": "> 6 марта 2026 г., в 10:05, Анна <a@b.ru> написал(а):\n> \n> q",
    "outlook": "От: Анна [mailto:anna@example.com]\nОтправлено: 6 марта\nКому: Иван\nТема: Цемент\n\nТекст",
    "outlook's rule": "________________________________\nFrom: A <a@b.c>\nSent: Monday\nTo: B\nSubject: s\n\nold",
    "a divider": "-----Исходное сообщение-----\nсказано давно",
    "an English divider": "-----Original Message-----\nFrom: x\n",
    "android": '02.04.2026 14:20 пользователь "bob@example.org" <\nbob@example.org> написал:\n\n> Hi\n>',
    "hotmail": "Date: Thu\nSubject: s\nFrom: a@b.c\nTo: d@e.f\n\nold",
    "a signature": "-- \nИван Петров\nтел. 8 912 345-67-89",
    "a polite end": "С уважением,\nИван Петров",
    "a telephone's end": "Отправлено из мобильной Почты Mail.ru",
    "another telephone's end": "Sent from my iPhone",
}


@pytest.mark.parametrize("program", QUOTED)
def test_what_is_quoted_and_signed_is_left_out_and_kept(program: str) -> None:
    said = client(raw(f"Да, подходит.\n\n{QUOTED[program]}"))
    assert said.text == "Да, подходит."
    assert said.fields["full_text"].startswith("Да, подходит.\n\n")


def test_an_answer_beneath_the_quotation_is_read() -> None:
    assert quotes.newest("> вопрос?\n\nответ!\n\n> ещё?\n\nда") == "ответ!\n\n\nда"


@pytest.mark.parametrize(
    "text",
    [
        "Нужно:\n| Цемент | 10 |\nи всё",
        "С уважением, Иван",
        "> только цитата",
        "От: кого угодно\nтекст",
        "Он написал:\nпривет",
        "-- \nИван\n\n-----Original Message-----\nНужен цемент",
    ],
)
def test_what_would_leave_nothing_or_only_looks_like_a_quotation_stays(text: str) -> None:
    said = client(raw(text))
    assert said.text == text
    assert "full_text" not in said.fields


# --- headers ---


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("=?utf-8?B?0JjQstCw0L0=?= <i@c.ru>", "Иван", "i@c.ru"),
        ("=?windows-1251?Q?=C8=E2=E0=ED?= =?windows-1251?Q?_=CF?= <i@c.ru>", "Иван П", "i@c.ru"),
        ("=?koi8-r?B?6dfBzg?= <i@c.ru>", "Иван", "i@c.ru"),  # no padding
        ("=?utf-8?B?0JjQsg==?= =?utf-8?B?0LDQvQ==?= <i@c.ru>", "Иван", "i@c.ru"),
        ("=?utf-8?B?0JjQstA=?=\r\n =?utf-8?B?vQ==?= <i@c.ru>", "Ивн", "i@c.ru"),  # a letter cut in two
        ('"Петров, Иван" <i@c.ru>', "Петров, Иван", "i@c.ru"),
        ("Петров, Иван <i@c.ru>", "Петров, Иван", "i@c.ru"),
        ("Иван (ООО Ромашка) <i@c.ru>", "Иван", "i@c.ru"),
        ("i@c.ru (Иван)", "Иван", "i@c.ru"),
        ("<i@c.ru>", "", "i@c.ru"),
        ("i@c.ru", "", "i@c.ru"),
        ('"i@c.ru" <i@c.ru>', "", "i@c.ru"),
        ("'Иван' <mailto:i@c.ru>", "Иван", "i@c.ru"),
        ("=?utf-8?Q?=D0=98=3Ci=40c.ru=3E?=", "И", "i@c.ru"),  # the whole in one word
        ("Иван <SMTP:i@c.ru>", "Иван", "i@c.ru"),
        ("Иван <@relay.ru:i@c.ru>", "Иван", "i@c.ru"),
        ("Иван <i@c.ru.>", "Иван", "i@c.ru"),
        ("Иван <>", "Иван", ""),
    ],
)
def test_senders_are_read_however_they_are_written(written: str, name: str, address: str) -> None:
    (box,) = headers.mailboxes(written)
    assert (box.name, box.address) == (name, address)


def test_headers_that_nobody_encoded_are_read() -> None:
    said = client(raw(From="Иван Сергеев <i@c.ru>", Subject="Цемент и песок"))
    assert (said.name, said.subject) == ("Иван Сергеев", "Цемент и песок")
    line = "Иван Сергеев <i@c.ru>".encode("windows-1251").decode("utf-8", "surrogateescape")
    assert client(raw(From=line)).name == "Иван Сергеев"


def test_a_broken_line_among_the_headers_hides_none_behind_it() -> None:
    mail = raw().replace(b"To: ", b"X-Tracker: abc\r\nIg5drOCwmrVzP5s\r\nTo: ")
    assert client(mail).subject == "Question"


def test_files_keep_their_names_and_contents() -> None:
    encoded = base64.b64encode("смета.xlsx".encode("koi8-r")).decode()
    mail = several(
        part("Смотрите файлы"),
        part(
            b"1",
            Content_Type="application/pdf",
            Content_Disposition="attachment; filename*=UTF-8''%D0%BF%D0%BB%D0%B0%D0%BD.pdf",
        ),
        part(b"2", Content_Type=f'application/x; name="=?koi8-r?B?{encoded}?="'),
        part(
            b"3",
            Content_Disposition="attachment; filename*0*=utf-8''%D1%87%D0%B5; filename*1=rt.dwg",
            Content_Type="a/b",
        ),
        part(b"4", Content_Type="image/png", Content_ID="<logo.png@01D>"),
        part(b"5", Content_Disposition='attachment; filename="C:\\docs\\акт.doc"', Content_Type="application/msword"),
        part("внутри", Content_Type="text/plain", Content_Disposition="attachment; filename=notes.txt"),
        part(raw("вложено", Subject="Re: Смета"), Content_Type="message/rfc822").replace(b"base64", b"8bit"),
        part(b"6", Content_Type="image/jpeg"),
    )
    said = client(mail)
    assert said.text == "Смотрите файлы"
    names = ["план.pdf", "смета.xlsx", "чеrt.dwg", "logo.png", "акт.doc", "notes.txt"]
    assert [one.name for one in said.attachments][:6] == names
    assert [one.name for one in said.attachments][-1] == "image.jpg"
    assert [one.content for one in said.attachments][:5] == [b"1", b"2", b"3", b"4", b"5"]


def test_what_somebody_attached_is_told_from_pictures_of_the_page_and_from_signatures() -> None:
    mail = EmailMessage(policy=SMTP)
    mail.set_content("<p>Вот <img src='cid:logo'></p>", subtype="html")
    mail.add_related(b"4", maintype="image", subtype="png", cid="<logo>")
    mail.add_attachment(b"1", maintype="application", subtype="pdf", filename="план.pdf")
    mail.add_attachment(b"5", maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    assert opened(mail.as_bytes()).files == ("план.pdf",)
    assert len(opened(mail.as_bytes()).attachments) == 3


def test_a_mail_within_a_mail_is_a_file_named_by_its_subject() -> None:
    inner = raw("вложено", Subject="=?utf-8?B?0KHQvNC10YLQsA==?=")
    mail = several(part("Смотрите"), b"Content-Type: message/rfc822\r\n\r\n" + inner)
    (attachment,) = client(mail).attachments
    assert (attachment.name, attachment.media_type) == ("Смета.eml", "message/rfc822")
    assert "вложено".encode() in (attachment.content or b"")


@pytest.mark.parametrize(
    ("noted", "to"),
    [
        ({"To": "Sales <sales@stroyka.example>"}, "sales@stroyka.example"),
        (
            {"To": "a@other.example", "X-Original-To": "sales@stroyka.example", "Delivered-To": BOX},
            "sales@stroyka.example",
        ),
        ({"To": "a@other.example", "Cc": "info@stroyka.example"}, BOX),
        ({"To": "undisclosed-recipients:;"}, BOX),
    ],
)
def test_it_is_to_the_address_of_ours_that_was_written_to(noted: dict[str, str], to: str) -> None:
    assert client(raw(**noted)).to == to


def test_a_tag_of_a_public_mailbox_is_ours_and_its_neighbours_are_not() -> None:
    mail = raw(To="other@gmail.com, shop+vk@gmail.com")
    assert client(mail, "shop@gmail.com").to == "shop+vk@gmail.com"


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("Tue, 1 Sep 2026 11:58:00 +0300", RECEIVED - timedelta(minutes=2)),
        ("Tue, 1 Sep 2015 11:58:00 +0300", RECEIVED),
        ("Tue, 1 Sep 2037 11:58:00 +0300", RECEIVED),
        ("вчера", RECEIVED),
        (None, RECEIVED),
    ],
)
def test_the_sender_s_clock_is_believed_within_reason(written: str | None, at: datetime) -> None:
    assert client(raw(Date=written)).at == at


def test_the_server_s_date_is_the_measure() -> None:
    said = parsed(raw(Date="Tue, 1 Sep 2015 11:58:00 +0300"), received="2026-08-30T10:00:00+00:00")
    assert getattr(said, "at", None) == datetime(2026, 8, 30, 10, 0, tzinfo=UTC)


def test_copies_of_one_mail_are_one_thing_and_a_forged_id_joins_nothing() -> None:
    first, copy = raw(), raw(Received="by a.example", Delivered_To="sales@stroyka.example")
    assert client(first).ref == client(copy).ref is not None
    assert client(raw("Другое")).ref != client(first).ref
    assert client(raw(From="anna@other.example")).ref != client(first).ref
    assert client(raw(Message_ID=None)).ref is None
    both = [client(first), client(copy)]
    assert adapter().fold(both) == both[1]


def test_the_thread_is_kept_for_the_answer() -> None:
    fields = client(raw(In_Reply_To="<0@stroyka.example>", References="<a@x> <0@stroyka.example>")).fields
    assert fields["message_id"] == "<1@client.example>"
    assert fields["in_reply_to"] == "<0@stroyka.example>"
    assert fields["references"] == "<a@x> <0@stroyka.example>"


# --- who it is from ---


def test_a_robot_is_not_the_sender_where_an_answer_goes_to_somebody_else() -> None:
    said = client(raw(From="Site <wordpress@stroyka.example>", Reply_To="Анна <anna@client.example>"))
    assert (said.name, said.emails) == ("Анна", ("anna@client.example",))


def test_a_person_is_the_sender_whoever_is_to_be_answered() -> None:
    assert client(raw(Reply_To="office@client.example")).emails == ("ivan@client.example",)


def test_an_answer_to_one_of_ours_names_nobody() -> None:
    assert client(raw(From="anna@stroyka.example", Reply_To=BOX)).emails == ("anna@stroyka.example",)


FORMS = {
    "tilda": """Request details:
Name: Анна Сидорова
Phone: +7 (912) 345-67-89
Email: anna@client.example
Comments: Нужен цемент
20 тонн

Additional information:
Transaction ID: 1234:567
Form Name: Заявка
https://stroyka.example/?utm_source=yandex
-----
""",
    "contact form 7": """От: Анна Сидорова <anna@client.example>
Тема: Цемент

Имя: Анна Сидорова
Телефон: +7 (912) 345-67-89
E-mail: anna@client.example
Сообщение:
Нужен цемент
20 тонн

--
Это сообщение отправлено с сайта Стройка (https://stroyka.example)
""",
    "two lines": """Новая заявка с сайта

Ваше имя:
Анна Сидорова

Телефон*:
+7 (912) 345-67-89

Email:
anna@client.example

Комментарий:
Нужен цемент
20 тонн
""",
    "dashes": """Имя - Анна Сидорова
Телефон (обязательно) - +7 (912) 345-67-89
E-mail - anna@client.example
Сообщение:
Нужен цемент
20 тонн
""",
    "labels alone": """Ваше имя
--------
Анна Сидорова

Телефон
--------
+7 (912) 345-67-89

E-mail
--------
anna@client.example

Сообщение
Нужен цемент
20 тонн
""",
    "bitrix": """Информационное сообщение сайта Стройка
------------------------------------------

Автор: Анна Сидорова
Имя: Анна
Фамилия: Сидорова
Телефон: +7 (912) 345-67-89
E-mail автора: anna@client.example
Email: anna@client.example
Текст сообщения:
Нужен цемент
20 тонн

Сообщение сгенерировано автоматически.
""",
}


@pytest.mark.parametrize("builder", FORMS)
@pytest.mark.parametrize("sender", ["noreply@tilda.example", "wordpress@stroyka.example", BOX])
def test_a_form_that_a_site_sends_is_from_the_client(builder: str, sender: str) -> None:
    said = client(
        raw(FORMS[builder], From=f"Стройка <{sender}>", Subject="Новая заявка", Auto_Submitted="auto-generated")
    )
    assert said.name == "Анна Сидорова"
    assert said.phones == ("+7 (912) 345-67-89",)
    assert said.emails == ("anna@client.example",)
    assert said.text.startswith("Нужен цемент\n20 тонн")
    assert said.fields["full_text"].strip() == FORMS[builder].strip()


def test_the_form_of_feedback_that_bitrix_ships_is_from_the_client() -> None:
    text = """Информационное сообщение сайта Стройка
------------------------------------------

Вам было отправлено сообщение через форму обратной связи

Автор: Анна Сидорова
E-mail автора: anna@client.example

Текст сообщения:
Нужен цемент

Сообщение сгенерировано автоматически.
"""
    said = client(raw(text, From=BOX, Subject="Стройка: Сообщение из формы обратной связи"))
    assert (said.name, said.emails) == ("Анна Сидорова", ("anna@client.example",))
    assert said.text.startswith("Нужен цемент")


def test_a_robot_that_says_whom_to_call_back_needs_no_more_than_the_telephone() -> None:
    text = "Услуга: Баня\nНомер телефона клиента: 8 912 345-67-89\n"
    assert client(raw(text, From="no-reply@callback.example", Subject="Новый звонок")).phones == ("8 912 345-67-89",)
    assert client(raw(text, From="anna@stroyka.example", Subject="Новый звонок")).phones == ()
    assert verdict(raw(text, From="no-reply@callback.example", Subject="Скидки")) == "no_reply"


@pytest.mark.parametrize(
    "rows",
    [
        "<tr><th>Имя</th></tr><tr><td>Анна</td></tr><tr><th>Телефон</th></tr><tr><td>8 912 345-67-89</td></tr>",
        "<tr><td><b>Имя</b></td></tr><tr><td>&nbsp;<td>Анна</tr><tr><td><b>Телефон</b></td></tr><tr><td><td>8 912 345-67-89</tr>",
    ],
)
def test_a_form_whose_labels_stand_above_is_from_the_client(rows: str) -> None:
    said = client(html(f"<table>{rows}</table>", From="wordpress@stroyka.example", Subject="Новая заявка"))
    assert (said.name, said.phones) == ("Анна", ("8 912 345-67-89",))


@pytest.mark.parametrize("sender", ["ivan@client.example", "boss@stroyka.example"])
def test_who_answers_a_form_is_not_whoever_filled_it_in(sender: str) -> None:
    text = f"Да, жду\n\nОт: Сайт <noreply@tilda.example>\nКому: Иван\nТема: Новая заявка\n\n{FORMS['two lines']}"
    said = client(raw(text, From=sender, Subject="Re: Новая заявка"))
    assert (said.emails, said.phones, said.text) == ((sender,), (), "Да, жду")


def test_a_form_in_a_table_is_from_the_client() -> None:
    page = """<h2>Заявка с сайта</h2><table><tr><td><b>Имя</b></td><td>Анна</td></tr><tr><td>Телефон</td><td>8 912 345-67-89</td>
      </tr><tr><td>Город</td><td>Саратов</td></tr><tr><td>Площадь</td><td>120</td></tr><tr><td>utm_source</td><td>vk</td></tr>
      <tr><td>Страница</td><td>https://stroyka.example/?utm_campaign=autumn</td></tr></table>"""
    said = client(html(page, From="robot@stroyka.example", Subject="Заявка", Precedence="bulk"))
    assert (said.name, said.phones, said.city) == ("Анна", ("8 912 345-67-89",), "Саратов")
    assert said.campaign == {"utm_source": "vk", "utm_campaign": "autumn"}
    assert said.page == "https://stroyka.example/?utm_campaign=autumn"
    assert said.fields["Площадь"] == "120"
    assert said.emails == ()


def test_a_signature_with_labels_is_no_form() -> None:
    text = "Добрый день, нужен цемент.\n\n--\nИван Петров\nТел: +7 912 345-67-89\nEmail: office@client.example\nГород: Москва"
    said = client(raw(text))
    assert (said.name, said.emails, said.phones) == ("Ivan", ("ivan@client.example",), ())
    assert said.text == "Добрый день, нужен цемент."


SIGNED = "С уважением,\nАнна Петрова\nТел.: +7 495 123-45-67\nE-mail: {}\n"


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("anna@stroyka.example", "Клиент", f"Просит перезвонить.\n\n{SIGNED}"),
        ("zakaz@client.example", "Цемент", f"Нужен цемент, перезвоните.\n\n{SIGNED}"),
        ("ivan@client.example", "Цемент", f"Нужен цемент, перезвоните.\n\n{SIGNED}"),
        ("ivan@client.example", "Перезвоните мне", f"Нужен цемент\n\n{SIGNED}"),
    ],
)
def test_who_signs_with_labels_has_filled_in_no_form(sender: str, subject: str, text: str) -> None:
    signed = text.format(f"petrova@{sender.partition('@')[2]}")
    said = client(raw(signed, From=f"Ivan <{sender}>", Subject=subject))
    assert (said.name, said.emails, said.phones) == ("Ivan", (sender,), ())


def test_who_asks_to_be_called_back_is_himself_with_his_telephone() -> None:
    text = "Прошу перезвонить.\nТелефон: +7 495 123-45-67\nГород: Саратов"
    said = client(raw(text, From="Ivan <ivan@gmail.com>"))
    assert (said.name, said.emails, said.phones) == ("Ivan", ("ivan@gmail.com",), ("+7 495 123-45-67",))
    named = client(raw(f"{text}\nИмя: Пётр Ким", From="Петр <petr@client.example>", Subject="Заявка на цемент"))
    assert (named.name, named.emails) == ("Пётр Ким", ("petr@client.example",))
    robot = client(raw(text, From="Calls <calls@widget.example>"))
    assert (robot.name, robot.emails, robot.phones) == (None, (), ("+7 495 123-45-67",))


CONTACTS = "Новинки на нашем сайте, закажите обратный звонок.\n\nТелефон: {}\nE-mail: {}\nГород: Москва"


@pytest.mark.parametrize(
    ("sender", "phone", "address", "why"),
    [
        ("news@supplier.example", "8 495 555-35-35", "info@supplier.example", "bulk"),
        ("noreply@news.supplier.example", "8 495 555-35-35", "info@supplier.example", "bulk"),
        ("noreply@bank.example", "8 800 555-35-35", "", "bulk"),
        ("noreply@host.example", "8 495 111-22-33", BOX, "bulk"),
    ],
)
def test_how_a_company_is_reached_that_writes_to_many_is_no_form(
    sender: str, phone: str, address: str, why: str
) -> None:
    text = CONTACTS.format(phone, address)
    assert verdict(raw(text, From=sender, Subject="Новинки", List_Unsubscribe="<https://a.example>")) == why


def test_a_form_that_a_service_sends_in_bulk_is_from_the_client() -> None:
    text = "Имя: Анна\nТелефон: 8 912 345-67-89\nE-mail: anna@client.example"
    for sender in ("hello@quiz.example", "noreply@quiz.example"):
        said = client(raw(text, From=sender, Subject="Новая заявка", List_Unsubscribe="<https://a.example>"))
        assert (said.name, said.emails) == ("Анна", ("anna@client.example",))
    yandex = client(
        raw("Телефон: 8 912 345-67-89\nПочта: anna@yandex.ru", From="noreply@forms.yandex.ru", Subject="Ответ")
    )
    assert yandex.emails == ("anna@yandex.ru",)


def test_a_form_beneath_what_looks_like_the_mark_of_a_signature_is_one() -> None:
    text = "Новая заявка с сайта\n--\nИмя: Анна\nТелефон: 8 912 345-67-89"
    assert client(raw(text, From=BOX, Subject="stroyka.example")).phones == ("8 912 345-67-89",)


def test_our_own_signature_that_a_client_quotes_is_not_his() -> None:
    quoted = SIGNED.format("anna@stroyka.example").replace("\n", "\n> ")
    text = f"Ждём счёт.\n\n01.09.2026, 10:00, Анна <anna@stroyka.example> пишет:\n> {quoted}"
    said = client(raw(text, From="order@client.example", Subject="Re: Счёт", In_Reply_To="<1@stroyka.example>"))
    assert (said.emails, said.phones, said.text) == (("order@client.example",), (), "Ждём счёт.")


def test_a_colleague_who_tries_the_form_of_our_site_fills_it_in() -> None:
    text = "Имя: Анна\nТелефон: 8 912 345-67-89\nE-mail: anna@stroyka.example"
    said = client(raw(text, From="wordpress@stroyka.example", Subject="Сайт"))
    assert (said.name, said.emails) == ("Анна", ("anna@stroyka.example",))


def test_the_form_in_a_programs_mail_that_a_colleague_forwards_is_from_the_client() -> None:
    head = "---------- Forwarded message ---------\nОт: Tilda <noreply@tilda.example>\nSubject: Заявка\nTo: <boss@stroyka.example>"
    filled = "Имя: Анна\nТелефон: 8 912 345-67-89\nEmail: anna@client.example\nСообщение: Нужен цемент"
    said = client(raw(f"Займись\n\n{head}\n\n{filled}", From="boss@stroyka.example", Subject="Fwd: Заявка"))
    assert (said.name, said.phones, said.emails) == ("Анна", ("8 912 345-67-89",), ("anna@client.example",))
    assert (said.text, said.subject) == ("Нужен цемент", "Заявка")
    assert said.fields["forwarded_by"] == "boss@stroyka.example"


@pytest.mark.parametrize(
    ("noted", "name"),
    [
        ({"Reply-To": "ivan@client.example"}, "Ivan Petrov"),
        ({"Reply-To": BOX, "X-Original-From": "Ivan <ivan@client.example>"}, "Ivan"),
        ({"Reply-To": BOX, "X-Original-Sender": "ivan@client.example"}, "Ivan Petrov"),
    ],
)
def test_who_writes_to_a_group_that_writes_from_anew_is_himself(noted: dict[str, str], name: str) -> None:
    said = client(raw(From=f"'Ivan Petrov' via Info <{BOX}>", List_ID="<info.stroyka.example>", **noted))
    assert (said.name, said.emails) == (name, ("ivan@client.example",))
    himself = client(raw(X_Original_From="eve@evil.example"))
    assert himself.emails == ("ivan@client.example",)


FORWARDS = {
    "gmail": "Посмотри\n\n---------- Forwarded message ---------\nОт: Анна Сидорова <anna@client.example>\nDate: пт, 6 мар. 2026\n"
    "Subject: Цемент\nTo: <boss@stroyka.example>\n\nНужен цемент\n",
    "mail.ru": "-------- Пересылаемое сообщение --------\nОт кого: Анна Сидорова <anna@client.example>\n"
    "Кому: boss@stroyka.example\nДата: Пятница, 6 марта 2026\nТема: Цемент\n\nНужен цемент",
    "yandex": '-------- Пересылаемое сообщение --------\n06.03.2026, 10:00, "Анна Сидорова" <anna@client.example>:\n\nНужен цемент',
    "yandex later": '-- Пересылаемое сообщение --\n10:00, 6 марта 2026 г., "Анна Сидорова" <anna@client.example>:\n\nНужен цемент',
    "outlook": "От: Анна Сидорова [mailto:anna@client.example]\nОтправлено: 6 марта 2026\nКому: boss\nТема: Цемент\n\nНужен цемент",
    "quoted": "> ----- Original Message -----\n> From: Анна Сидорова <anna@client.example>\n> Subject: Цемент\n>\n> Нужен цемент",
}


@pytest.mark.parametrize("program", FORWARDS)
def test_what_a_colleague_forwards_is_from_the_client(program: str) -> None:
    said = client(raw(FORWARDS[program], From="Boss <boss@stroyka.example>", Subject="Fwd: Цемент"))
    assert (said.name, said.emails) == ("Анна Сидорова", ("anna@client.example",))
    assert (said.text, said.subject) == ("Нужен цемент", "Цемент")
    assert said.fields["forwarded_by"] == "boss@stroyka.example"


def test_what_goes_through_several_colleagues_is_from_the_client() -> None:
    hands = "\n\n".join(
        f"---------- Forwarded message ---------\nОт: <{name}@stroyka.example>\nTo: <x@y.example>" for name in "ab"
    )
    said = client(raw(f"{hands}\n\n{FORWARDS['gmail']}", From="boss@stroyka.example", Subject="Fwd: Fwd: Цемент"))
    assert (said.name, said.emails, said.text) == ("Анна Сидорова", ("anna@client.example",), "Нужен цемент")
    answered = (
        "От: <a@stroyka.example>\nОтправлено: сегодня\nКому: Анна\nТема: RE: Цемент\n\nЦена 100\n\n"
        + FORWARDS["outlook"]
    )
    said = client(raw(answered, From="boss@stroyka.example", Subject="FW: Цемент"))
    assert (said.emails, said.text) == (("anna@client.example",), "Нужен цемент")
    filled = f"От: Сайт <wordpress@stroyka.example>\nТема: Заявка\n\n{FORMS['two lines']}\nОтправитель: <x@y.example>"
    assert client(raw(filled, From="boss@stroyka.example", Subject="Fwd: Заявка")).phones


@pytest.mark.parametrize("sender", ["anna@stroyka.example", "noreply@stroyka.example"])
def test_an_answer_to_a_client_with_a_copy_to_us_is_not_his_mail_again(sender: str) -> None:
    quoted = "-----Original Message-----\nFrom: Ivan <ivan@client.example>\nSubject: Цемент\n\nСколько стоит цемент?"
    mail = {"From": sender, "To": "Ivan <IVAN@client.example>", "Cc": BOX, "Subject": "RE: Цемент"}
    said = parsed(raw(f"Цена 100\n\n{quoted}", **mail))
    inbound = said.inbound if isinstance(said, Ignored) else said
    assert isinstance(inbound, Inbound)
    assert (inbound.emails, inbound.text) == ((sender,), "Цена 100")
    passed_on = client(raw(quoted, **{**mail, "Subject": "FW: Цемент"}))
    assert (passed_on.emails, passed_on.text) == (("ivan@client.example",), "Сколько стоит цемент?")


def test_a_line_of_a_forwarded_text_is_not_taken_for_its_sender() -> None:
    said = client(
        raw(FORWARDS["yandex"] + "\nОт: Саратов\nДо: Москва", From="boss@stroyka.example", Subject="Fwd: Цемент")
    )
    assert (said.emails, said.text) == (("anna@client.example",), "Нужен цемент\nОт: Саратов\nДо: Москва")


def test_what_a_colleague_forwards_as_a_file_is_from_the_client() -> None:
    inner = raw("Нужен цемент", From="anna@client.example", Subject="Cement")
    mail = several(
        part("см."), b"Content-Type: message/rfc822\r\n\r\n" + inner, From="boss@stroyka.example", Subject="FW: Cement"
    )
    said = client(mail)
    assert (said.emails, said.text, said.subject) == (("anna@client.example",), "Нужен цемент", "Cement")


def test_what_a_client_forwards_is_from_him() -> None:
    said = client(raw(FORWARDS["gmail"], Subject="Fwd: Цемент"))
    assert said.emails == ("ivan@client.example",)


def test_a_mail_without_a_sender_is_still_an_approach() -> None:
    said = client(raw(From=None, Message_ID=None, Subject=None))
    assert (said.emails, said.name, said.text) == ((), None, "Нужен цемент")


def test_a_mail_of_nothing_is_an_approach_that_says_nothing() -> None:
    assert client(b"").text == ""


@pytest.mark.parametrize(
    "name", ["INBOX", "Заявки", "A & B", "台北", 'with "quotes"', "a/b\\c", "&", "Входящие|Сайт 1"]
)
def test_names_of_folders_come_back_from_their_spelling(name: str) -> None:
    written = folders.encoded(name)
    assert written.isascii()
    assert folders.decoded(written[1:-1].replace('\\"', '"').replace("\\\\", "\\")) == name


def test_the_example_of_the_standard_is_spelt_so() -> None:
    assert folders.encoded("~peter/mail/台北/日本語") == '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'
    assert folders.decoded("&broken") == "&broken"


def test_a_mail_of_which_only_the_beginning_was_taken_says_so() -> None:
    said = parsed(several(part("Текст"), part(b"x" * 9_000, Content_Type="a/b; name=a.zip"))[:2_000], cut="9999999")
    assert not isinstance(said, Ignored)
    assert [(one.name, one.dropped) for one in getattr(said, "attachments", ())] == [("a.zip", "too_large")]


def test_a_report_that_has_a_name_is_a_file_too() -> None:
    fields = "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\n"
    named = part(fields, Content_Type="message/delivery-status", Content_Description="Delivery report")
    (file,) = opened(several(part("It failed"), named)).attachments
    assert (file.name, file.media_type) == ("Delivery report.txt", "text/plain")
    assert b"Action: failed" in (file.content or b"")
    unnamed = part(fields, Content_Type="message/delivery-status")
    assert opened(several(part("It failed"), unnamed)).attachments == ()
