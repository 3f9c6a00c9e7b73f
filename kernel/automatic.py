"""The mark of mail that priyom itself sends, so that every instance of it knows such mail again and never answers it."""

from typing import Final

OWN_HEADER: Final = "X-Priyom"
