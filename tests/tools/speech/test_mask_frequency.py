import numpy as np
import pytest

from tools.seeds import generator
from tools.speech.mask_frequency import MaskFrequency, mask_frequency


def mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_a_band_of_the_asked_mel_width_is_taken_out_and_the_rest_stays(rate_hz, waves):
    noise = np.random.default_rng(0).standard_normal(4 * rate_hz) * 0.1
    (made,) = mask_frequency(waves([noise], rate_hz), [MaskFrequency(share=0.2, seed=6)])
    ratio = np.abs(np.fft.rfft(made[0].numpy())) / np.abs(np.fft.rfft(noise))
    hertz = np.fft.rfftfreq(4 * rate_hz, 1 / rate_hz)
    gone = hertz[ratio < 0.05]
    assert (mel(gone.max()) - mel(gone.min())) / mel(rate_hz / 2) == pytest.approx(0.2, abs=0.02)
    far = (hertz < gone.min() - 80) | (hertz > gone.max() + 80)
    assert np.median(np.abs(ratio[far] - 1)) < 0.01


def test_the_seed_places_the_band(waves, tone, height):
    share, seed = 0.2, 6
    low = float(generator(seed).random()) * (1 - share)
    middle = 700 * (10 ** ((low + share / 2) * mel(4000) / 2595) - 1)
    elsewhere = 300.0 if middle > 1000 else 3000.0
    (made,) = mask_frequency(waves([tone(middle) * 0.5 + tone(elsewhere)]), [MaskFrequency(share=share, seed=seed)])
    assert height(made, middle) < 0.001
    assert height(made, elsewhere) == pytest.approx(0.5, abs=0.002)


def test_a_clip_that_would_vanish_is_refused(waves, tone):
    share, seed = 0.3, 6
    low = float(generator(seed).random()) * (1 - share)
    middle = 700 * (10 ** ((low + share / 2) * mel(4000) / 2595) - 1)
    assert mask_frequency(waves([tone(middle)]), [MaskFrequency(share=share, seed=seed)]) == [None]
