"""What the store keeps of a configuration, and what distribution makes of it.

The revision in force is a plain JSON document, so that every process goes by the same one, whatever its own file says
meanwhile. It holds no secret. What has an order is a list, and mappings are in one order: a store may sort their keys.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from channels.adapter import ChannelConfig
from ingest.config.holidays import public_days
from ingest.config.schema import Calendar, Config, Director, Manager, Team
from kernel.durations import format_duration, parse_duration
from routing import policy as routing
from routing.calendars import PublicDays, calendar_hours
from routing.hours import ALWAYS, Hours, parse_hours
from routing.rules import conditions_from
from routing.words import parse_word


def policy(config: Config) -> routing.Policy:
    """What distribution goes by, compiled the way by which the store's revision is."""
    return policy_from(revision_document(config))


def revision_document(config: Config) -> dict[str, Any]:
    """What the store keeps: plain JSON, durations as the file writes them, defaults written out, no secrets."""
    shared, enquiry = config.matching.shared, config.matching.enquiry
    return {
        "region": config.region,
        "timezone": config.timezone,
        "hours": config.hours,
        "calendars": {name: _calendar_document(calendar) for name, calendar in config.calendars.items()},
        "channels": {name: _channel_document(channel, config) for name, channel in config.channels.items()},
        "matching": {
            "shared": {"emails": list(shared.emails), "phones": list(shared.phones), "over": shared.over},
            "enquiry": {
                "reopen_within": format_duration(enquiry.reopen_within),
                "new_after": format_duration(enquiry.new_after),
            },
        },
        "own": {"domains": list(config.own.domains), "phones": list(config.own.phones)},
        "test": {"phones": list(config.test.phones), "emails": list(config.test.emails)},
        "title": config.title,
        "topics": [{"name": name, "words": list(words)} for name, words in config.topics.items()],
        "reasons": {name: list(reasons) for name, reasons in config.reasons.items()},
        "directors": {name: _director_document(director) for name, director in config.directors.items()},
        "managers": {name: _manager_document(manager) for name, manager in config.managers.items()},
        "teams": {name: _team_document(team) for name, team in config.teams.items()},
        "routing": _routing_document(config),
    }


def _calendar_document(calendar: Calendar) -> str | dict[str, Any]:
    """Hours alone stay the text that a version before holidays reads."""
    if calendar.holidays is None and not calendar.except_:
        return calendar.hours
    return {"hours": calendar.hours, "holidays": calendar.holidays, "except": list(calendar.except_)}


def _channel_document(channel: ChannelConfig, config: Config) -> dict[str, Any]:
    """What matching and routing need of a channel, and what it answers by itself.

    `numbers` is a key of those kinds that are called or written to, `answer` one of those that may answer.
    """
    document: dict[str, Any] = {
        "kind": channel.kind,
        "source": channel.source,
        "team": channel.team,
        "was": channel.was,
    }
    numbers, answer = getattr(channel, "numbers", None), getattr(channel, "answer", None)
    if numbers:
        document["numbers"] = dict(numbers)
    if answer is not None:
        document["answer"] = {
            "address": getattr(channel, "user", None),
            "in_hours": answer.in_hours,
            "out_of_hours": answer.out_of_hours,
            "subject": answer.subject,
            "per_address": format_duration(answer.per_address),
            "language": config.language,
        }
    return document


def _director_document(director: Director) -> dict[str, Any]:
    return {"name": director.name, "email": director.email, "telegram": director.telegram}


def _manager_document(manager: Manager) -> dict[str, Any]:
    return {
        "name": manager.name,
        "email": manager.email,
        "telegram": manager.telegram,
        "capacity": manager.capacity,
        "hours": manager.hours,
        "timezone": manager.timezone,
        "was": manager.was,
        "extension": list(manager.extension),
        "language": manager.language,
        "offers": manager.offers,
        "weight": manager.weight,
    }


def _team_document(team: Team) -> dict[str, Any]:
    return {
        "managers": list(team.managers),
        "strategy": team.strategy,
        "respond_within": _written(team.respond_within),
        "sticky": {"wait": format_duration(team.sticky.wait)} if team.sticky else None,
        "head": team.head,
        "accept_within": _written(team.accept_within),
        "owner_away": _written(team.owner_away),
        "escalate": [{"after": format_duration(step.after), "to": step.to} for step in team.escalate],
    }


def _routing_document(config: Config) -> list[dict[str, Any]]:
    """The rules; where there are none, there is one team."""
    return [
        {
            "when": {key: list(values) for key, values in sorted((rule.when or {}).items())},
            "team": rule.team,
            "respond_within": _written(rule.respond_within),
        }
        for rule in config.routing
    ]


def _written(length: timedelta | None) -> str | None:
    return None if length is None else format_duration(length)


def policy_from(document: Mapping[str, Any]) -> routing.Policy:
    """Compile a document of `revision_document`. Raises KeyError or ValueError for any other."""
    zone = ZoneInfo(document["timezone"])
    calendars = {name: _calendar(calendar) for name, calendar in document["calendars"].items()}
    everybody = _hours(document["hours"], calendars, ALWAYS)
    return routing.Policy(
        managers={
            name: routing.Manager(
                name=name,
                title=manager["name"],
                capacity=manager["capacity"],
                hours=_hours(manager["hours"], calendars, everybody),
                zone=ZoneInfo(manager["timezone"]) if manager["timezone"] else zone,
                offers=manager.get("offers"),
                weight=manager.get("weight", 1.0),
            )
            for name, manager in document["managers"].items()
        },
        teams={name: _team(name, team) for name, team in document["teams"].items()},
        rules=tuple(
            routing.Rule(
                conditions_from(rule["when"], calendars, zone, document["region"]),
                rule["team"],
                _read(rule["respond_within"]),
            )
            for rule in document["routing"]
        ),
        topics=tuple(
            routing.Topic(topic["name"], tuple(parse_word(word) for word in topic["words"]))
            for topic in document["topics"]
        ),
        title=document["title"],
        directors=tuple(document.get("directors", ())),
    )


def _calendar(calendar: str | Mapping[str, Any]) -> Hours:
    if isinstance(calendar, str):
        return parse_hours(calendar)
    holidays = calendar["holidays"]
    return calendar_hours(calendar["hours"], public_days(holidays) if holidays else PublicDays(), calendar["except"])


def _hours(text: str | None, calendars: Mapping[str, Hours], otherwise: Hours) -> Hours:
    """A calendar by its name, hours written out, or where nothing is said `otherwise`."""
    if text is None:
        return otherwise
    return calendars[text] if text in calendars else parse_hours(text)


def _team(name: str, team: Mapping[str, Any]) -> routing.Team:
    sticky = team["sticky"]
    return routing.Team(
        name=name,
        members=tuple(team["managers"]),
        respond_within=_read(team["respond_within"]),
        sticky_wait=parse_duration(sticky["wait"]) if sticky else None,
        # A revision of a version before offers has none of these.
        strategy=team.get("strategy", "round_robin"),
        accept_within=_read(team.get("accept_within")),
        owner_away=_read(team.get("owner_away")),
        head=team.get("head"),
        escalate=tuple(routing.Step(parse_duration(step["after"]), step["to"]) for step in team.get("escalate", ())),
    )


def _read(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)
