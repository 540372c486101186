"""The policies and classification in force, and how a new set takes their place: whole and valid, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tidewaiter.config import Classification, Config, load_classification
from tidewaiter.errors import ConfigError
from tidewaiter.policy import Policies

CLASSIFICATION = "classification.toml"
POLICY_BYTES = 4 << 20  # a policy file is written by people; this guards against naming the wrong file


@dataclass(frozen=True, slots=True)
class Edition:
    """One valid set of policies with the classification that their Tags mean, and the SHA-256 of each file.

    `digests` are the policy files'; `classification_digest` is "" where there is no classification.toml.
    """

    policies: Policies
    digests: Mapping[str, str]
    classification_digest: str

    def fields(self) -> dict[str, object]:
        """What a policy.change entry says of it."""
        digest = self.classification_digest
        return {"digest": self.policies.version, "files": dict(self.digests), "classification": digest}


def edition_on_disk(config: Config, policies: Path | None = None) -> Edition:
    """Read and check `policies/*.cedar`, or those of another folder, and classification.toml.

    Raises ConfigError with every problem; a folder without policies is one.
    """
    folder = policies or config.policies
    shown = folder.name if policies is None else str(folder)
    texts, digests, problems = _read(folder, shown)
    if not texts and not problems:
        problems.append(f"{folder}: there is no *.cedar file, so nobody could do anything")
    digest, classification = _classification(config, problems)
    if problems:
        raise ConfigError(problems)
    found = Policies.parse(texts, config.datasources, timezone=config.timezone, classification=classification)
    return Edition(found, digests, digest)


def problems_of_policies(folder: Path) -> list[str]:
    """What is wrong with policies by themselves, for a deployment whose configuration cannot be used."""
    texts, _, problems = _read(folder, folder.name)
    try:
        Policies.parse(texts, {})
    except ConfigError as error:
        problems += error.problems
    return problems


def _read(folder: Path, shown: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Texts and digests of a folder's policies by file name, and what cannot be read."""
    texts: dict[str, str] = {}
    digests: dict[str, str] = {}
    problems: list[str] = []
    for path in _files(folder, problems):
        try:
            with path.open("rb") as file:
                raw = file.read(POLICY_BYTES + 1)
            if len(raw) > POLICY_BYTES:
                raise ValueError(f"is longer than {POLICY_BYTES} bytes")
            texts[path.name], digests[path.name] = raw.decode("utf-8-sig"), sha256(raw).hexdigest()
        except OSError as error:
            problems.append(f"{shown}/{path.name}: cannot be read: {error.strerror or error}")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            problems.append(f"{shown}/{path.name}:{line}: is not UTF-8")
        except ValueError as error:
            problems.append(f"{shown}/{path.name}: {error}")
    return texts, digests, problems


def _files(folder: Path, problems: list[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".cedar")
    except OSError as error:
        problems.append(f"{folder}: cannot be read: {error.strerror or error}")
        return []


def _classification(config: Config, problems: list[str]) -> tuple[str, Classification]:
    """classification.toml as it is now, with its digest; what is wrong with it is added to `problems`."""
    try:
        path = config.folder / CLASSIFICATION
        before = sha256(path.read_bytes()).hexdigest() if path.exists() else ""
        classification = load_classification(config.folder, config.datasources)
        if before != (sha256(path.read_bytes()).hexdigest() if path.exists() else ""):
            raise ConfigError([f"{CLASSIFICATION}: changed while it was read; try again"])
    except ConfigError as error:
        problems += error.problems
    except OSError as error:
        problems.append(f"{CLASSIFICATION}: cannot be read: {error.strerror or error}")
    else:
        return before, classification
    return "", Classification()


class PolicyShelf:
    """Holds the edition in force. Sessions ask for `policies` at each decision, so a change counts at once."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition

    def policies(self) -> Policies:
        """The policies in force."""
        return self.edition.policies
