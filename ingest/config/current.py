"""The configuration that this process goes by: one place that a reload changes and every part looks at."""

from ingest.config.schema import Config


class Current:
    """Holds the configuration in force."""

    def __init__(self, config: Config) -> None:
        self.config = config
