"""The HTTP API. Says in `ports` what it needs of the rest, and knows nothing of the store."""
