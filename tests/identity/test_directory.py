from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.errors import Conflict, LoginRefused, NotFound, StoreUnavailable, UsageError
from tidewaiter.identity import Directory, Issued, records
from tidewaiter.identity.credentials import DAY_S
from tidewaiter.model import Kind, Principal
from tidewaiter.store import Store, open_store
from tidewaiter.wire.auth import ScramClient, ScramServer

URL = "sqlite:///control.sqlite"
NOW_S = 1_800_000_000.0


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    open_store(URL, folder).close()
    return folder / "control.sqlite"


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(empty_store, tmp_path)
    opened = open_store(URL, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def directory(store: Store) -> Directory:
    made = Directory(store, NOW_S)
    made.add_principal("alice", Kind.USER, now_s=NOW_S, groups=["analysts"])
    made.add_principal("etl", Kind.SERVICE, now_s=NOW_S)
    made.add_principal("alice-bot", Kind.AGENT, now_s=NOW_S, owner="alice", groups=["bots"])
    return made


class Paused:
    """A clock that moves only when told to, so that look-ups ask the store only when the test wants it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def version(directory: Directory, name: str) -> int:
    return directory.account(name).principal.version


def ids(directory: Directory, name: str, now_s: float = NOW_S) -> list[str]:
    return [verifier.id for verifier in directory.credentials_of(name, now_s)]


def log_in(directory: Directory, user: str, password: str, now_s: float = NOW_S) -> str | None:
    """The id of the credential that a SCRAM login with this password matches."""
    verifiers = [(each.id, each.stored_key, each.server_key) for each in directory.credentials_of(user, now_s)]
    client = ScramClient(user, password, "client-nonce")
    server = ScramServer(
        client.mechanism,
        salt=directory.salt_of(user),
        iterations=directory.iterations,
        verifiers=verifiers,
        server_nonce="server-nonce",
    )
    client.verify(server.final(client.final(server.first(client.first()))))
    return server.matched


# Principals


def test_a_principal_has_its_kind_groups_and_owner(directory: Directory) -> None:
    alice = directory.principal("alice")
    bot = directory.principal("alice-bot")
    assert alice == Principal("alice", Kind.USER, frozenset({"analysts"}), None, 1)
    assert bot == Principal("alice-bot", Kind.AGENT, frozenset({"bots"}), alice, 3)
    assert directory.principal("nobody") is None


def test_accounts_are_listed_by_name_with_the_disabled_ones(directory: Directory) -> None:
    directory.set_enabled("alice", False)
    listed = [(account.principal.name, account.enabled, account.can_log_in) for account in directory.principals()]
    assert listed == [("alice", False, False), ("alice-bot", True, False), ("etl", True, True)]
    assert directory.account("etl").created_at_s == NOW_S


def test_names_are_unique(directory: Directory) -> None:
    with pytest.raises(Conflict, match="there is a principal 'alice' already"):
        directory.add_principal("alice", Kind.SERVICE, now_s=NOW_S)


def test_malformed_names_are_refused_and_leave_nothing(directory: Directory) -> None:
    with pytest.raises(UsageError):
        directory.add_principal("Bob", Kind.USER, now_s=NOW_S)
    with pytest.raises(UsageError):
        directory.add_principal("bob", Kind.USER, now_s=NOW_S, groups=["ok", "not ok"])
    with pytest.raises(NotFound, match="there is no principal 'bob'"):
        directory.account("bob")


def test_only_agents_have_owners_and_only_users_own(directory: Directory) -> None:
    with pytest.raises(UsageError, match="only agents have owners"):
        directory.add_principal("s", Kind.SERVICE, now_s=NOW_S, owner="alice")
    with pytest.raises(UsageError, match="'etl' is none"):
        directory.add_principal("a", Kind.AGENT, now_s=NOW_S, owner="etl")
    with pytest.raises(NotFound, match="'ghost'"):
        directory.add_principal("a", Kind.AGENT, now_s=NOW_S, owner="ghost")


def test_an_agent_without_owner_acts_for_itself(directory: Directory) -> None:
    assert directory.add_principal("free-bot", Kind.AGENT, now_s=NOW_S).on_behalf_of is None


def test_groups_are_added_and_removed_once(directory: Directory) -> None:
    assert directory.add_group("alice", "dba")
    assert not directory.add_group("alice", "dba")
    assert directory.account("alice").principal.groups == {"analysts", "dba"}
    assert directory.remove_group("alice", "analysts")
    assert not directory.remove_group("alice", "analysts")
    assert directory.account("alice").principal.groups == {"dba"}


def test_changes_of_unknown_principals_and_malformed_groups_are_refused(directory: Directory) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: directory.add_group("nobody", "dba"),
        lambda: directory.remove_group("nobody", "dba"),
        lambda: directory.set_enabled("nobody", True),
        lambda: directory.issue("nobody", [], 60, NOW_S),
        lambda: directory.revoke("nosuchid", NOW_S),
        lambda: directory.credential("nosuchid"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(UsageError):
        directory.add_group("alice", "DBA")


def test_version_changes_with_the_principal_its_groups_and_its_owner(directory: Directory) -> None:
    changes: list[Callable[[], object]] = [
        lambda: directory.add_group("alice", "dba"),
        lambda: directory.remove_group("alice", "dba"),
        lambda: directory.set_enabled("alice", False),
        lambda: directory.set_enabled("alice", True),
    ]
    for change in changes:
        before = [version(directory, name) for name in ("alice", "alice-bot", "etl")]
        change()
        after = [version(directory, name) for name in ("alice", "alice-bot", "etl")]
        assert [new > old for new, old in zip(after, before, strict=True)] == [True, True, False]
        assert directory.account("alice-bot").principal.owner == directory.account("alice").principal


def test_an_agents_change_leaves_its_owners_version(directory: Directory) -> None:
    before = version(directory, "alice")
    directory.add_group("alice-bot", "readers")
    assert version(directory, "alice") == before
    assert version(directory, "alice-bot") > before


def test_version_stays_when_nothing_or_only_credentials_changed(directory: Directory) -> None:
    before = version(directory, "alice")
    directory.set_enabled("alice", True)
    directory.add_group("alice", "analysts")
    directory.revoke(directory.issue("alice", [], 60, NOW_S).id, NOW_S)
    assert version(directory, "alice") == before


# Credentials and logins


def test_an_issued_credential_logs_in_and_says_which_it_was(directory: Directory) -> None:
    first = directory.issue("alice", [], 3600, NOW_S)
    second = directory.issue("alice", ["shop"], 60, NOW_S)
    assert log_in(directory, "alice", first.password.value) == first.id
    assert log_in(directory, "alice", second.password.value) == second.id


@pytest.mark.parametrize("user", ["alice", "alice-bot", "nobody"])
def test_a_wrong_password_and_another_principals_are_refused_alike(directory: Directory, user: str) -> None:
    others = directory.issue("etl", [], 3600, NOW_S)
    for password in (others.password.value, "guess"):
        with pytest.raises(LoginRefused, match=r"^password authentication failed$"):
            log_in(directory, user, password)


def test_a_password_names_its_prefix_id_and_secret(store: Store) -> None:
    directory = Directory(store, NOW_S, random_text=lambda characters: "x" * characters)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    issued = directory.issue("alice", ["shop", "crm", "shop"], 60, NOW_S)
    assert issued.password.value == "tw1_xxxxxxxx_" + "x" * 32
    assert issued == Issued("xxxxxxxx", "alice", "alice", issued.password, ("crm", "shop"), NOW_S + 60)


def test_an_id_is_never_used_twice(store: Store) -> None:
    texts = iter(["aaaaaaaa", "s" * 32, "aaaaaaaa", "bbbbbbbb", "s" * 32])
    directory = Directory(store, NOW_S, random_text=lambda _characters: next(texts))
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    assert [directory.issue("alice", [], 60, NOW_S).id for _ in range(2)] == ["aaaaaaaa", "bbbbbbbb"]


def test_no_password_is_stored(directory: Directory, tmp_path: Path) -> None:
    issued = directory.issue("alice", [], 60, NOW_S)
    secret = issued.password.value.rpartition("_")[2].encode()
    files = list(tmp_path.glob("control.sqlite*"))
    assert any(issued.id.encode() in path.read_bytes() for path in files)
    assert not any(secret in path.read_bytes() for path in files)


def test_verifiers_carry_datasources_and_expiry(directory: Directory) -> None:
    directory.issue("alice", ["shop", "crm"], 60, NOW_S)
    (verifier,) = directory.credentials_of("alice", NOW_S)
    assert verifier.datasources == {"shop", "crm"}
    assert verifier.expires_at_s == NOW_S + 60


def test_expired_credentials_do_not_log_in(directory: Directory) -> None:
    long, short = directory.issue("alice", [], 100, NOW_S), directory.issue("alice", [], 10, NOW_S)
    assert ids(directory, "alice", NOW_S + 9.9) == [long.id, short.id]
    assert ids(directory, "alice", NOW_S + 10) == [long.id]
    assert ids(directory, "alice", NOW_S + 100) == []


def test_a_revoked_credential_does_not_log_in_and_ends_its_sessions(directory: Directory) -> None:
    kept, lost = directory.issue("alice", [], 60, NOW_S), directory.issue("alice", [], 60, NOW_S)
    assert directory.may_continue("alice", lost.id)
    assert directory.revoke(lost.id, NOW_S + 1)
    assert not directory.revoke(lost.id, NOW_S + 2)
    assert ids(directory, "alice") == [kept.id]
    assert [directory.may_continue("alice", each.id) for each in (kept, lost)] == [True, False]
    assert directory.credential(lost.id).revoked_at_s == NOW_S + 1


def test_expiry_leaves_sessions_but_revoking_the_expired_ends_them(directory: Directory) -> None:
    issued = directory.issue("alice", [], 10, NOW_S)
    assert ids(directory, "alice", NOW_S + 99) == []
    assert directory.may_continue("alice", issued.id)
    directory.revoke(issued.id, NOW_S + 100)
    assert not directory.may_continue("alice", issued.id)


def test_disabling_stops_logins_and_sessions_of_the_principal_and_its_agents(directory: Directory) -> None:
    issued = {name: directory.issue(name, [], 60, NOW_S).id for name in ("alice", "alice-bot", "etl")}
    assert directory.set_enabled("alice", False)
    assert not directory.set_enabled("alice", False)
    for name in ("alice", "alice-bot"):
        assert directory.principal(name) is None
        assert ids(directory, name) == []
        assert not directory.may_continue(name, issued[name])
        with pytest.raises(Conflict, match=r"'alice'.* is disabled"):
            directory.issue(name, [], 60, NOW_S)
    assert ids(directory, "etl") == [issued["etl"]]
    directory.set_enabled("alice", True)
    assert [ids(directory, name) for name in issued] == [[id_] for id_ in issued.values()]


def test_impossible_credentials_are_refused(directory: Directory) -> None:
    for ttl_s in (0.0, 31 * DAY_S):
        with pytest.raises(UsageError, match="lives more than 0 s"):
            directory.issue("alice", [], ttl_s, NOW_S)
    with pytest.raises(UsageError, match="not a datasource name"):
        directory.issue("alice", [""], 60, NOW_S)
    with pytest.raises(UsageError, match="a label"):
        directory.issue("alice", [], 60, NOW_S, label="a\nb")
    assert directory.issue("etl", [], 31 * DAY_S, NOW_S).expires_at_s == NOW_S + 31 * DAY_S


def test_live_credentials_of_one_principal_are_bounded(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LIVE_CREDENTIALS", 3)
    issued = [directory.issue("alice", [], 60 + number, NOW_S) for number in range(3)]
    with pytest.raises(Conflict, match="has 3 live credentials"):
        directory.issue("alice", [], 60, NOW_S)
    directory.issue("etl", [], 60, NOW_S)
    directory.revoke(issued[0].id, NOW_S)
    directory.issue("alice", [], 60, NOW_S + 1)
    directory.issue("alice", [], 60, NOW_S + 61.5)  # one of the first three has expired by now


def test_credentials_are_listed_with_their_fate(directory: Directory) -> None:
    first = directory.issue("alice", ["shop"], 60, NOW_S, label="laptop")
    second = directory.issue("etl", [], 60, NOW_S + 1)
    directory.revoke(first.id, NOW_S + 2)
    assert [credential.id for credential in directory.credentials()] == [first.id, second.id]
    (listed,) = directory.credentials("alice")
    assert (listed.label, listed.datasources, listed.state(NOW_S + 3)) == ("laptop", ("shop",), "revoked")


def test_pruning_forgets_what_ended_long_ago_and_nothing_else(directory: Directory) -> None:
    dead, revoked = directory.issue("alice", [], 60, NOW_S), directory.issue("etl", [], 90 * DAY_S, NOW_S)
    directory.revoke(revoked.id, NOW_S + DAY_S)
    live = directory.issue("etl", [], 90 * DAY_S, NOW_S)
    assert directory.prune(NOW_S + 30 * DAY_S) == 0
    assert directory.prune(NOW_S + 30 * DAY_S + 61) == 1
    assert [each.id for each in directory.credentials()] == sorted([revoked.id, live.id])
    assert directory.prune(NOW_S + 32 * DAY_S) == 1
    assert ids(directory, "etl") == [live.id]
    assert not directory.may_continue("etl", revoked.id)
    assert dead.id not in {each.id for each in directory.credentials()}


def test_salts_are_stable_and_the_same_for_known_and_unknown_names(directory: Directory, store: Store) -> None:
    again = Directory(store, NOW_S)
    for name in ("alice", "nobody", "", "\0", "\udc80"):
        assert directory.salt_of(name) == again.salt_of(name)
        assert len(directory.salt_of(name)) == 16


# Other processes


def test_changes_of_another_process_count_after_the_check_interval(store: Store, tmp_path: Path) -> None:
    elsewhere = open_store(URL, tmp_path)
    clock = Paused()
    here, there = Directory(store, NOW_S, clock_s=clock), Directory(elsewhere, NOW_S)
    there.add_principal("alice", Kind.USER, now_s=NOW_S)
    assert here.principal("alice") is None
    clock.now_s += store.check_s
    assert here.principal("alice") is not None
    generation = here.generation
    issued = there.issue("alice", [], 60, NOW_S)
    assert ids(here, "alice") == []
    here.refresh()
    assert ids(here, "alice") == [issued.id]
    assert here.generation > generation
    there.revoke(issued.id, NOW_S)
    clock.now_s += store.check_s
    assert not here.may_continue("alice", issued.id)
    elsewhere.close()


def test_a_store_that_cannot_answer_lets_nobody_in(directory: Directory, store: Store) -> None:
    clock = Paused()
    checking = Directory(store, NOW_S, clock_s=clock)
    clock.now_s += 1
    store.close()
    with pytest.raises(StoreUnavailable):
        checking.credentials_of("alice", NOW_S)
    with pytest.raises(StoreUnavailable):
        checking.credentials_of("alice", NOW_S)


def test_lookups_that_others_keep_fresh_ask_nothing_and_end_with_a_store_that_is_silent(
    directory: Directory, store: Store
) -> None:
    clock = Paused()
    looking = Directory(store, NOW_S, clock_s=clock, stale_s=3.0)
    directory.set_enabled("alice", False)
    clock.now_s = 3.0
    assert looking.principal("alice") is not None
    looking.refresh()
    assert looking.principal("alice") is None
    clock.now_s = 6.5
    with pytest.raises(StoreUnavailable, match="no answer for 4 s"):
        looking.credentials_of("etl", NOW_S)
    with pytest.raises(StoreUnavailable):
        looking.may_continue("etl", "x")


def test_a_lookup_during_another_threads_refresh_does_not_wait(directory: Directory, store: Store) -> None:
    clock = Paused()
    looking = Directory(store, NOW_S, clock_s=clock)
    entered, leave = threading.Event(), threading.Event()

    def slow_stamp() -> int:
        entered.set()
        assert leave.wait(10)
        return -2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "stamp", slow_stamp)
        refreshing = threading.Thread(target=looking.refresh)
        refreshing.start()
        assert entered.wait(10)
        clock.now_s += 1
        assert looking.principal("alice") is not None
        leave.set()
        refreshing.join()


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "group", "ungroup", "enable", "disable", "issue", "revoke"]),
        st.sampled_from(["u1", "u2", "a1", "a2", "s1"]),
        st.sampled_from(["g1", "g2"]),
    ),
    max_size=25,
)


def change(directory: Directory, what: str, name: str, group: str) -> None:
    match what:
        case "add":
            kind = {"u": Kind.USER, "a": Kind.AGENT, "s": Kind.SERVICE}[name[0]]
            owner = "u" + name[1] if kind is Kind.AGENT and group == "g1" else None
            directory.add_principal(name, kind, now_s=NOW_S, owner=owner, groups=[group])
        case "group":
            directory.add_group(name, group)
        case "ungroup":
            directory.remove_group(name, group)
        case "enable" | "disable":
            directory.set_enabled(name, what == "enable")
        case "issue":
            directory.issue(name, [group], 60, NOW_S)
        case "revoke":
            for credential in directory.credentials(name)[:1]:
                directory.revoke(credential.id, NOW_S)


@settings(max_examples=25, deadline=None)
@given(changes=CHANGES)
def test_keeping_up_with_changes_gives_what_reading_everything_gives(
    changes: list[tuple[str, str, str]], empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(empty_store, folder)
    store = open_store(URL, folder)
    writing, following = Directory(store, NOW_S), Directory(store, NOW_S)
    for step in changes:
        try:
            change(writing, *step)
        except (NotFound, Conflict):
            continue
        following.refresh()
        fresh = Directory(store, NOW_S)
        assert writing.principals() == following.principals() == fresh.principals()
        for account in fresh.principals():
            name = account.principal.name
            assert following.credentials_of(name, NOW_S) == fresh.credentials_of(name, NOW_S)
            for credential in fresh.credentials(name):
                assert following.may_continue(name, credential.id) == fresh.may_continue(name, credential.id)
    store.close()


def test_who_somebody_is_now_is_asked_of_the_store(store: Store) -> None:
    clock = Paused()
    one, other = Directory(store, NOW_S, clock_s=clock), Directory(store, NOW_S, clock_s=clock)
    one.add_principal("dave", Kind.USER, now_s=NOW_S)
    one.refresh()
    other.refresh()
    other.set_enabled("dave", False)
    assert one.principal("dave") is not None  # as of the last look, while the clock stands still
    assert one.principal_now("dave") is None
