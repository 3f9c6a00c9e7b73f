"""Mail addresses as every server of mail knows them."""


def in_dns(address: str) -> str:
    """The address with its domain as DNS has it (UTS 46, RFC 5891). Raises UnicodeError where there can be no such domain."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    import idna  # noqa: PLC0415 - 30 ms that only a domain in other letters is worth

    return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
