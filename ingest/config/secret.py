"""Every secret text of a configuration, for the logs to scrub."""

from collections.abc import Mapping

from pydantic import BaseModel, SecretStr

from ingest.config.schema import Config


def secret_values(config: Config) -> list[str]:
    """Every secret text of a configuration, for the logs to scrub."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, Mapping):
            for item in value.values():
                walk(item)
        elif isinstance(value, BaseModel):
            for name in type(value).model_fields:
                walk(getattr(value, name))

    walk(config)
    return [secret for secret in found if not secret.startswith("sqlite:")]
