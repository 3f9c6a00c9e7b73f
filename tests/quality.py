"""How much of the samples beside the repository is read as their authors expect: `python -m tests.quality`."""

import sys
from collections import Counter
from collections.abc import Iterable

from tests.channels import test_mail_samples as mail

Compared = Iterable[tuple[str, str, bool]]


def table(title: str, compared: Compared) -> int:
    """Print a line for each field; how many disagreements there are that no page lists with its reason."""
    agree: Counter[str] = Counter()
    every: Counter[str] = Counter()
    unlisted = 0
    print(title)
    for name, field, agrees in compared:
        agree[field] += agrees
        every[field] += 1
        if not agrees:
            listed = (name, field) in mail.OTHERWISE
            unlisted += not listed
            print(f"  {name}: {field} is read otherwise{' (docs/channels/mail.md says why)' if listed else ''}")
    for field, number in every.items():
        print(f"  {field:<10} {agree[field]:>4} of {number:<4} {agree[field] / number:7.1%}")
    return unlisted


def main() -> int:
    """1 where something is read otherwise without a reason, 2 where there are no samples."""
    if not mail.SAMPLES.is_dir():
        print(f"there are no samples at {mail.SAMPLES}", file=sys.stderr)
        return 2
    print(f"{len(mail.mails())} mails are read")
    unlisted = table("whole mails (Zammad)", mail.compared())
    unlisted += table("replies (reply parsers)", mail.cut())
    unlisted += table("quotations (talon)", mail.quoted())
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
