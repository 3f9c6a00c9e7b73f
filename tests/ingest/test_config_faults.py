"""Every kind of fault: with its line, the key, what is wrong and what to do."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels import adapter
from ingest.config.load import load
from tests.ingest.configured import SMALL, faults, loaded

KINDS = ", ".join(sorted({*adapter.kinds(), "mail", "telegram", "telephony", "vk"}))
SERVER = "write true (TLS from the first byte), starttls or false"
WEB = "write https://leads.example.com, with a path where the proxy adds one"
HOURS = 'write "Mon-Fri 09:00-13:00 14:00-18:00; Sat 10:00-15:00", "09:00-18:00" for every day, or "always"'
PLACEHOLDERS = "there are {city}, {name}, {company}, {topic}, {source}, {channel}"
MAPPING = "is not a mapping; write `key: value`, one a line, or {key: value}"

# One line added to a file that is whole (it becomes line 4), and its one fault.
ADDED = {
    "langauge: ru": "langauge: unknown key; did you mean language?",
    "qqq: 1": "qqq: unknown key; the keys here are language, region, timezone, http, api, storage, redis, accounts, "
    "calendars, hours, channels, own, test, matching, title, topics, reasons, directors, managers, teams, routing, "
    "routing_tests, notices, retention",
    "language: fr": "language: 'fr' is not known here; write ru or en",
    "language: [ru]": "language: is not a single value; write one text",
    "region: Россия": "region: 'Россия' is no region; write the two letters of ISO 3166, such as RU, KZ or BY",
    "timezone: Europe/Moskow": "timezone: 'Europe/Moskow' is no time zone; did you mean Europe/Moscow?",
    "timezone: ../etc/passwd": "timezone: '../etc/passwd' is no time zone; "
    "write a name such as Europe/Moscow or Asia/Yekaterinburg",
    "timezone: Europe": "timezone: 'Europe' is no time zone; ",
    "http: 8080": f"http: '8080' {MAPPING}",
    "http: [8080]": f"http: {MAPPING}",
    "http: {prot: 1}": "http.prot: unknown key; did you mean port?",
    "http: {host: 'http://x'}": "http.host: 'http://x' is not a host; "
    "write a name or an address alone, without scheme, port or path",
    "http: {port: http}": "http.port: 'http' is not a port; write a number from 1 to 65535, or 0 for any free one",
    "http: {port: 65536}": "http.port: '65536' is not a port; write a number from 1 to 65535, or 0 for any free one",
    "http: {port: ٨٠}": "http.port: '٨٠' is not a port; write a number from 1 to 65535, or 0 for any free one",
    "http: {port: [1]}": "http.port: is not a single value; write one text",
    "http: {public_url: leads.example.com}": "http.public_url: 'leads.example.com' "
    f"is not an address of the web; {WEB}",
    "http: {public_url: 'https://x:y'}": f"http.public_url: 'https://x:y' is not an address of the web; {WEB}",
    "http: {public_url: 'https://x/?a=1'}": "http.public_url: 'https://x/?a=1' "
    f"has more than scheme, host, port and path; {WEB}",
    "http: {trusted_proxies: [proxy]}": "http.trusted_proxies[0]: 'proxy' is not an address or a network; "
    "write 127.0.0.1 or 10.0.0.0/8",
    "http: {max_body: 10 megabytes}": "http.max_body: '10 megabytes' is not a size; write 512KB, 10MB or 1GB",
    "http: {max_body: 2GB}": "http.max_body: '2GB' is out of range; write between 1KB and 1GB",
    "http: {host: 0.0.0.0}": "http.host: warning: listens beyond this machine, and http.public_url is missing: "
    "links in notices will lead nowhere; add public_url: https://leads.example.com",
    "storage: {url: /srv/priyom.db}": "storage.url: '/srv/priyom.db' is not a database address; "
    "write sqlite:///var/priyom.db or postgresql://user:password@host/name",
    "storage: {url: 'postgresql://h:x/d'}": "storage.url: 'postgresql://h:x/d' is not a database address; "
    "write sqlite:///var/priyom.db or postgresql://user:password@host/name",
    "storage: {url: 'sqlite://'}": "storage.url: 'sqlite://' names no file for SQLite; "
    "write sqlite:///var/priyom.db, or sqlite:////srv/priyom.db",
    "redis: {url: 'redis://h'}": "redis.url: warning: brings nothing on SQLite, where one process does everything; "
    "leave it out, or set storage.url to a postgresql:// one",
    "accounts: {info: }": "accounts.info: has neither imap nor smtp; add the server that it is for",
    "accounts: {info: {smtp: {host: h, tls: ssl}}}": "accounts.info.smtp.tls: 'ssl' "
    f"is neither true nor false; {SERVER}",
    "accounts: {info: {smtp: {host: h, port: 0}}}": "accounts.info.smtp.port: '0' is not a port; "
    "write a number from 1 to 65535",
    "accounts: {info: {smtp: {}}}": "accounts.info.smtp.host: is missing; add it",
    "accounts: {info: {imap: {host: h, tls: starttls}}}": "accounts.info.imap.tls: 'starttls' is for SMTP only; "
    "write true (TLS from the first byte) or false",
    "accounts: {info: {smtp: {host: h}, user: u}}": "accounts.info: has a user and no password; "
    "give both, or neither (an empty ${…} counts as left out)",
    "accounts: {a/b: {smtp: {host: h}}}": "accounts.a/b: 'a/b' is no name; "
    "use up to 64 letters, digits, spaces and . _ - @",
    "accounts: {info: {smtp: {host: mail.example.com, tls: no}}}": "accounts.info.smtp.tls: warning: "
    "passwords and mail cross the network in the clear; write true or starttls",
    "calendars: {office: }": "calendars.office.hours: is missing; add it",
    "calendars: {office: {hours: Mon 9-18}}": "calendars.office.hours: 'Mon 9-18': "
    f"'9-18' is no range of times; {HOURS}",
    "calendars: {office: {hours: 24/7, holidays: XX}}": "calendars.office.holidays: "
    "no holidays are known of 'XX'; write the two letters of ISO 3166, such as RU, KZ or BY",
    "calendars: {office: {hours: 24/7, holidays: RU-MOW}}": "calendars.office.holidays: "
    "'MOW' is no part of RU that the holidays differ in; write RU",
    "calendars: {office: {hours: 24/7, except: [2026-12-31 closed, x]}}": "calendars.office.except[1]: "
    """'x': 'x' is no date; write "2026-12-30 09:00-15:00\"""",
    "calendars: {office: {hours: 24/7, except: [2026-12-31 closed, 2026-12-31 10:00-12:00]}}": "calendars.office.except: "
    "2026-12-31 has two exceptions; write one, with all its hours",
    "hours: sometimes": f"hours: 'sometimes': 'sometimes' is neither a day nor a time; {HOURS}",
    "own: {domains: [example]}": "own.domains[0]: 'example' is no domain; write example.com",
    "own: {domains: ['@GMail.com']}": "own.domains[0]: '@GMail.com' is where anybody has a mailbox; "
    "remove it: nobody who writes from there would be a client",
    "own: {phones: [office]}": "own.phones[0]: 'office' is no telephone number; write it as +74951234567",
    "test: {phones: [mine]}": "test.phones[0]: 'mine' is no telephone number; write it as +74951234567",
    "test: {emails: [qa]}": "test.emails[0]: 'qa' is not an e-mail address; write name@example.com",
    "retention: {bodies: 6d}": "retention.bodies: '6d' is too short; "
    "write at least 7d: what comes late belongs to what came before; or never",
    "retention: {bodies: often}": "retention.bodies: 'often' is not a duration; write 30s, 5m, 2h or 3d",
    "retention: {body: 365d}": "retention.body: unknown key; did you mean bodies?",
    "routing_tests: {a: b}": "routing_tests: is not a list; write [one, two]",
    "routing_tests: [{expect: {team: sales}}]": "routing_tests[0].given: is missing; add it",
    "routing_tests: [{given: {text: x}, expect: {team: sales}}]": "routing_tests[0].given.channel: is missing; add it",
    "routing_tests: [{given: {channel: site, txet: x}, expect: {team: sales}}]": "routing_tests[0].given.txet: "
    "unknown key; did you mean text?",
    "routing_tests: [{given: {channel: site, at: noon}, expect: {team: sales}}]": "routing_tests[0].given.at: "
    "'noon' is no moment; write \"2026-11-28 23:10\", in the company's zone",
    "routing_tests: [{given: {channel: seit}, expect: {team: sales}}]": "routing_tests[0].given.channel: "
    "'seit' is no channel; did you mean site?",
    "routing_tests: [{given: {channel: site, owner: ana}, expect: {team: sales}}]": "routing_tests[0].given.owner: "
    "'ana' is no manager; did you mean anna?",
    "routing_tests: [{given: {channel: site}, expect: {}}]": "routing_tests[0].expect: "
    "expects nothing; write {team: NAME}",
    "routing_tests: [{given: {channel: site}, expect: {team: slaes}}]": "routing_tests[0].expect.team: "
    "'slaes' is no team; did you mean sales?",
    "routing_tests: [{given: {channel: site}, expect: {owner: bors}}]": "routing_tests[0].expect.owner: "
    "'bors' is no manager; did you mean boris?",
    "routing_tests: [{given: {channel: site}, expect: {state: lost}}]": "routing_tests[0].expect.state: "
    "'lost' is not known here; there is assigned, unprocessed",
    "routing_tests: [{given: {channel: site}, expect: {reason: night}}]": "routing_tests[0].expect.reason: "
    "'night' is not known here; write outside_hours",
    "routing_tests: [{given: {channel: site}, expect: {rule: 0}}]": "routing_tests[0].expect.rule: "
    "'0' is not a number of at least 1",
    "matching: {shared: {emails: [info]}}": "matching.shared.emails[0]: 'info' is not a pattern of addresses; "
    "write info@*, *@example.com or a whole address",
    "matching: {shared: {phones: [office]}}": "matching.shared.phones[0]: 'office' is no telephone number; "
    "write it as +74951234567",
    "matching: {shared: {over: 0}}": "matching.shared.over: '0' is not a number of at least 1; ",
    "matching: {enquiry: {new_after: a month}}": "matching.enquiry.new_after: 'a month' is not a duration; "
    "write 30s, 5m, 2h or 3d",
    "matching: {enquiry: {new_after: 0d}}": "matching.enquiry.new_after: '0d' is no time at all; write at least 1s",
    "matching: {enquiry: {new_after: 9999d}}": "matching.enquiry.new_after: '9999d' "
    "is longer than ten years; write less",
    "title: '{nmae}'": f"title: no placeholder {{nmae}}; {PLACEHOLDERS}",
    "topics: {A: [x, '*']}": "topics.A[1]: '*' is not a word to look for; write цемент, достав* or *бетон",
    "topics: {A: {b: c}}": "topics.A: is not a list; write [one, two]",
    "reasons: {lost: [дорого, дорого]}": "reasons.lost: 'дорого' is there twice; keep one",
    "reasons: {disqualifed: [спам]}": "reasons.disqualifed: 'disqualifed' is not known here; did you mean disqualified?",
    "reasons: {won: [цена]}": "reasons.won: 'won' is not known here; there is converted, declined, disqualified, lost",
    "directors: {anna: {name: Анна}}": "directors.anna: is the name of a manager too; give one of them another name",
    "directors: {irina: {name: И, telegram: '@irina'}}": "directors.irina.telegram: '@irina' is no Telegram id; "
    "write the number of the account, or leave it out and run: priyom managers invite NAME",
    "routing: []": "routing: is empty; write [{team: NAME}], or leave it out where there is one team",
    "routing: [{when: {city: Саратов}, team: sales}]": "routing[0]: the last line has a `when`; "
    "add a line with a team alone, for all the rest",
    "routing: [{team: sales}, {team: sales}]": "routing[0]: a line without `when` takes everything; "
    "move it to the end, or give it a `when`",
    "routing: [{team: slaes}]": "routing[0].team: 'slaes' is no team; did you mean sales?",
    "routing: [{}]": "routing[0].team: is missing; add it",
    "routing: [{when: {}, team: sales}, {team: sales}]": "routing[0].when: is empty; "
    "name at least one, or leave the key out",
    "routing: [{when: {sorce: x}, team: sales}, {team: sales}]": "routing[0].when.sorce: unknown condition; "
    "did you mean source?",
    "routing: [{when: {language: русский}, team: sales}, {team: sales}]": "routing[0].when.language: "
    "'русский' is no language; write ru, en, or two letters that a channel says",
    "routing: [{when: {region: [RU, ZZ]}, team: sales}, {team: sales}]": "routing[0].when.region[1]: "
    "'ZZ' is no country; write two letters of ISO 3166, such as RU, KZ or BY",
    "routing: [{when: {known: perhaps}, team: sales}, {team: sales}]": "routing[0].when.known: "
    "'perhaps' is neither true nor false; write true or false",
    "routing: [{when: {keyword: [a*b]}, team: sales}, {team: sales}]": "routing[0].when.keyword[0]: "
    "'a*b' is not a word to look for; write цемент, достав* or *бетон",
    "routing: [{when: {hours: noon}, team: sales}, {team: sales}]": "routing[0].when.hours: "
    f"'noon': 'noon' is neither a day nor a time; {HOURS}",
    "routing: [{when: {channel: [seit]}, team: sales}, {team: sales}]": "routing[0].when.channel[0]: "
    "'seit' is no channel; did you mean site?",
    "notices: {order: [email]}": "notices.order[0]: notices go by email, and notices.email is missing; "
    "add it, or take email out",
    "notices: {order: [telegram]}": "notices.order[0]: notices go by telegram, and notices.telegram is missing; "
    "add it, or take it out",
    "notices: {order: [emial]}": "notices.order[0]: 'emial' is not known here; did you mean email?",
    "notices: {quiet: at night}": f"notices.quiet: 'at night': 'at' is neither a day nor a time; {HOURS}",
    "notices: {quiet: 24/7}": "notices.quiet: '24/7' is all the time; write \"21:00-08:00\", or leave it out",
    "notices: {telegram: {channel: bot}}": "notices.telegram.channel: 'bot' is no channel; there is site",
    "notices: {telegram: {channel: site}}": "notices.telegram.channel: 'site' is no bot; "
    "name a channel of the kind telegram",
    "notices: {telegram: {}}": "notices.telegram: needs either a channel or a token; "
    "write channel: NAME, or token: ${TG_TOKEN}",
    "notices: {email: {from: a@example.com}}": "notices.email: needs either an account or an smtp; "
    "write account: NAME, or smtp: {host: …}",
    "notices: {email: {account: info, from: a@example.com}}": "notices.email.account: 'info' is no account; "
    "there is none yet",
    "notices: {email: {smtp: {host: localhost, tls: false}}}": "notices.email.from: is missing, "
    "and no user is an address; add from: leads@example.com",
    "notices: {email: {smtp: {host: localhost}, from: Leads}}": "notices.email.from: 'Leads' is not an e-mail address; "
    "write name@example.com",
    "notices: {email: {smtp: {host: h.example.com, tls: false}, from: a@example.com}}": "notices.email.smtp.tls: "
    "warning: passwords and mail cross the network in the clear; write true or starttls",
}


@pytest.mark.parametrize(
    "url", ["localhost:6379", "redis://", "redis://h:0", "redis://h/keys", "rediss://h?ssl_cert_reqs=none"]
)
def test_what_is_no_address_of_redis_is_said_with_one_that_is(url: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, SMALL + f"storage: {{url: 'postgresql://h/d'}}\nredis: {{url: '{url}'}}")
    assert (
        found
        == f"5: redis.url: '{url}' is no address of Redis; write redis://host:6379, or rediss://user:password@host:6379/0 with TLS"
    )


@pytest.mark.parametrize("url", ["", "redis://h", "redis://u:${P}@h:1/15", "rediss://h/0?ssl_ca_certs=/etc/ca.pem"])
def test_an_address_of_redis_beside_postgresql_is_taken(url: str, tmp_path: Path) -> None:
    text = SMALL + f"storage: {{url: 'postgresql://h/d'}}\nredis: {{url: '{url}'}}"
    assert not faults(tmp_path, text, {"P": "p"})


@pytest.mark.parametrize("line", ADDED)
def test_a_wrong_line_is_one_fault(line: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, SMALL + line)
    assert found.startswith(f"4: {ADDED[line]}")


# A change to the file that is whole, the line it is in, and its one fault.
CHANGED: Mapping[tuple[str, str], str] = {
    ("kind: webform", ""): f"1: channels.site.kind: is missing; add one of: {', '.join(adapter.kinds())}",
    ("kind: webform", "kind: webfrom"): "1: channels.site.kind: 'webfrom' is no kind of channel; did you mean webform?",
    ("kind: webform", "kind: qqq"): f"1: channels.site.kind: 'qqq' is no kind of channel; there is {KINDS}",
    ("kind: webform", "kind: [webform]"): f"1: channels.site.kind: is no kind of channel; there is {KINDS}",
    ("{kind: webform}", "webform"): f"1: channels.site: 'webform' {MAPPING}",
    ("site:", "Site:"): "1: channels.Site: 'Site' is no channel name; "
    "use a-z, 0-9, _ and -, starting with a letter or a digit: it becomes an address",
    ("site:", "desk:"): "1: channels.desk: is the name of the channel for what people take down by hand; "
    "take another name, or write kind: desk",
    (
        "webform",
        "desk",
    ): "1: channels.site: there is one channel of the kind desk, and that is its name too; call it desk",
    ("webform}", "webform, tean: sales}"): "1: channels.site.tean: unknown key; did you mean team?",
    ("webform}", "webform, team: slaes}"): "1: channels.site.team: 'slaes' is no team; did you mean sales?",
    (
        "webform}",
        "webform, was: site}",
    ): "1: channels.site.was: 'site' is still there under this name; remove one of them",
    ("webform}", "webform, consent: {requierd: true}}"): "1: channels.site.consent.requierd: unknown key; "
    "did you mean required?",
    ("webform}", "webform, consent: {required: perhaps}}"): "1: channels.site.consent.required: "
    "'perhaps' is neither true nor false; write true or false",
    ("webform}", "webform, origins: 5}"): "1: channels.site.origins: '5' is no origin; "
    "write https://example.com or http://localhost:8000, without a path",
    ("{kind: webform}", ""): f"1: channels.site.kind: is missing; add one of: {', '.join(adapter.kinds())}",
    ("{site: {kind: webform}}", ""): "1: channels: there is none; add at least one, such as "
    "channels: {site: {kind: webform}}",
    ("name: Анна, ", ""): "2: managers.anna.name: is missing; add it",
    ("name: Анна, ", "name: , "): "2: managers.anna.name: is missing; add it",
    ("name: Анна, ", "name: {a: b}, "): "2: managers.anna.name: is not a single value; write one text",
    ("anna@example.com", "anna@example"): "2: managers.anna.email: 'anna@example' is not an e-mail address; "
    "write name@example.com",
    ("anna@example.com", "anna@ex..com"): "2: managers.anna.email: 'anna@ex..com' is not an e-mail address; "
    "write name@example.com",
    ("name: Анна", "name: Анна, capacity: 0"): "2: managers.anna.capacity: '0' is not a number of at least 1; "
    "write 1 or more; left out: no limit",
    ("name: Анна", "name: Анна, capacity: many"): "2: managers.anna.capacity: 'many' is not a number of at least 1; "
    "write 1 or more; left out: no limit",
    ("name: Анна", "name: Анна, timezone: Moscow"): "2: managers.anna.timezone: 'Moscow' is no time zone; ",
    ("name: Анна", "name: Анна, hours: 25:00-26:00"): "2: managers.anna.hours: '25:00-26:00': "
    f"'25:00-26:00' is not within 00:00 and 24:00; {HOURS}",
    ("name: Анна", "name: Анна, extension: ['101', '101']"): "2: managers.anna.extension: "
    "'101' is there twice; keep one",
    ("name: Анна", "name: Анна, offers: 3"): "2: managers.anna.offers: warning: has no effect: none of his teams has "
    "accept_within; add accept_within: 3m to a team, or remove offers",
    ("name: Анна", "name: Анна, weight: 0"): "2: managers.anna.weight: '0' is not a weight; "
    "write a number from 0.01 to 100, such as 0.5; left out: 1",
    (
        "name: Анна",
        "name: Анна, was: boris",
    ): "2: managers.anna.was: 'boris' is still there under this name; remove one of them",
    ("name: Анна", "name: Анна, language: de"): "2: managers.anna.language: 'de' is not known here; write ru or en",
    ("name: Анна", "name: Анна, telegram: anna"): "2: managers.anna.telegram: 'anna' is no Telegram id; ",
    ("[anna, boris]", "[anna, bors]"): "3: teams.sales.managers[1]: 'bors' is no manager; did you mean boris?",
    ("[anna, boris]", "[anna]"): "2: managers.boris: warning: is in no team and gets no leads; add the name to a team",
    ("[anna, boris]", "[anna, boris, anna]"): "3: teams.sales.managers: 'anna' is there twice; keep one",
    ("[anna, boris]", "{anna: 1, boris: 1}"): "3: teams.sales.managers: is not a list; write [one, two]",
    ("boris]", "boris], strategy: random"): "3: teams.sales.strategy: 'random' is not known here; "
    "write round_robin, least_loaded, weighted or first_to_accept",
    ("boris]", "boris], strategy: first_to_accept"): "3: teams.sales.strategy: leads go to the first to accept, and "
    "accept_within is missing; add accept_within: 3m to the team",
    ("boris]", "boris], sticky: maybe"): "3: teams.sales.sticky: 'maybe' is neither true nor false; "
    "write false, or {wait: 10m}",
    ("boris]", "boris], sticky: {wait: 10}"): "3: teams.sales.sticky.wait: '10' is not a duration; "
    "write 30s, 5m, 2h or 3d",
    ("boris]", "boris], respond_within: soon"): "3: teams.sales.respond_within: 'soon' is not a duration; "
    "write 30s, 5m, 2h or 3d",
    (
        "boris]",
        "boris], head: ana",
    ): "3: teams.sales.head: 'ana' is neither a director nor a manager; did you mean anna?",
    ("boris]", "boris], accept_within: 0s"): "3: teams.sales.accept_within: '0s' is no time at all; write at least 1s",
    ("boris]", "boris], owner_away: soon"): "3: teams.sales.owner_away: 'soon' is not a duration; "
    "write 30s, 5m, 2h or 3d",
    ("boris]", "boris], escalate: [{after: 15m, to: head}]"): "3: teams.sales.escalate[0].to: is the team's head, and "
    "it has none; add head: NAME to the team",
    ("boris]", "boris], escalate: [{after: 15m, to: irina}]"): "3: teams.sales.escalate[0].to: 'irina' is neither a "
    "director nor a manager; there is anna, boris",
    (
        "boris]",
        "boris], escalate: [{after: 1h, to: anna}, {after: 15m, to: boris}]",
    ): "3: teams.sales.escalate[1].after: "
    "'15m' is not after the step before; write the steps in the order of their times",
    ("boris]}", "boris]}, support: {managers: [anna]}"): "1: routing: is missing, and there is more than one team; "
    "add routing: [{team: NAME}], with lines that have a `when` above it",
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_wrong_change_is_one_fault(change: tuple[str, str], tmp_path: Path) -> None:
    before, after = change
    assert before in SMALL
    found = [
        fault
        for fault in faults(tmp_path, SMALL.replace(before, after, 1))
        if "in no team" not in fault or "[anna]" in after
    ]
    assert len(found) == 1
    assert found[0].startswith(CHANGED[change])


def test_one_extension_of_two_managers_is_a_fault_in_whatever_spelling(tmp_path: Path) -> None:
    text = SMALL.replace("name: Анна", "name: Анна, extension: 8 916 111-00-01")
    (found,) = faults(tmp_path, text.replace("name: Борис", "name: Борис, extension: [101, '+79161110001']"))
    assert found == (
        "2: managers.boris.extension[1]: '+79161110001' is the extension of anna too; give it to one of the two"
    )


def test_one_telegram_account_of_two_managers_is_a_warning(tmp_path: Path) -> None:
    text = SMALL.replace("name: Анна", "name: Анна, telegram: 5")
    (found,) = faults(tmp_path, text.replace("name: Борис", "name: Борис, telegram: '5'"))
    assert found == (
        "2: managers.boris.telegram: warning: '5' is the account of anna too, so what either presses is taken for "
        "one man's; give each his own"
    )


@pytest.mark.parametrize("secret", ["key", "k", "", "s"])
def test_a_secret_that_is_part_of_a_word_takes_no_words_away(secret: str, tmp_path: Path) -> None:
    text = SMALL.replace("{kind: webform}", "{kind: telephony, dialect: mango, api_key: '${KEY}'}")
    (found,) = faults(tmp_path, text, {"KEY": secret})
    missing = "salt" if secret else "api_key"
    assert found == f"1: channels.site: dialect mango needs {missing}; write api_key and salt"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("kind: telephony", "channels.pbx.dialect: is missing; add it"),
        (
            "kind: telephony, dialect: mango",
            "channels.pbx: dialect mango needs api_key; write api_key and salt",
        ),
        (
            "kind: telephony, dialect: mnago",
            "channels.pbx.dialect: 'mnago' is not known here; write mango, zadarma, novofon, megafon or generic",
        ),
    ],
)
def test_an_exchange_says_what_its_dialect_needs(entry: str, fault: str, tmp_path: Path) -> None:
    assert faults(tmp_path, SMALL.replace("channels: {", f"channels: {{pbx: {{{entry}}}, ")) == [f"1: {fault}"]


def test_a_file_with_nothing_but_a_language_lacks_channels_managers_and_teams(tmp_path: Path) -> None:
    found = faults(tmp_path, "language: ru")
    assert [fault.split(";")[0] for fault in found] == [
        "1: channels: there is none",
        "1: managers: there is none",
        "1: teams: there is none",
    ]


def test_the_account_of_the_notices_must_be_able_to_send(tmp_path: Path) -> None:
    account = "accounts: {info: {imap: {host: h}, user: info@example.com, password: '${P}'}}\n"
    text = SMALL + account + "notices: {email: {account: info}}"
    assert faults(tmp_path, text, {"P": "p"}) == [
        "5: notices.email.account: 'info' has no smtp; add smtp to the account"
    ]


def test_an_account_and_a_user_exclude_each_other(tmp_path: Path) -> None:
    notices = "notices: {email: {account: info, user: a@example.com, password: '${P}'}}\n"
    text = SMALL + notices + "accounts: {info: {smtp: {host: h}}}"
    (found, _) = faults(tmp_path, text, {"P": "p"})
    assert found.startswith("4: notices.email: has an account and a user of its own; remove user and password")


def test_a_manager_whom_mail_cannot_reach_is_a_warning(tmp_path: Path) -> None:
    text = SMALL.replace(", email: boris@example.com", "") + "notices: {email: {smtp: {host: h}, from: a@example.com}}"
    assert faults(tmp_path, text) == [
        "2: managers.boris: warning: has no email, and notices go by mail; add email: name@example.com"
    ]


BROKEN = """\
langauge: ru
http: {port: x}
channels:
  site: {kind: webfrom, team: slaes}
managers:
  anna: {name: А, capacity: -1}
teams:
  sales: {managers: [anna, bors], strategy: random}
api: {token: "${TOKEN}"}
http: {port: 1}
"""


def test_all_faults_are_found_at_once_and_stand_in_the_order_of_the_lines(tmp_path: Path) -> None:
    found = loaded(tmp_path, BROKEN)
    assert found.config is None
    assert [(fault.line, fault.key) for fault in found.faults] == [
        (1, "langauge"),
        (4, "channels.site.kind"),
        (4, "channels.site.team"),
        (6, "managers.anna.capacity"),
        (8, "teams.sales.managers[1]"),
        (8, "teams.sales.strategy"),
        (9, "api.token"),
        (10, "http"),
    ]


def test_a_fault_is_printed_with_file_line_key_problem_and_remedy(tmp_path: Path) -> None:
    (fault,) = loaded(tmp_path, SMALL + "langauge: ru").faults
    assert str(fault) == f"{tmp_path}/config.yaml:4: langauge: unknown key; did you mean language?"
    assert fault.level == "error"


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    found = load(tmp_path / "none.yaml", {})
    assert found.config is None
    assert [str(fault) for fault in found.faults] == [
        f"{tmp_path}/none.yaml:1: cannot be read: no such file or directory; name another file with --config"
    ]


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    assert "cannot be read: is a directory" in str(load(tmp_path, {}).faults[0])


JARGON = re.compile(
    r"pydantic|valid (string|integer|dictionary|list|tuple)|[Ii]nput|Extra|Field required|\bNone\b|_type|_error"
)


def test_no_sentence_is_the_librarys(tmp_path: Path) -> None:
    for line in ADDED:
        assert not any(JARGON.search(fault) for fault in faults(tmp_path, SMALL + line)), line


VALUES = st.sampled_from(
    [
        "",
        "x",
        "0",
        "-1",
        "~",
        "[]",
        "{}",
        "[x, [y]]",
        "{a: b}",
        "'${X}'",
        "${file:config.yaml}",
        "&a [*a]",
        "!t x",
        "\t",
        "false",
    ]
)
WHOLE = (Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8")
LARGE = (
    SMALL
    + """\
http: {host: 127.0.0.1, port: 8080, trusted_proxies: [127.0.0.1], max_body: 10MB}
accounts: {info: {smtp: {host: localhost, port: 25, tls: false}, user: info@example.com, password: "${P:-}"}}
calendars: {office: {hours: "Mon-Fri 09:00-18:00"}}
hours: office
matching: {shared: {emails: ["info@*"], phones: ["+74951234500"]}, enquiry: {reopen_within: 14d, new_after: 30d}}
topics: {Цемент: [цемент, м500]}
routing:
  - {when: {source: [x], keyword: ["опт*"], hours: office, known: true, utm_source: y}, team: sales, respond_within: 5m}
  - {team: sales}
notices: {order: [email], email: {smtp: {host: localhost}, from: a@example.com}}
"""
)
PLACES = [found.span() for found in re.finditer(r"[\w@*+:.-]+|\[[^\[\]]*\]|\{[^{}]*\}", LARGE)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
def test_no_change_to_a_file_raises_anything_but_faults(changes: list[tuple[tuple[int, int], str]]) -> None:
    text = LARGE
    for (start, end), value in sorted(changes, reverse=True):
        text = text[:start] + value + text[end:]
    _never_raises(text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.text("{}[]:#&*!|'\"\n\t -x$", max_size=5))
def test_no_cut_through_the_shipped_file_raises_anything_but_faults(start: int, length: int, put: str) -> None:
    _never_raises(WHOLE[:start] + put + WHOLE[start + length :])


def _never_raises(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = loaded(Path(folder), text)
    errors = [fault for fault in found.faults if fault.level == "error"]
    assert (found.config is None) == bool(errors)
    assert all(1 <= fault.line <= text.count("\n") + 2 and fault.problem and fault.remedy for fault in found.faults)
    assert not any(JARGON.search(fault.problem + fault.remedy) for fault in found.faults)
