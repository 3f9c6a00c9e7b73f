"""What can be wrong with Telegram beyond the three kinds of trouble that every channel has."""

from channels.adapter import Unavailable


class Conflicting(Unavailable):
    """Somebody else takes this bot's updates: a webhook that is set, or another program that polls with the same token."""

    def __init__(self, *, by_webhook: bool) -> None:
        if by_webhook:
            super().__init__(
                "a webhook of another program is set for this bot; remove the bot there, or use another one"
            )
            self.russian = "у бота стоит вебхук другой программы; отключите его там или заведите другого бота"
        else:
            super().__init__(
                "another program polls this bot with the same token; stop it, or make a bot for priyom alone"
            )
            self.russian = (
                "этого бота опрашивает другая программа с тем же токеном; остановите её или заведите отдельного бота"
            )
        self.by_webhook = by_webhook


class Undeliverable(Exception):
    """Never, this message to this chat: the bot is blocked, the chat is not there, the message is gone."""

    def about(self, words: str) -> bool:
        """Whether Telegram's reason has these words in it."""
        return words in str(self).lower()


class TooLarge(Undeliverable):
    """A file has more bytes than are wanted, or than a bot may fetch."""
