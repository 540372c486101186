"""Skeletons of texts in C (_skeleton.c), there where it was built."""

def skeleton(text: bytes, /) -> bytes | None:
    """`skeleton.skeleton_in_python`."""
