"""What a file is by its first bytes: pictures that a reader of videos would take for a video. Pure.

HEIF and AVIF photographs are ISO base media files like MP4; their brands tell them apart.
"""

# ISO/IEC 23008-12, annex B, and AV1 Image File Format 1.1.0, section 8: one picture, or several
# that are not shown one after the other. `crx ` is the brand of Canon's raw photographs.
_PICTURE_BRANDS = frozenset(
    {b"mif1", b"mif2", b"miaf", b"heic", b"heix", b"heim", b"heis", b"avif", b"j2ki", b"crx "}
)
# The same standards, for sequences: bursts and animations, which play.
_SEQUENCE_BRANDS = frozenset(
    {b"msf1", b"hevc", b"hevx", b"hevm", b"hevs", b"avis", b"jpgs", b"j2is"}
)
_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"II*\x00",  # TIFF, and raw photographs
    b"MM\x00*",
    b"8BPS",  # Photoshop
    b"\xff\x0a",  # JPEG XL, a codestream
    b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",  # JPEG 2000
)
_ANIMATED_PNG = b"acTL"
_SYNC, _IS_SCRAMBLED = 0x47, 0x80


def is_picture(beginning: bytes) -> bool:
    """Say whether a file that begins with these bytes, 512 or all, is a still picture."""
    if beginning[4:8] == b"ftyp":
        return _is_still(beginning)
    if beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP":
        return not (beginning[12:16] == b"VP8X" and len(beginning) > 20 and beginning[20] & 2)
    return beginning.startswith(_STARTS) and _ANIMATED_PNG not in beginning


def may_be_motion_jpeg(beginning: bytes) -> bool:
    """Say whether a JPEG may be the first of a raw stream of JPEGs, and is not a photograph.

    Photographs have Exif data; a file of several photographs has an index (CIPA DC-007).
    """
    is_photograph = b"Exif\0" in beginning or b"MPF\0" in beginning
    return beginning.startswith(b"\xff\xd8\xff") and not is_photograph


def is_scrambled(beginning: bytes) -> bool:
    """Say whether packets of an MPEG transport stream are encrypted.

    Their `transport_scrambling_control` says so (ITU-T H.222.0, 2.4.3.3, and ETSI ETR 289).
    `beginning` starts with a packet of 188 bytes, or of 192 bytes with a time first, as on Blu-ray
    discs.
    """
    for size, first in ((188, 0), (192, 4)):
        packets = range(first, len(beginning) - 3, size)
        if packets and all(beginning[at] == _SYNC for at in packets):
            return any(beginning[at + 3] & _IS_SCRAMBLED for at in packets)
    return False


def _is_still(beginning: bytes) -> bool:
    """Judge by the major brand, and if that is a general one, by the compatible brands too."""
    size = int.from_bytes(beginning[:4], "big")
    listed = beginning[16 : max(16, min(size, len(beginning)))]
    brands = {listed[i : i + 4] for i in range(0, len(listed) - 3, 4)}
    major = beginning[8:12]
    if major not in _PICTURE_BRANDS:
        return False
    return major not in (b"mif1", b"mif2", b"miaf") or not brands & _SEQUENCE_BRANDS
