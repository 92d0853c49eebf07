"""Takes out of a picture what a camera writes into it beside the picture: place, device, owner, comments (pure).

    JPEG:  FFD8, segments (FF, marker, length, body), FFDA and the picture
    PNG:   signature, chunks (length, name, body, checksum)

Colour (ICC) and what decoders need stays. A file whose parts do not add up is kept from there on as it is.
"""

from __future__ import annotations

JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
MARKER = 0xFF
START_OF_SCAN = 0xDA
COMMENT = 0xFE
APPLICATION = range(0xE0, 0xF0)
KEPT = frozenset({0xE0, 0xE2, 0xEE})
"""JFIF's head, the colour profile, and Adobe's colour transform."""
SEGMENT_HEAD_BYTES = 4
CHUNK_REST_BYTES = 12
TOLD_CHUNKS = frozenset({b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME"})


def bare(content: bytes) -> bytes:
    """The picture without its words; any other file as it is."""
    if content.startswith(JPEG_START):
        return _bare_jpeg(content)
    return _bare_png(content) if content.startswith(PNG_START) else content


def _bare_jpeg(content: bytes) -> bytes:
    kept, at = [JPEG_START], len(JPEG_START)
    while at + SEGMENT_HEAD_BYTES <= len(content) and content[at] == MARKER:
        marker = content[at + 1]
        end = at + 2 + int.from_bytes(content[at + 2 : at + SEGMENT_HEAD_BYTES], "big")
        if marker == START_OF_SCAN or not at + SEGMENT_HEAD_BYTES <= end <= len(content):
            break
        if not (marker == COMMENT or (marker in APPLICATION and marker not in KEPT)):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _bare_png(content: bytes) -> bytes:
    kept, at = [PNG_START], len(PNG_START)
    while at + CHUNK_REST_BYTES <= len(content):
        end = at + CHUNK_REST_BYTES + int.from_bytes(content[at : at + 4], "big")
        if end > len(content):
            break
        if content[at + 4 : at + 8] not in TOLD_CHUNKS:
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])
