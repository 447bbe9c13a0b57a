"""Reads and rewrites the one length in XMP that a re-encoded picture changes: its own; pure, it changes nothing else.

Google's container directory (GContainer, Ultra HDR, Motion Photo) lists the pictures and videos in a JPEG with their
lengths. The first item is the picture itself, and mostly has no length; where it has one, it has to be right.
"""

from __future__ import annotations

import re

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_ITEM = re.compile(rb"<rdf:li\b[^>]*>(?:(?!<rdf:li\b).){0,4000}?</rdf:li>", re.DOTALL)
_PRIMARY = re.compile(rb"""Semantic(?:\s*=\s*["']|>\s*)Primary\b""")
_LENGTH = re.compile(rb"""(\bItem:Length(?:\s*=\s*["']|>\s*))(\d{1,12})(?!\d)""")


def primary_length(packet: bytes) -> int:
    """Return the length that the directory in an XMP packet gives for the picture itself; 0 for none."""
    for item in _ITEM.finditer(packet):
        if _PRIMARY.search(item[0]) and (found := _LENGTH.search(item[0])):
            return int(found[2])
    return 0


def with_primary_length(segment: bytes, length: int) -> bytes:
    """Return a whole XMP segment in which the picture's own length, if it is given and not 0, is `length` bytes."""
    packet = segment[4:]
    for item in _ITEM.finditer(packet):
        found = _LENGTH.search(item[0]) if _PRIMARY.search(item[0]) else None
        if found and int(found[2]):
            at = item.start() + found.start(2)
            new = packet[:at] + b"%d" % length + packet[item.start() + found.end(2) :]
            return segment[:2] + (len(new) + 2).to_bytes(2) + new
    return segment


def further_lengths(packet: bytes) -> list[int]:
    """Return the lengths of the items behind the picture itself, in their order; they lie there one after the other."""
    items = [item[0] for item in _ITEM.finditer(packet) if not _PRIMARY.search(item[0])]
    found = (_LENGTH.search(item) for item in items)
    return [int(length[2]) for length in found if length]
