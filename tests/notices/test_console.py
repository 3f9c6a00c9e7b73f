"""Notices on standard output are read in a terminal, and most of what they say is a stranger's."""

import io

from ingest.notices.route import Console, Message


async def test_nothing_in_a_notice_is_obeyed_by_a_terminal_or_looks_like_another_notice() -> None:
    out = io.StringIO()
    text = "Клиент: \x1b[2J\x1b]0;owned\x07Вера\u202e\r--> boris: x\u2028--> boris: y\n\nдва\tслова"
    await Console(out).send([Message("1", "anna", "anna", "Новый лид: Ве\x1b[31mра\n--> boris: z", text)])
    assert out.getvalue().splitlines() == [
        "--> anna: Новый лид: Ве[31mра --> boris: z",
        "    Клиент: [2J]0;ownedВера",
        "    --> boris: x",
        "    --> boris: y",
        "",
        "    два слова",
    ]
