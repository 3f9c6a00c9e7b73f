"""What a whole file means: types, defaults, sections by need, the shipped file, and secrets that stay secret."""

import re
import subprocess
import sys
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from channels import adapter
from ingest.config.load import load
from ingest.config.notices import NoticeEmail
from ingest.config.schema import Config
from ingest.config.section import Section
from ingest.config.servers import Account
from ingest.rules.routing_tests import failed_routing_tests
from tests.ingest.configured import SMALL, configured, faults, loaded

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config.yaml"
DOCUMENTATION = ROOT / "docs/configuration.md"


def test_the_shipped_file_works_with_nothing_set() -> None:
    found = load(SHIPPED, {})
    assert found.faults == ()
    config = found.config
    assert config is not None
    assert config.channels["site"].kind == "webform"
    assert config.channels["site"].source == "Сайт"
    assert config.teams["sales"].managers == ("anna", "boris")
    assert (config.language, config.region, config.timezone) == ("ru", "RU", "Europe/Moscow")
    assert config.storage.url.get_secret_value() == f"sqlite:///{ROOT / 'var/priyom.db'}"
    assert config.api.token is None
    assert config.mail_route() is None
    assert config.http.address() == "http://127.0.0.1:8080"


def test_the_shipped_file_takes_the_environment() -> None:
    environ = {"PRIYOM_API_TOKEN": "t", "PRIYOM_STORAGE_URL": "postgresql://u:p@db/priyom"}
    found = load(SHIPPED, environ)
    assert found.faults == ()
    assert found.config is not None
    assert found.config.api.token is not None
    assert found.config.api.token.get_secret_value() == "t"
    assert found.config.storage.url.get_secret_value() == "postgresql://u:p@db/priyom"


def test_every_example_in_the_shipped_file_works_when_it_is_uncommented(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    example = re.compile(r"^( *)# ( *(?:[a-z_]+: |[a-z]+:$|- \{).*)$", re.MULTILINE)
    text = text[text.index("# ---- The company") :]
    uncommented = "\n".join(_uncommented(line, example) for line in text.splitlines())
    uncommented = uncommented.replace("${file:/run/secrets/info}", "${INFO}")
    config = configured(tmp_path, uncommented, {"INFO": "p", "TG_TOKEN": "1:a", "VK_TOKEN": "v"})
    assert config.http.public_url == "https://leads.example.com"
    assert config.channels["landing"].source == "Яндекс Директ"
    assert config.managers["boris"].timezone == "Asia/Yekaterinburg"
    assert config.calendars.keys() == {"office", "night"}
    assert len(config.routing) == 3
    assert len(config.routing_tests) == 1
    assert failed_routing_tests(config) == []
    assert config.calendars["office"].holidays == "RU"
    assert len(config.calendars["office"].except_) == 3
    assert config.notices.quiet == "21:00-08:00"
    assert config.matching.shared.emails == ("info@*", "office@*")
    assert config.topics["Доставка"] == ("достав*",)
    assert config.directors["irina"].name == "Ирина Орлова"
    assert config.mail_route() is not None


def _uncommented(line: str, example: re.Pattern[str]) -> str:
    """A line of the shipped file without its #, if it is an example of what is built and not there already."""
    if re.search(r"kind: (?!webform|telegram|vk)|Later: wake-ups|# url: postgresql", line):
        return ""
    return example.sub(r"\1\2", line)


def test_the_words_of_the_contract_are_all_known_to_the_schema() -> None:
    known = set(Config.model_fields)
    assert known >= {
        *(
            "language",
            "region",
            "timezone",
            "http",
            "api",
            "storage",
            "redis",
            "accounts",
            "calendars",
            "hours",
            "channels",
        ),
        *("own", "test", "matching", "title", "topics", "reasons", "directors", "managers", "teams", "routing"),
        *("routing_tests", "notices", "retention"),
    }


def test_every_example_in_the_documentation_works(tmp_path: Path) -> None:
    examples = "".join(re.findall(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL))
    config = configured(
        tmp_path,
        examples.replace("${file:/run/secrets/info}", "${INFO}"),
        {"INFO": "p", "TG_TOKEN": "1:a", "VK_TOKEN": "v"},
    )
    assert config.mail_route() is not None
    assert failed_routing_tests(config) == []
    assert config.telegram_channel() == "bot"


def test_every_key_is_in_the_documentation() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    models: list[type[BaseModel]] = [
        Config,
        adapter.ChannelConfig,
        *Section.__subclasses__(),
        Account,
        NoticeEmail,
    ]
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert [key for key in sorted(keys) if not re.search(rf"[`.]{key}[`.\[]", text)] == []


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    config = configured(tmp_path, SMALL)
    assert (config.language, config.region, config.timezone) == ("ru", "RU", "Europe/Moscow")
    assert (config.http.host, config.http.port, config.http.max_body) == ("127.0.0.1", 8080, 10 * 1024 * 1024)
    assert config.matching.enquiry.reopen_within == timedelta(days=14)
    assert config.matching.enquiry.new_after == timedelta(days=30)
    assert config.teams["sales"].sticky is not None
    assert config.teams["sales"].sticky.wait == timedelta(minutes=10)
    assert config.teams["sales"].respond_within is None
    assert config.managers["anna"].capacity is None
    assert config.title == "{city} – {name} – {topic}"
    assert config.hours is None
    assert config.notices.order == ()
    assert config.base == tmp_path


def test_norway_is_a_region_and_a_number_that_begins_with_zero_is_a_name(tmp_path: Path) -> None:
    config = configured(tmp_path, SMALL.replace("name: Борис", "name: 0101") + "region: NO")
    assert config.region == "NO"
    assert config.managers["boris"].name == "0101"


def test_values_are_typed(tmp_path: Path) -> None:
    text = SMALL + (
        "http: {port: '0', trusted_proxies: [127.0.0.1, 10.1.2.3/8, '::1'], max_body: 512kb, public_url: https://x.ru/a/}\n"
        "accounts: {info: {smtp: {host: h, tls: starttls}, imap: {host: h}}}\n"
    )
    config = configured(tmp_path, text)
    assert config.http.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert config.http.max_body == 512 * 1024
    assert config.http.address(4711) == "https://x.ru/a"
    assert config.accounts["info"].imap is not None
    assert config.accounts["info"].imap.port == 993
    assert config.accounts["info"].smtp is not None
    assert (config.accounts["info"].smtp.tls, config.accounts["info"].smtp.port) == ("starttls", 587)


@pytest.mark.parametrize(("tls", "port"), [("true", 465), ("starttls", 587), ("false", 25)])
def test_the_port_of_a_mail_server_follows_from_its_tls(tls: str, port: int, tmp_path: Path) -> None:
    text = SMALL + f"notices: {{email: {{smtp: {{host: localhost, tls: {tls}}}, from: a@example.com}}}}"
    route = configured(tmp_path, text).mail_route()
    assert route is not None
    assert (route.smtp.port, route.user, route.sender) == (port, None, "a@example.com")


def test_an_ipv6_address_has_its_brackets_in_links(tmp_path: Path) -> None:
    assert configured(tmp_path, SMALL + "http: {host: '::1', port: 0}").http.address(99) == "http://[::1]:99"


@pytest.mark.parametrize("off", ["false", "no", "off"])
def test_sticky_can_be_turned_off(off: str, tmp_path: Path) -> None:
    assert configured(tmp_path, SMALL.replace("boris]", f"boris], sticky: {off}")).teams["sales"].sticky is None


def test_one_text_is_a_list_of_one(tmp_path: Path) -> None:
    text = SMALL.replace("[anna, boris]", "anna") + "routing: [{when: {source: Сайт}, team: sales}, {team: sales}]"
    config = configured(tmp_path, text)
    assert config.teams["sales"].managers == ("anna",)
    assert config.routing[0].when == {"source": ("Сайт",)}


def test_notices_leave_by_the_account_that_they_name(tmp_path: Path) -> None:
    text = SMALL + (
        "accounts: {info: {smtp: {host: h}, user: info@example.com, password: '${P}'}}\n"
        "notices: {email: {account: info}}\n"
    )
    route = configured(tmp_path, text, {"P": "p"}).mail_route()
    assert route is not None
    assert route.password is not None
    assert (route.user, route.password.get_secret_value(), route.sender) == (
        "info@example.com",
        "p",
        "info@example.com",
    )


def test_credentials_that_are_empty_are_none(tmp_path: Path) -> None:
    email = "{smtp: {host: h}, user: '${U:-}', password: '${P:-}', from: Leads <a@example.com>}"
    route = configured(tmp_path, SMALL + f"notices: {{email: {email}}}").mail_route()
    assert route is not None
    assert (route.user, route.password, route.sender) == (None, None, "Leads <a@example.com>")


def test_a_relative_database_file_starts_at_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/config.yaml").write_text(SMALL + "storage: {url: sqlite:///../var/x.db}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    config = load(Path("etc/config.yaml"), {}).config
    assert config is not None
    assert config.storage.url.get_secret_value() == f"sqlite:///{tmp_path}/var/x.db"


def test_an_absolute_database_file_stays_where_it_is(tmp_path: Path) -> None:
    config = configured(tmp_path, SMALL + "storage: {url: sqlite:////srv/x.db}")
    assert config.storage.url.get_secret_value() == "sqlite:////srv/x.db"


@pytest.mark.parametrize(
    ("storage", "folder"),
    [
        ("{}", "etc/var/files"),
        ("{url: sqlite:///../data/x.db}", "data/files"),
        ("{url: postgresql://u@h/d}", "etc/var/files"),
        ("{url: postgresql://u@h/d, files: kept}", "etc/kept"),
        ("{url: sqlite:///x.db, files: /srv/kept}", "/srv/kept"),
    ],
)
def test_files_lie_where_they_are_told_to_else_beside_the_store(tmp_path: Path, storage: str, folder: str) -> None:
    (tmp_path / "etc").mkdir()
    config = configured(tmp_path / "etc", SMALL + f"storage: {storage}")
    assert config.files == tmp_path / folder


def test_no_key_of_the_file_is_taken_for_its_folder(tmp_path: Path) -> None:
    assert faults(tmp_path, SMALL + "base: /etc")[0].startswith("4: base: unknown key")


def test_a_verb_that_needs_the_store_does_not_need_the_secrets_of_channels(tmp_path: Path) -> None:
    text = SMALL + "http: {port: 81}\nteams: {x: {managers: ['${NOT}', nobody]}}\napi: {token: '${NOT:-}'}\nwhat: 1"
    found = loaded(tmp_path, text, only={"http", "api", "storage"})
    assert found.faults == ()
    assert found.config is not None
    assert found.config.http.port == 81
    assert found.config.channels == {}
    assert found.config.storage.url.get_secret_value() == f"sqlite:///{tmp_path}/var/priyom.db"


def test_a_fault_in_a_section_that_is_needed_is_found(tmp_path: Path) -> None:
    found = loaded(tmp_path, SMALL + "http: {port: 81, port: 82}\napi: {token: '${NOT}'}", only={"http", "api"})
    assert [fault.key for fault in found.faults] == ["http.port", "api.token"]


SECRET = "hunter2hunter2"
SECRETS = {
    "api": "api: {token: 'VALUE'}",
    "password": "accounts: {info: {smtp: {host: h}, user: u, password: 'VALUE'}}",
    "storage": "storage: {url: 'postgresql://u:VALUE@h/d'}",
    "notices": "notices: {email: {smtp: {host: h}, user: u, password: 'VALUE', from: a@example.com}}",
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_literal_secret_is_a_warning(name: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, SMALL + SECRETS[name].replace("VALUE", SECRET))
    assert found.config is not None
    assert [(fault.line, fault.level, fault.problem) for fault in found.faults] == [
        (4, "warning", "a secret is written into the file")
    ]
    assert SECRET not in str(found)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_from_the_environment_is_none_and_is_never_shown(name: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, SMALL + SECRETS[name].replace("VALUE", "${SECRET}"), {"SECRET": SECRET})
    assert found.faults == ()
    assert found.config is not None
    assert SECRET not in repr(found)
    assert SECRET not in str(found.config.model_dump())


def test_a_default_that_is_a_secret_is_a_warning(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, SMALL + f"api: {{token: '${{TOKEN:-{SECRET}}}'}}")
    assert found.startswith("4: api.token: warning: a secret is written into the file")
    assert SECRET not in found


# Places where a secret lands by mistake: each is a fault, none shows it.
MISPLACED = [
    "http: {port: 'VALUE'}",
    "http: {host: 'x://VALUE', max_body: 'VALUE', public_url: 'VALUE', trusted_proxies: ['VALUE']}",
    "language: 'VALUE'\nregion: 'VALUE'\ntimezone: 'VALUE'",
    "api: {token: {value: 'VALUE'}}",
    "storage: {url: 'mysql://u:VALUE@h/d'}",
    "storage: {url: 'postgres://u:VALUE@h:port/d'}",
    "accounts: {info: {smtp: {host: h, tls: 'VALUE', port: 'VALUE'}, password: 'VALUE'}}",
    "calendars: {office: {hours: 'Mon VALUE'}}\nhours: 'VALUE'",
    "title: '{VALUE}'",
    "topics: {a: ['*VALUE*VALUE']}",
    "matching: {shared: {emails: ['VALUE'], phones: ['VALUE']}, enquiry: {new_after: 'VALUE'}}",
    "teams: {sales: {managers: ['VALUE'], strategy: 'VALUE', sticky: 'VALUE', respond_within: 'VALUE'}}",
    "managers: {anna: {name: A, email: 'VALUE', capacity: 'VALUE', hours: 'VALUE', timezone: 'VALUE'}}",
    "channels: {site: {kind: 'VALUE', team: 'VALUE', token: 'VALUE'}}",
    "channels: {site: {kind: webform, origins: ['VALUE'], consent: {url: 'VALUE', required: 'VALUE'}}}",
    "routing: [{when: {known: 'VALUE', keyword: '*VALUE*x', hours: 'VALUE', channel: 'VALUE'}, team: 'VALUE'}]",
    "notices: {order: ['VALUE'], email: {account: 'VALUE', from: 'VALUE'}}",
]


@pytest.mark.parametrize("text", MISPLACED)
def test_a_value_from_outside_is_in_no_fault(text: str, tmp_path: Path) -> None:
    section = text.partition(":")[0]
    rest = "".join(line for line in SMALL.splitlines(keepends=True) if not line.startswith(section))
    found = loaded(tmp_path, rest + text.replace("VALUE", "${SECRET}"), {"SECRET": SECRET})
    assert found.config is None
    assert SECRET not in "\n".join(str(fault) for fault in found.faults)


def test_a_literal_secret_in_a_wrong_value_is_not_repeated(tmp_path: Path) -> None:
    text = SMALL + (
        f"storage: {{url: 'mysql://u:{SECRET}@h/d'}}\n"
        f"redis: {{url: 'redis://:{SECRET}@h'}}\n"
        f"channel: {{token: {SECRET}}}\n"
        f"http: {{public_url: 'https://u:{SECRET}@x', host: '${{HOST:-x://u:{SECRET}@h}}'}}\n"
        f"api: {{token: '${{A-B:-{SECRET}}}'}}\n"
    )
    found = faults(tmp_path, text)
    assert len(found) >= 6
    assert SECRET not in "\n".join(found)


def test_a_secret_default_that_was_not_needed_is_not_repeated(tmp_path: Path) -> None:
    text = SMALL + f'storage: {{url: "${{URL:-postgresql://u:{SECRET}@h/d}}"}}'
    (found,) = faults(tmp_path, text, {"URL": "nonsense"})
    assert found.startswith("4: storage.url: the value is not a database address")
    assert SECRET not in found


def test_a_channel_of_a_known_kind_is_an_instance_of_that_kinds_config(tmp_path: Path) -> None:
    text = SMALL.replace("webform}", "webform, source: Сайт, team: sales, origins: ['https://example.com']}")
    channel = configured(tmp_path, text).channels["site"]
    assert isinstance(channel, adapter.load("webform").Config)
    assert (channel.source, channel.team) == ("Сайт", "sales")


def test_the_configuration_does_not_change(tmp_path: Path) -> None:
    config = configured(tmp_path, SMALL)
    with pytest.raises(ValueError, match="frozen"):
        config.http.port = 1


def test_the_shipped_file_is_plain_yaml_for_other_programs_too() -> None:
    assert yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["teams"]["sales"]["managers"] == ["anna", "boris"]


def test_reading_a_configuration_imports_no_messenger_server_or_database() -> None:
    code = "import ingest.config.load, ingest.config.policy, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"aiogram", "vk_api", "aiohttp", "sqlalchemy", "aiosmtplib", "arq", "asyncio"} & set(done.stdout.split())
