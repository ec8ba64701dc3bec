"""What a payload is, and the way between encoded bytes and arrays: Pillow for images, soundfile for speech.

Every reader here takes bytes that a stranger made. Sizes are looked up in the header before anything is decoded, and
whatever a decoder raises becomes one error, `BrokenItemError`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError
from memory.records import Modality

if TYPE_CHECKING:
    import PIL.Image

Pixels = NDArray[np.uint8]
"""One image: (height, width, channels), channels 1 (grey) or 3 (RGB)."""


@dataclass(frozen=True)
class Wave:
    """One clip: `samples` (channels, time) float32, full scale is 1.0; `rate_hz` samples a second."""

    samples: NDArray[np.float32]
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return int(self.samples.shape[-1]) / self.rate_hz


Payload = str | Pixels | Wave

IMAGE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
AUDIO_ENDINGS = frozenset((".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"))
MAX_PIXELS = 64_000_000
MAX_SECONDS = 3600
MAX_CHANNELS = 32
MAX_RATE_HZ = 384_000
MAX_SAMPLES = 1 << 29
"""Over all channels: 2 GiB as float32."""
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# Named, because Pillow also knows formats that start other programs (EPS).
_ENDLESS = 0x7FFFF000
# Programs that write WAV into a pipe leave a length from here up, as they cannot know it.
_EVERY_BIT_PATTERN_IS_SOUND = frozenset(
    (major, subtype) for major in ("WAV", "WAVEX") for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")
)


class BrokenItemError(UsageError):
    """One media item cannot be read; the others can."""


def decode(modality: Modality, data: bytes, where: str) -> Payload:
    """Return the payload that `data` encodes: text, pixels or a wave.

    Raises BrokenItemError naming `where` when it cannot be read.
    """
    readers: dict[Modality, Any] = {"text": _text, "image": _pixels, "speech": _wave}
    return _guarded(readers[modality], data, where)  # type: ignore[no-any-return]


def check(modality: Modality, data: bytes, where: str) -> None:
    """Raise BrokenItemError when `data` cannot be decoded to its end.

    Images and compressed or float audio are decoded once and dropped, block by block for audio; plain PCM is not,
    as every bit pattern of it is a sample and the header's length is compared with the file's.
    """
    readers: dict[Modality, Any] = {"text": _text, "image": _pixels, "speech": _listen}
    _guarded(readers[modality], data, where)


def _guarded(read: Any, data: bytes, where: str) -> Any:
    if not data:
        raise BrokenItemError("is empty (0 bytes).", where=where)
    try:
        return read(data)
    except BrokenItemError as problem:
        raise BrokenItemError(str(problem), where=where) from problem
    except Exception as problem:  # a decoder fed hostile bytes raises anything
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise BrokenItemError(f"cannot be decoded ({reason[:200]}).", where=where) from problem


def _text(data: bytes) -> str:
    return data.decode("utf-8")


# --- images ---------------------------------------------------------------------------------------


@functools.cache
def _pillow() -> Any:
    import warnings

    import PIL.Image

    for form in _FORMATS:  # Pillow knows only the formats whose plugin was loaded
        importlib.import_module(f"PIL.{'WebP' if form == 'WEBP' else form.capitalize()}ImagePlugin")
    # Pillow warns above this many pixels; made an error, no decoder of it passes the limit unnoticed.
    PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.filterwarnings("error", category=PIL.Image.DecompressionBombWarning)
    return PIL.Image


def _load(data: bytes) -> PIL.Image.Image:
    image_module = _pillow()
    try:
        image: PIL.Image.Image = image_module.open(io.BytesIO(data), formats=_FORMATS)
    except image_module.UnidentifiedImageError:
        raise BrokenItemError(f"is not an image in a format that is read: {', '.join(_FORMATS)}.") from None
    except (image_module.DecompressionBombWarning, image_module.DecompressionBombError):
        raise BrokenItemError(f"declares more than {MAX_PIXELS:,} pixels; it was not decoded.") from None
    if image.width * image.height > MAX_PIXELS:
        raise BrokenItemError(f"declares {image.width} x {image.height} pixels, the limit is {MAX_PIXELS:,}.")
    image.load()
    return image


def _pixels(data: bytes) -> Pixels:
    import PIL.ImageOps

    image = _load(data)
    turned = PIL.ImageOps.exif_transpose(image) if image.getexif() else image
    plain = _eight_bits(turned or image)
    pixels: Pixels = np.array(plain, dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _eight_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode in {"L", "RGB"} and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I"):
        return _from_sixteen_bits(image)
    if image.mode == "F":
        raise BrokenItemError("holds 32-bit float pixels, whose range is not stated; save it with 8 or 16 bits.")
    if image.mode in {"LA", "La", "RGBA", "RGBa", "PA"} or "transparency" in image.info:
        return _over_white(image)
    return image.convert("RGB")


def _from_sixteen_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise BrokenItemError("holds pixels of more than 16 bits; save it with 8 or 16 bits.")
    return _pillow().fromarray(((values + 128) // 257).astype(np.uint8))  # type: ignore[no-any-return]


def _over_white(image: PIL.Image.Image) -> PIL.Image.Image:
    grey = image.mode in {"LA", "La", "L"}
    clear = image.convert("RGBA")
    white = _pillow().new("RGBA", clear.size, (255, 255, 255, 255))
    return _pillow().alpha_composite(white, clear).convert("L" if grey else "RGB")  # type: ignore[no-any-return]


def encode_image(pixels: Pixels) -> bytes:
    """Return `pixels` (height, width, 1 or 3) uint8 as PNG."""
    file = io.BytesIO()
    _pillow().fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, format="PNG")
    return file.getvalue()


# --- speech ---------------------------------------------------------------------------------------


class _Seekable(io.BytesIO):
    """Bytes whose position stays where it is when a broken header asks for one before the start."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return self.tell()


def _open_sound(data: bytes) -> Any:
    import soundfile

    if data[:4] == b"RIFF":
        _compare_lengths(data)
    sound = soundfile.SoundFile(_Seekable(data))
    if not 0 < sound.samplerate <= MAX_RATE_HZ:
        raise BrokenItemError(f"declares {sound.samplerate} samples a second, the limit is {MAX_RATE_HZ:,}.")
    if sound.channels > MAX_CHANNELS:
        raise BrokenItemError(f"declares {sound.channels} channels, the limit is {MAX_CHANNELS}.")
    if sound.frames > MAX_SECONDS * sound.samplerate or sound.frames * sound.channels > MAX_SAMPLES:
        seconds = sound.frames / sound.samplerate
        raise BrokenItemError(f"declares {seconds:,.0f} s in {sound.channels} channels, the limit is {MAX_SECONDS} s.")
    if sound.frames == 0:
        raise BrokenItemError("holds no sound (0 samples).")
    return sound


def _compare_lengths(data: bytes) -> None:
    """Refuse a WAV that ends before its header says; the decoder would take the rest for the whole."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"data":
            if at + 8 + length > len(data) and length < _ENDLESS:
                there = len(data) - at - 8
                raise BrokenItemError(f"is cut short: the header promises {length} bytes of sound, {there} are there.")
            return
        at += 8 + length + length % 2
    raise BrokenItemError("is a WAV without a data part; its header is broken.")


def _listen(data: bytes) -> None:
    with _open_sound(data) as sound:
        if (sound.format, sound.subtype) in _EVERY_BIT_PATTERN_IS_SOUND:
            return
        heard = 0
        while len(block := sound.read(1 << 18, dtype="float32", always_2d=True)):
            heard += len(block)
            _all_finite(block)
        _heard_all(sound, heard)


def _wave(data: bytes) -> Wave:
    with _open_sound(data) as sound:
        samples = sound.read(sound.frames, dtype="float32", always_2d=True)
        _all_finite(samples)
        _heard_all(sound, len(samples))
        return Wave(np.ascontiguousarray(samples.T), int(sound.samplerate))


def _all_finite(samples: NDArray[np.float32]) -> None:
    if not np.isfinite(samples).all():
        raise BrokenItemError("holds samples that are not numbers (NaN or infinite).")


def _heard_all(sound: Any, heard: int) -> None:
    # Only FLAC states its exact length and can still stop early; lossy formats may round theirs.
    if heard == 0 or (sound.format == "FLAC" and heard < sound.frames):
        raise BrokenItemError(f"is cut short: {sound.frames} samples are declared, {heard} could be decoded.")


def _sixteen_bits(wave: Wave) -> NDArray[np.int16]:
    """Return (time, channels) int16, the way FLAC stores it; samples beyond full scale are clipped."""
    if not np.isfinite(wave.samples).all():
        raise ValueError("the wave holds samples that are not finite")
    # float32 holds every product below exactly enough: 24 bits of mantissa for 16 bits of result.
    steps = np.rint(np.clip(wave.samples, -1, 1) * np.float32(32768))
    return np.ascontiguousarray(np.clip(steps, -32768, 32767).astype("<i2").T)


def encode_wave(wave: Wave) -> bytes:
    """Return `wave` as 16-bit FLAC, or 16-bit WAV where FLAC cannot hold it (more than 8 channels).

    Samples are clipped to [-1, 1]. Raises ValueError for samples that are not finite.
    """
    import soundfile

    file = io.BytesIO()
    kind = "FLAC" if wave.samples.shape[0] <= 8 else "WAV"
    soundfile.write(file, _sixteen_bits(wave), wave.rate_hz, format=kind, subtype="PCM_16")
    return file.getvalue()


# --- content --------------------------------------------------------------------------------------


def content_of(payload: Payload) -> str:
    """Return the SHA-256 of what `payload` holds, whatever encoder wrote it.

    Text: its UTF-8 bytes. Image: shape and pixels. Wave: rate, channels and 16-bit samples, as FLAC would store them.
    """
    if isinstance(payload, str):
        return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()
    if isinstance(payload, Wave):
        head, body = f"wave {payload.rate_hz} {payload.samples.shape[0]}\n", _sixteen_bits(payload).tobytes()
    else:
        head, body = f"image {' '.join(map(str, payload.shape))}\n", np.ascontiguousarray(payload).tobytes()
    return hashlib.sha256(head.encode() + body).hexdigest()
