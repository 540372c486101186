"""How many logins one source may fail: a rate limit in fixed memory that no flood of sources can empty or fill up."""

from __future__ import annotations

import hashlib
import secrets
from array import array
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network

ROWS = 4
CELLS = 16384  # per row; the four rows take 1 MiB
# With m sources over their limit at once, another one is refused by mistake with probability (1 - e^(-m/CELLS))^ROWS:
# 0.001 % at 1,000 sources, 5 % at 10,000. To hold 10,000 sources there takes 5,000 failures a second.


def source_of(address: str) -> str:
    """Whom a client address stands for: an IPv4 address, or the /64 network that one IPv6 subscriber owns.

    An IPv4 address in IPv6 clothes is the IPv4 address. What is no address (a socket path) stands for itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))


class FailedLogins:
    """A leaky bucket of failures per source: `per_minute` at once, then as many per minute as leak out.

    The buckets are a count-min sketch: a source has one cell in each of `ROWS` rows, chosen by a keyed hash, and counts
    as the lowest of them. Forgetting the least recently seen source instead would let an attacker with many addresses
    clear their own record; a list of sources that fills up would lock out everybody else. Here a source never gets more
    than its rate, and whom a stranger's cells may hit nobody without the key can choose. Not thread-safe.
    """

    def __init__(self, per_minute: int, key: bytes | None = None) -> None:
        """`key` (1 to 64 bytes) chooses the cells; by default a fresh one, since nothing here outlives the process."""
        self._limit = float(per_minute)
        self._leak_per_s = per_minute / 60
        self._key = secrets.token_bytes(16) if key is None else key
        self._levels = array("d", bytes(8 * ROWS * CELLS))
        self._written_s = array("d", bytes(8 * ROWS * CELLS))

    def allow(self, source: str, now_s: float) -> bool:
        """May this client address try a login at `now_s`? Asking costs nothing; count the failure with `failed`."""
        return min(level for _, level in self._cells(source, now_s)) + 1 <= self._limit

    def failed(self, source: str, now_s: float) -> None:
        """Count one failed login."""
        cells = list(self._cells(source, now_s))
        level = min(level for _, level in cells) + 1
        for cell, present in cells:
            if present < level:  # a cell above is already held there by another source
                self._levels[cell] = level
                self._written_s[cell] = now_s

    def _cells(self, source: str, now_s: float) -> Iterator[tuple[int, float]]:
        """The source's cells with their levels at `now_s`."""
        name = source_of(source).encode(errors="surrogatepass")
        digest = hashlib.blake2b(name, key=self._key, digest_size=2 * ROWS).digest()
        for row in range(ROWS):
            cell = row * CELLS + int.from_bytes(digest[2 * row : 2 * row + 2], "big") % CELLS
            leaked = max(0.0, now_s - self._written_s[cell]) * self._leak_per_s
            yield cell, max(0.0, self._levels[cell] - leaked)
