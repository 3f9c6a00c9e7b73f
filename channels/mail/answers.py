"""A mail that answers one of our notices, as its signed id tells: what whoever got the notice wants said to the client."""

from channels.mail import filters, parties, quotes
from channels.mail.answering import not_trusted
from channels.mail.filters import Sheet
from channels.mail.letter import Letter
from channels.mail.parties import Ours
from channels.message import Ignored, Inbound, Parsed, Signal
from kernel.threads import read_signed

KIND = "mail_reply"


def read(letter: Letter, us: Ours, said: Parsed, secret: bytes) -> Parsed:
    """The answer, or `said` where the mail is none. Whether its sender may answer is found out where people are known."""
    notice = read_signed(f"{letter.get('in-reply-to')} {letter.get('references')}", secret)
    if notice is None or not isinstance(said, Inbound | Ignored):
        return said
    senders = [box.address.lower() for box in letter.boxes("from")]
    sheet = Sheet(letter, parties.sender(letter, us), us)
    if len(senders) != 1 or filters.judge(sheet, (*filters.FIRST, *filters.THEN)) is not None:
        # Somebody's answering machine has nothing to say to a client.
        return said
    values = {
        "notice": notice,
        "from": senders[0],
        "text": quotes.newest(letter.text),
        "key": letter.raw("message-id").strip(),
        "doubt": not_trusted(letter) or "",
        "files": "\n".join(letter.files),
    }
    return Signal(KIND, values, said)
