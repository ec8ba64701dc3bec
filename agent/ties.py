"""Whether the made samples that are kept tie the label to the channel: then a learner may read it off there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agent import work
from agent.state import Context
from tools.shortcuts.channels import CHANNEL, MOST_DRIFT, drift


def ties(use: Context, steps: Sequence[str]) -> list[dict[str, Any]]:
    """Return the axes of the channel that the accepted samples of `steps` tie to the label, the strongest first.

    Compared are real and made samples, with each made one where it came out, and where its parent was
    (`tools.shortcuts.channels.drift`): filling up a class is no tie, sending all of it through one channel is.
    """
    cover = work.coverage(use)
    label = cover.axes.get("label")
    axes = [cover.axes[name] for name in cover.derived if name in CHANNEL[use.modality] and name in cover.axes]
    if label is None or not axes:
        return []
    ids = use.dataset.column("id")
    place = {str(ids[row]): at for at, row in enumerate(cover.train.tolist())}
    made = [
        (one.label, place[one.parents[0]], judged.attributes)
        for one, judged in use.made.accepted(steps)
        if one.label in label.values and one.parents[0] in place
    ]
    labels = np.concatenate([label.codes, [label.values.index(str(name)) for name, _, _ in made]]).astype(np.int32)
    found = []
    for axis in axes:
        values = {name: at for at, name in enumerate(axis.values)}
        landed = [values.setdefault(at[axis.name], len(values)) if axis.name in at else -1 for _, _, at in made]
        started = [int(axis.codes[parent]) for _, parent, _ in made]
        before, after = (np.concatenate([axis.codes, codes]).astype(np.int32) for codes in (started, landed))
        rise = drift((labels, before), (labels, after))
        if rise > MOST_DRIFT:
            found.append({"axis": axis.name, "rise": round(rise, 3)})
    return sorted(found, key=lambda one: (-one["rise"], one["axis"]))
