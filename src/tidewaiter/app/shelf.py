"""The policies in force, and how a new set takes their place: whole and valid, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from tidewaiter.config import Config
from tidewaiter.errors import ConfigError
from tidewaiter.policy import Policies

POLICY_BYTES = 4 << 20  # a policy file is written by people; this guards against naming the wrong file


@dataclass(frozen=True, slots=True)
class Edition:
    """One valid set of policies and the SHA-256 of each file that it came from."""

    policies: Policies
    digests: Mapping[str, str]

    def fields(self) -> dict[str, object]:
        """What a policy.change entry says of it."""
        return {"digest": self.policies.version, "files": dict(self.digests)}


def edition_on_disk(config: Config) -> Edition:
    """Read and check `policies/*.cedar`. Raises ConfigError with every problem; a folder without policies is one."""
    texts: dict[str, str] = {}
    digests: dict[str, str] = {}
    problems: list[str] = []
    for path in sorted(config.policies.glob("*.cedar")):
        try:
            with path.open("rb") as file:
                raw = file.read(POLICY_BYTES + 1)
            if len(raw) > POLICY_BYTES:
                raise ValueError(f"is longer than {POLICY_BYTES} bytes")
            texts[path.name], digests[path.name] = raw.decode(), sha256(raw).hexdigest()
        except OSError as error:
            problems.append(f"policies/{path.name}: cannot be read: {error.strerror or error}")
        except ValueError as error:
            problems.append(f"policies/{path.name}: {error}")
    if not texts and not problems:
        problems.append(f"{config.policies}: there is no *.cedar file, so nobody could do anything")
    if problems:
        raise ConfigError(problems)
    policies = Policies.parse(texts, config.datasources, timezone=config.timezone, classification=config.classification)
    return Edition(policies, digests)


class PolicyShelf:
    """Holds the edition in force. Sessions ask for `policies` at each decision, so a change counts at once."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition

    def policies(self) -> Policies:
        """The policies in force."""
        return self.edition.policies
