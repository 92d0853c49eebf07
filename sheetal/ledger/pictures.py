"""Takes out of a picture what a camera writes into it beside the picture: place, device, owner, comments (pure).

    JPEG:  FFD8, segments (FF, marker, length, body), FFDA and the picture, maybe more of both, FFD9
    PNG:   signature, chunks (length, name, body, checksum), the last is IEND

Colour (ICC) and what decoders need stays; what hangs behind the end goes, since telephones put another picture there
with all its words. A file whose parts do not add up is kept from there on as it is.
"""

from __future__ import annotations

JPEG_START = b"\xff\xd8"
PNG_START = b"\x89PNG\r\n\x1a\n"
MARKER = 0xFF
START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
IN_SCAN = frozenset({0x00, *range(0xD0, 0xD8)})
"""What follows FF inside a picture: a stuffed zero, or a restart."""
COMMENT = 0xFE
APPLICATION = range(0xE0, 0xF0)
KEPT = frozenset({0xE0, 0xE2, 0xEE})
"""JFIF's head, the colour profile, and Adobe's colour transform."""
COLOUR_MARKER, COLOUR_NAME = 0xE2, b"ICC_PROFILE\0"
LAST_CHUNK = b"IEND"
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
        if marker == END_OF_IMAGE:
            return b"".join([*kept, content[at : at + 2]])
        if not at + SEGMENT_HEAD_BYTES <= end <= len(content):
            break
        end = _scan_end(content, end) if marker == START_OF_SCAN else end
        if _is_kept(marker, content[at + SEGMENT_HEAD_BYTES : end]):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _is_kept(marker: int, body: bytes) -> bool:
    if marker == COLOUR_MARKER:
        return body.startswith(COLOUR_NAME)
    return marker != COMMENT and (marker not in APPLICATION or marker in KEPT)


def _scan_end(content: bytes, at: int) -> int:
    """Where the picture data that begins here ends: at the next marker that is none of its own."""
    while (at := content.find(MARKER, at)) >= 0 and at + 1 < len(content):
        if content[at + 1] not in IN_SCAN:
            return at
        at += 2
    return len(content)


def _bare_png(content: bytes) -> bytes:
    kept, at = [PNG_START], len(PNG_START)
    while at + CHUNK_REST_BYTES <= len(content):
        end = at + CHUNK_REST_BYTES + int.from_bytes(content[at : at + 4], "big")
        if end > len(content):
            break
        name = content[at + 4 : at + 8]
        if name not in TOLD_CHUNKS:
            kept.append(content[at:end])
        at = end
        if name == LAST_CHUNK:
            return b"".join(kept)
    return b"".join([*kept, content[at:]])
