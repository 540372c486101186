"""Every error once: name, SQLSTATE for clients, exit code for the shell, HTTP status, one-line remedy."""

from __future__ import annotations

from dataclasses import dataclass

EXIT_OK = 0
EXIT_NO = 1
EXIT_USAGE = 2
EXIT_TAMPERED = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """What every surface says of one kind of error."""

    sqlstate: str
    exit_code: int
    http_status: int
    remedy: str


class TidewaiterError(Exception):
    """Base of all errors that users see. `str(error)` is one sentence; `fault` says how each surface reports it."""

    fault = Fault("XX000", EXIT_NO, 500, "please report this as a bug")


class ConfigError(TidewaiterError):
    """The configuration cannot be used. `problems` lists every one, each with file and line where known."""

    fault = Fault("F0000", EXIT_USAGE, 500, "correct the files named above, then run `tidewaiter check`")

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(TidewaiterError):
    """The request makes no sense as given."""

    fault = Fault("22023", EXIT_USAGE, 400, "see `tidewaiter COMMAND --help`")


class NotFound(TidewaiterError):
    """A named thing does not exist."""

    fault = Fault("42704", EXIT_NO, 404, "list what there is with the `ls` command of its group")


class Conflict(TidewaiterError):
    """The thing exists already, or is in a state that forbids the change."""

    fault = Fault("42710", EXIT_NO, 409, "look at the present state with the `ls` command of its group")


class NotPermitted(TidewaiterError):
    """Who asks may not do this."""

    fault = Fault("42501", EXIT_NO, 403, "ask somebody who may; `tidewaiter policy explain` shows who may what")


class LedgerUnavailable(TidewaiterError):
    """The ledger cannot be written. Nothing was forwarded."""

    fault = Fault("58030", EXIT_NO, 503, "free disk space or repair the ledger's disk; traffic resumes by itself")


class LedgerBusy(TidewaiterError):
    """Another process holds the ledger's lock."""

    fault = Fault("55006", EXIT_NO, 409, "a server is running on this folder: use its admin socket, or stop it")


class Tampered(TidewaiterError):
    """Recorded bytes are not what was recorded."""

    fault = Fault("XX001", EXIT_TAMPERED, 500, "do not start; keep a copy and run `tidewaiter audit verify`")


class UpstreamError(TidewaiterError):
    """The upstream database cannot be reached or refused the gateway's own login."""

    fault = Fault("08006", EXIT_NO, 502, "check the datasource with `tidewaiter datasource test NAME`")


class ProtocolViolation(TidewaiterError):
    """The peer sent bytes that the protocol does not allow in this state."""

    fault = Fault("08P01", EXIT_NO, 400, "use a client that speaks PostgreSQL protocol 3.0 or 3.2")


class LoginRefused(TidewaiterError):
    """Wrong, unknown, expired or revoked credential: clients see no difference."""

    fault = Fault("28P01", EXIT_NO, 401, "issue a fresh credential with `tidewaiter credential issue`")


class StoreUnavailable(TidewaiterError):
    """The control store cannot be read or written. Nobody new is let in meanwhile."""

    fault = Fault(
        "58000", EXIT_NO, 503, "check the [store] url, its disk and its permissions; logins resume by themselves"
    )
