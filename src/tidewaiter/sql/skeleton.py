"""The skeleton of a text: what is left when plain constants are taken out. Texts with one skeleton share their tree.

Equal skeletons mean equal parse trees once constants and locations are cleared; so facts that no constant decides are
equal too. Conservative: whatever makes the lexer's work less than obvious gives no skeleton.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_STARTS = frozenset({b"select", b"insert", b"update", b"delete"})

# Placeholders are bytes that no accepted text contains. Numbers and strings differ: `-5` is a constant, `-'5'` is not.
# Each pattern begins with what it looks for, so that the search is one fast scan; what must not come before is checked
# by looking back over it.
_STRING = re.compile(rb"'(?<![\w&$\x80-\xff]')[^']*'")
_STRING_MARK = b"'\x01"
_NUMBER = re.compile(rb"[0-9](?<![\w$.\"\x80-\xff][0-9])[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?(?![\w.$\x80-\xff])")
_NUMBER_MARK = b"\x02"
_QUOTED = re.compile(rb'"[^"]*"')
_SIMPLE_QUOTED = re.compile(rb'"[A-Za-z_]\w*"\Z')
_DOLLAR = re.compile(rb"\$(?![0-9])|[0-9]\$|\$[0-9]+[A-Za-z_\x80-\xff]")
_FLOAT = re.compile(rb"float\s*\(", re.IGNORECASE)  # float(24) and float(25) are different types


_UNSAFE = b"\\\x00\x01\x02"
_DASH, _SLASH, _DOLLAR_SIGN, _QUOTE, _NAME_QUOTE = b"-/$'\""


def skeleton_in_python(text: bytes) -> bytes | None:
    """The text with its plain numbers and strings replaced; None when it is not safe to share anything."""
    # `number in text` is a scan in C; `bytes in text` is five times slower.
    if text[:6].lower() not in _STARTS or len(text.translate(None, _UNSAFE)) != len(text):
        return None
    if (_DASH in text and text.find(b"--") >= 0) or (_SLASH in text and text.find(b"/*") >= 0):
        return None
    if _DOLLAR_SIGN in text and _DOLLAR.search(text):
        return None
    bones = text
    if _QUOTE in text:
        bones, strings = _STRING.subn(_STRING_MARK, text)
        # A quote that is left over opens what is not a plain string: E'…', U&'…', B'…', or an unfinished one.
        if bones.count(b"'") != strings:
            return None
    if _NAME_QUOTE in text and not _has_simple_names(text, bones):
        return None
    bones = _NUMBER.sub(_NUMBER_MARK, bones)
    return None if bones.find(b"(\x02") >= 0 and _FLOAT.search(bones) else bones


def _has_simple_names(text: bytes, bones: bytes) -> bool:
    """Whether every quoted name is a plain word, so that neither quotes nor digits in it can be taken for constants."""
    names = _QUOTED.findall(bones)
    if bones.count(b'"') != 2 * len(names) or text.count(b'"') != 2 * len(names):
        return False
    return all(_SIMPLE_QUOTED.match(name) for name in names)


skeleton: Callable[[bytes], bytes | None]
"""`skeleton_in_python`, in C where it can be had: a statement with ever new constants asks for it each time."""
try:
    import tidewaiter.sql._skeleton as _skeleton

    skeleton = _skeleton.skeleton
except ModuleNotFoundError:
    skeleton = skeleton_in_python
