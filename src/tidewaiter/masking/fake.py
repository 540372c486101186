"""Invented names for the mask `fake`: 96 × 96, chosen by a digest. Two people may get one name; nobody is meant."""

from __future__ import annotations

from typing import Final

_FIRST_NAMES: Final = (
    "Ada Alba Amos Anouk Arno Asta Auden Aviva Bela Berit Boris Bruna Caleb Carys Cleo Corin Dagny Dario Della "
    "Dima Edda Elio Elke Emre Enzo Esme Ewan Fenja Fiona Floris Gaia Gale Gesa Gil Greta Hanno Haru Hedda Hugo "
    "Ida Ilja Imre Ines Iris Ivo Jael Jana Joris Juno Kaia Kian Kira Kuno Lale Lars Leda Levi Lior Lotte Lucas "
    "Mabel Malin Marek Mika Milo Mina Nadir Nele Nils Noor Nuria Odin Olive Oskar Paz Petra Quinn Rafe Remy Rhea "
    "Romy Rune Sami Selma Silas Sven Tamar Theo Tilda Tomas Una Vera Vito Wanda Yara Zeno "
)
_LAST_NAMES: Final = (
    "Abel Acker Adler Ahlgren Amber Arden Ashby Auer Bakker Barros Baum Beck Berg Birk Blum Borg Brandt Byrne "
    "Calder Castel Corvin Crane Dahl Darrow Doran Dreyer Eads Eliot Ember Esser Fabre Falk Farrow Fink Forde "
    "Frost Gale Garr Glenn Gower Grant Hale Harlan Heath Holt Horn Ibsen Innes Jarvis Joyce Kane Kessler Kirk "
    "Krall Lamb Lange Larch Linde Lowe Marsh Mercer Moss Nagel Nash Noble Nord Oakes Olsen Orr Page Parr Penn "
    "Pike Quill Rask Reed Rhodes Rowe Sand Sears Sloan Stark Stone Thorn Tully Udall Vance Vega Voss Wade Webb "
    "West Wilde Wren Yates Zeller "
)
FIRST: Final = tuple(_FIRST_NAMES.encode().split())
LAST: Final = tuple(_LAST_NAMES.encode().split())


def fake_name(digest: bytes) -> bytes:
    """First and last name that a digest of at least 8 bytes chooses."""
    first = int.from_bytes(digest[:4], "big") % len(FIRST)
    last = int.from_bytes(digest[4:8], "big") % len(LAST)
    return b"%b %b" % (FIRST[first], LAST[last])
