"""Who is who: contacts that become one and part again, that may be one person, and that come in a file."""
