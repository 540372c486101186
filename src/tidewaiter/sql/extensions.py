"""Extensions whose functions were reviewed: what they compute follows from their arguments and asks no more of anyone.

An extension's functions are not harmless as such: dblink and postgres_fdw reach other servers, adminpack writes files,
tablefunc's `crosstab` and xml2's `xpath_table` run a text as a query. Only what is listed here counts as looked at,
and of it only what cannot do anything: C code that is not volatile, or whose name is listed.
"""

from __future__ import annotations

from tidewaiter.sql.levels import words

REVIEWED = words(
    # types with their operators and functions
    "citext cube hstore isn ltree seg "
    # text: similarity, accents, sounds
    "fuzzystrmatch pg_trgm unaccent dict_int dict_xsyn "
    # arrays, index support, sampling
    "intarray intagg btree_gin btree_gist bloom tsm_system_rows tsm_system_time "
    # digests, ciphers, identifiers
    "pgcrypto uuid-ossp "
    # distances on earth, which are in SQL and so looked at
    "earthdistance"
)
"""Names of extensions, all of those that ship with PostgreSQL 15 to 18. Others are permitted function by function."""

HARMLESS_VOLATILE = words(
    # chance and identifiers
    "gen_random_uuid gen_random_bytes gen_salt pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt "
    "pgp_pub_encrypt_bytea uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 "
    # thresholds of pg_trgm for this session: numbers between 0 and 1
    "set_limit"
)
"""Volatile functions of these extensions that do nothing but compute."""


def is_reviewed(extension: str, name: str, language: str, volatility: str) -> bool:
    """Whether a function of an extension was reviewed as harmless."""
    return extension in REVIEWED and language == "c" and (volatility != "v" or name in HARMLESS_VOLATILE)
