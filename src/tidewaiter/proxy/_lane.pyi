"""The steady path of a session in C (_lane.c), there where it was built."""

from collections.abc import Callable

from tidewaiter.model import Receipt
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import Judged

class Lane:
    """See lane.py, which says what is given and does without."""

    def __new__(
        cls,
        *,
        ask: Callable[[bytes], None],
        answer: Callable[[bytes], None],
        fail: Callable[[Exception], None],
        plain: Callable[[bytes], Judged | None],
        went: Callable[[int, bool, Statement | None, Judged, bytes, bytes, tuple[int, ...], int], None],
        done: Callable[[int, bool, Statement | None, Judged, bytes, bytes, tuple[int, ...], int], None],
        ran: Callable[[bytes, bytes, int], Receipt],
        batch: object,  # of the ledger; any other than the one in C is not used
        counted: Callable[[int, int], None],
        say_now: Callable[[bytes], None],
        written: Callable[[Callable[[bool], None]], None],
        said: Callable[[bool], None],
        clock_us: Callable[[], int] | None,  # None for the system's own, see clock.py
        server: Link,
        known: dict[bytes, Statement],
        unsaid: list[bytes],
        who: bytes,
        most_bytes: int,
        keeps_binds: bool,
    ) -> Lane: ...
    def asked(self, chunk: bytes, /) -> None: ...
    def answered(self, chunk: bytes, /) -> None: ...
    def arm(self, in_transaction: bool, /) -> None: ...
    def disarm(self) -> None: ...
    @property
    def is_busy(self) -> bool: ...
