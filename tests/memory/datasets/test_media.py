"""Between bytes and arrays: images of every mode, waves of every format."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from memory.datasets.media import BrokenItemError, Wave, check, content_of, decode, encode_image, encode_wave


def image(made: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    made.save(file, format=form, **options)
    return file.getvalue()


def pixels(made: Image.Image, form: str = "PNG", **options) -> list:
    return decode("image", image(made, form, **options), "x.png").tolist()


def test_grey_keeps_one_channel():
    assert pixels(Image.fromarray(np.array([[0, 128, 255]], np.uint8))) == [[[0], [128], [255]]]


def test_one_bit_becomes_black_and_white():
    assert pixels(Image.fromarray(np.array([[False, True]]))) == [[[0], [255]]]


def test_a_palette_becomes_its_colours():
    made = Image.new("P", (2, 1))
    made.putpalette([10, 20, 30, 40, 50, 60])
    made.putpixel((1, 0), 1)
    assert pixels(made) == [[[10, 20, 30], [40, 50, 60]]]


def test_a_transparent_palette_entry_becomes_white():
    made = Image.new("P", (2, 1))
    made.putpalette([10, 20, 30, 40, 50, 60])
    made.putpixel((1, 0), 1)
    assert pixels(made, transparency=0) == [[[255, 255, 255], [40, 50, 60]]]


def test_alpha_is_laid_over_white():
    made = Image.new("RGBA", (3, 1))
    for at, colour in enumerate([(0, 0, 0, 0), (10, 20, 30, 255), (0, 0, 0, 51)]):
        made.putpixel((at, 0), colour)
    assert pixels(made) == [[[255, 255, 255], [10, 20, 30], [204, 204, 204]]]


def test_grey_with_alpha_stays_grey():
    made = Image.new("LA", (2, 1))
    made.putpixel((0, 0), (0, 0))
    made.putpixel((1, 0), (90, 255))
    assert pixels(made) == [[[255], [90]]]


def test_sixteen_bits_are_scaled_to_eight():
    made = Image.fromarray(np.array([[0, 257, 128 * 257, 65535]], np.uint16))
    assert pixels(made) == [[[0], [1], [128], [255]]]


def test_cmyk_becomes_rgb():
    made = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    assert pixels(made, "TIFF") == [[[255, 0, 0]]]


def test_an_image_is_turned_as_its_exif_says():
    made = Image.fromarray(np.array([[1, 2, 3]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    assert pixels(made, exif=exif) == [[[1]], [[2]], [[3]]]


def test_an_animation_is_its_first_frame():
    frames = [Image.new("RGB", (1, 1), colour) for colour in ((9, 9, 9), (200, 0, 0))]
    assert pixels(frames[0], "GIF", save_all=True, append_images=frames[1:]) == [[[9, 9, 9]]]


@pytest.mark.parametrize("channels", [1, 3])
def test_an_encoded_image_comes_back_whole(channels):
    made = np.random.Generator(np.random.PCG64(1)).integers(0, 256, (5, 7, channels), np.uint8)
    assert np.array_equal(decode("image", encode_image(made), "x"), made)


def test_an_image_too_large_is_refused_before_decoding():
    with pytest.raises(BrokenItemError, match=r"x\.png: declares .*64,000,000"):
        check("image", image(Image.new("1", (9000, 9000))), "x.png")


def wave(channels: int = 1, rate_hz: int = 8000) -> Wave:
    steps = np.random.Generator(np.random.PCG64(2)).integers(-32768, 32768, (channels, 999))
    return Wave((steps / 32768).astype(np.float32), rate_hz)


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 8000), (2, 44100), (8, 16000), (9, 16000), (1, 11127)])
def test_an_encoded_wave_comes_back_whole(channels, rate_hz):
    made = wave(channels, rate_hz)
    data = encode_wave(made)
    back = decode("speech", data, "x")
    assert data[:4] == (b"fLaC" if channels <= 8 else b"RIFF")
    assert back.samples.dtype == np.float32
    assert np.array_equal(back.samples, made.samples)
    assert back.rate_hz == rate_hz


def test_samples_beyond_full_scale_are_clipped():
    made = Wave(np.array([[-3.0, -1.0, 0.0, 1.0, 3.0]], np.float32), 8000)
    assert decode("speech", encode_wave(made), "x").samples.tolist() == [[-1, -1, 0, 32767 / 32768, 32767 / 32768]]


def test_samples_that_are_not_numbers_are_not_encoded():
    with pytest.raises(ValueError, match="not finite"):
        encode_wave(Wave(np.array([[np.nan]], np.float32), 8000))


@pytest.mark.parametrize(("form", "subtype"), [("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "FLOAT")])
def test_other_formats_are_heard(form, subtype):
    file = io.BytesIO()
    tone = np.sin(np.arange(8000) / 8).astype(np.float32) / 2
    soundfile.write(file, tone, 8000, format=form, subtype=subtype)
    check("speech", file.getvalue(), "x")
    assert decode("speech", file.getvalue(), "x").samples.shape[0] == 1


def test_a_wav_written_into_a_pipe_is_heard():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(800, np.int16), 8000, format="WAV")
    content = bytearray(file.getvalue())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"  # the writer could not know the length
    assert decode("speech", bytes(content), "x").samples.shape == (1, 800)


def test_content_does_not_depend_on_the_encoder():
    made = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    again = decode("image", image(Image.fromarray(made), "BMP"), "x")
    assert content_of(made) == content_of(again)
    spoken = wave()
    assert content_of(spoken) == content_of(decode("speech", encode_wave(spoken), "x"))


def test_content_tells_shape_and_rate_apart():
    flat = np.zeros((2, 3, 1), np.uint8)
    assert content_of(flat) != content_of(flat.reshape(3, 2, 1))
    assert content_of(wave(rate_hz=8000)) != content_of(wave(rate_hz=16000))
    assert content_of("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
