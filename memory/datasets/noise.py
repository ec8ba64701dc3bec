"""A folder of recordings to mix in as noise."""

from __future__ import annotations

from pathlib import Path

from memory.datasets.media import Wave, decode
from memory.errors import UsageError

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}
LONGEST_SECONDS = 3600.0
"""All recordings together; they are held in memory."""


def read_noise(folder: Path) -> list[Wave]:
    """Read every recording below `folder`, in the order of their paths.

    Raises UsageError when the folder is missing, holds no recording, or holds more than an hour.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file())
    if not files:
        raise UsageError(
            "There is no recording here; give a folder of wav, flac, ogg, opus or mp3 files.", where=str(folder)
        )
    clips = []
    seconds = 0.0
    for file in files:
        clip = decode("speech", file.read_bytes(), str(file))
        assert isinstance(clip, Wave), "speech is decoded to a wave"
        clips.append(clip)
        seconds += clip.seconds
        if seconds > LONGEST_SECONDS:
            raise UsageError("These recordings last more than an hour; give fewer.", where=str(folder))
    return clips
