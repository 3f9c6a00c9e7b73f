"""What a mail says, as a whole: who wrote it, to which address of ours, when, and what; or that no client wrote it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from channels.mail import filters, forms, forwards, parties, quotes
from channels.mail.answering import answerable
from channels.mail.filters import Sheet
from channels.mail.forms import Form
from channels.mail.headers import Mailbox, date
from channels.mail.letter import Letter
from channels.mail.parties import Ours
from channels.message import Answerable, Ignored, Inbound, Parsed, Signal, digest
from kernel.texts import storable

_ANSWERS: Final = re.compile(r"\s*(?:re|отв|ответ|aw|sv)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_EARLIEST: Final = timedelta(days=14)
_LATEST: Final = timedelta(hours=1)
_LONGEST_CHAIN: Final = 10
"""Colleagues through whose hands a mail goes."""
_LONGEST_SUBJECT: Final = 1_000
_LONGEST_REFERENCES: Final = 2_000


def read(letter: Letter, us: Ours, received: datetime, aliases: Collection[str] = ()) -> Parsed:
    """An approach, a signal, or why it is ignored. `received`: when the mail server had it; `aliases`: of `answerable`."""
    sender = parties.sender(letter, us)
    sheet = Sheet(letter, sender, us)
    verdict = filters.judge(sheet, filters.FIRST)
    said, is_client = _said(letter, sender, us, received)
    if verdict is None and not is_client:
        verdict = filters.judge(sheet, filters.THEN)
    match verdict:
        case None:
            found = answerable(letter, us, aliases)
            return replace(said, answerable=_himself(found, said, is_client=is_client))
        case Signal():
            return verdict
        case reason:
            return Ignored(reason, said)


def _himself(found: Answerable, said: Inbound, *, is_client: bool) -> Answerable:
    """A client who stands in a form or in a forwarded mail has not sent it: anybody may have named him there."""
    if found.address is None or (not is_client and [one.lower() for one in said.emails] == [found.address]):
        return found
    return Answerable(None, "not_the_sender")


def _said(letter: Letter, sender: Mailbox, us: Ours, received: datetime) -> tuple[Inbound, bool]:
    """What a mail says, and whether it is sure that a client says it, whoever has sent it."""
    from_site = _not_himself(letter, us)
    if from_site:
        forwarded = _client_passed_on(letter, us)
        if forwarded is not None and not us.owns(forwarded.sender.address) and not _answers(letter, forwarded.sender):
            return _passed_on(letter, forwarded, sender, us, received)
    form = _form(letter, us, from_site=from_site)
    if form is None:
        return _written(letter, sender, us, received), False
    said = _filled_in(letter, form, us, received)
    if from_site or form.emails or not _is_himself(form, sender, letter.get("subject")):
        return said, True
    return replace(said, name=said.name or sender.name or None, emails=(sender.address,)), False


def _is_himself(form: Form, sender: Mailbox, subject: str) -> bool:
    """Whether the sender tells of himself, to be called back: no site has his name, nor an address that everybody may have."""
    names = {word for word in (form.name or "").casefold().replace("ё", "е").split() if len(word) > 1}
    if names.intersection(sender.name.casefold().replace("ё", "е").split()):
        return True
    return parties.is_public(sender.address.rpartition("@")[2]) and not forms.speaks_of_one(subject)


def _client_passed_on(letter: Letter, us: Ours) -> forwards.Forwarded | None:
    """What a mail forwards; where one colleague has passed it to the next, or has answered it before, what the client wrote."""
    forwarded = forwards.found(letter, letter.text)
    if not forwards.is_called_so(letter.get("subject")):
        return forwarded
    for _ in range(_LONGEST_CHAIN):
        if forwarded is None or not us.owns(forwarded.sender.address) or parties.is_machine(forwarded.sender.address):
            break
        forwarded = forwards.within(forwarded)
    return forwarded


def _answers(letter: Letter, somebody: Mailbox) -> bool:
    """Whether a mail answers whom it quotes, with a copy to us: it goes to him, too, and he has not written it again."""
    is_told = any(box.address.lower() == somebody.address.lower() for box in letter.boxes("to", "cc"))
    return is_told and not forwards.is_called_so(letter.get("subject"))


def _form(letter: Letter, us: Ours, *, from_site: bool) -> Form | None:
    """The form that a mail holds. A signature has labels too: what stands in it alone is none without a label for the name."""
    from_robot = any(parties.is_machine(box.address) for box in letter.boxes("from"))
    subject = letter.get("subject")
    # Who answers quotes, and the form in it may be anybody's, and old; a program's "Re:" answers nothing.
    answers = _ANSWERS.match(subject) is not None and (not from_robot or letter.has("in-reply-to", "references"))
    text = quotes.newest(letter.text) if answers else letter.text
    if not from_robot:
        form = forms.read(quotes.unsigned(text), subject, from_site=from_site)
        if form is not None:
            return form if from_site or form.name or not filters.is_bulk(letter) else None
    form = forms.read(text, subject, from_site=from_site, from_robot=from_robot)
    writer = next((box.address for box in letter.boxes("from") if box.address), "")
    if form is None or _signs(form, writer, subject, us):
        return None
    return form if from_robot or form.name or forms.speaks_of_one(subject) else None


def _signs(form: Form, writer: str, subject: str, us: Ours) -> bool:
    """Whether the addresses are the writer's own, or ours which he quotes: a form speaks of somebody else.

    Programs of ours write in the name of colleagues too, who try a form; so may others whose subject speaks of one.
    """
    if parties.is_machine(writer) and (us.owns(writer) or forms.speaks_of_one(subject)):
        return False
    domain = writer.lower().rpartition("@")[2]
    return bool(form.emails) and all(
        one.lower() == writer.lower() or us.owns(one) or _is_near(one.lower().rpartition("@")[2], domain)
        for one in form.emails
    )


def _is_near(domain: str, other: str) -> bool:
    """Whether two domains are one company's: who writes from `news.example.com` is reached at `example.com`."""
    if parties.is_public(domain) or parties.is_public(other):
        return False
    return f".{domain}".endswith(f".{other}") or f".{other}".endswith(f".{domain}")


def _not_himself(letter: Letter, us: Ours) -> bool:
    """Whether From is a machine or one of ours, so that somebody else may stand in the mail."""
    addresses = [box.address for box in letter.boxes("from") if box.address]
    return any(parties.is_machine(one) or parties.is_internal(letter, one, us) for one in addresses)


def _written(letter: Letter, sender: Mailbox, us: Ours, received: datetime) -> Inbound:
    text = quotes.newest(letter.text)
    fields = _about(letter)
    if text != letter.text:
        fields["full_text"] = letter.text
    return _inbound(letter, sender, us, received, text=text, fields=fields)


def _forwarded(letter: Letter, forwarded: forwards.Forwarded, by: Mailbox, us: Ours, received: datetime) -> Inbound:
    fields = _about(letter) | {"forwarded_by": by.address}
    text = quotes.newest(forwarded.text)
    fields["full_text"] = letter.text
    return _inbound(letter, forwarded.sender, us, received, text=text, fields=fields, subject=forwarded.subject)


def _passed_on(
    letter: Letter, forwarded: forwards.Forwarded, by: Mailbox, us: Ours, received: datetime
) -> tuple[Inbound, bool]:
    """What somebody forwards, and whether it is sure that a client says it. Of a program's mail, the client stands in its form."""
    writer = forwarded.sender.address
    form = None
    if parties.is_machine(writer):
        form = forms.read(forwarded.text, forwarded.subject, from_site=True, from_robot=True)
    if form is None or _signs(form, writer, forwarded.subject, us):
        return _forwarded(letter, forwarded, by, us, received), not parties.is_deaf(writer)
    said = _filled_in(letter, form, us, received)
    fields = {**said.fields, "forwarded_by": by.address, "full_text": letter.text}
    text = forwarded.text if form.message is None else form.message
    return replace(said, text=text, subject=form.subject or forwarded.subject or said.subject, fields=fields), True


def _filled_in(letter: Letter, form: Form, us: Ours, received: datetime) -> Inbound:
    """The client of a form. The address that his answer goes to is his, too, where nobody forwards the form."""
    emails = list(form.emails)
    replies = [box.address for box in letter.boxes("reply-to") if box.address]
    emails += [one for one in replies if not us.owns(one) and not parties.is_machine(one) and one not in emails]
    text = letter.text if form.message is None else form.message
    fields = {**form.others, **_about(letter)}
    if text != letter.text:
        fields["full_text"] = letter.text
    return Inbound(
        kind="mail",
        text=text,
        subject=form.subject or _subject(letter),
        name=form.name,
        phones=form.phones,
        emails=tuple(emails[:1] if form.emails else emails),
        company=form.company,
        city=form.city,
        to=parties.addressee(letter, us),
        at=_at(letter, received),
        ref=_ref(letter),
        page=form.page,
        campaign=form.campaign,
        fields=_storable(fields),
        attachments=letter.attachments,
    )


def _inbound(
    letter: Letter,
    sender: Mailbox,
    us: Ours,
    received: datetime,
    *,
    text: str,
    fields: Mapping[str, str],
    subject: str | None = None,
) -> Inbound:
    return Inbound(
        kind="mail",
        text=text,
        subject=subject or _subject(letter),
        name=sender.name or None,
        emails=(sender.address,) if sender.address else (),
        to=parties.addressee(letter, us),
        at=_at(letter, received),
        ref=_ref(letter),
        fields=_storable(fields),
        attachments=letter.attachments,
    )


def _subject(letter: Letter) -> str | None:
    return storable(letter.get("subject"))[:_LONGEST_SUBJECT] or None


def _about(letter: Letter) -> dict[str, str]:
    """What an answer needs to stay in its thread, and that something is missing."""
    named = {
        "message_id": letter.get("message-id"),
        "in_reply_to": letter.get("in-reply-to"),
        "references": letter.get("references")[-_LONGEST_REFERENCES:],
        "cut": "too_large" if letter.cut else "",
    }
    return {name: value for name, value in named.items() if value}


def _storable(fields: Mapping[str, str]) -> dict[str, str]:
    return {storable(name): storable(value) for name, value in fields.items()}


def _at(letter: Letter, received: datetime) -> datetime:
    """When it was written, as far as that can be: clocks of senders are wrong by years."""
    written = date(letter.raw("date"))
    if written is None or not received - _EARLIEST <= written <= received + _LATEST:
        return received
    return min(written, received)


def _ref(letter: Letter) -> str | None:
    """The same for copies of one mail that came by two ways, to an alias and through a list.

    A Message-ID alone proves nothing: it may be missing, the same for all that a script sends, or forged. Together with
    what is written it does.
    """
    named = letter.raw("message-id").strip()
    if not named:
        return None
    parts = (named, letter.raw("from"), letter.raw("date"), letter.raw("subject"), letter.text)
    return digest(*(part.encode("utf-8", "surrogatepass") for part in parts)).hex()
