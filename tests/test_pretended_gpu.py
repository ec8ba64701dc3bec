"""The GPU that tests pretend refuses what a true one refuses, and nothing else."""

from __future__ import annotations

import pytest
import torch

pytestmark = pytest.mark.usefixtures("pretended_gpu")


@pytest.fixture
def there() -> torch.Tensor:
    return torch.arange(6.0).reshape(3, 2).to("cuda")


def test_what_is_made_of_tensors_there_lies_there(there):
    assert str(there.device) == "cuda:0"
    assert there.is_cuda
    for made in (there + 1, there[0], there.T, there.clone(), torch.zeros(2, device="cuda"), torch.zeros_like(there)):
        assert made.is_cuda
    assert not there.cpu().is_cuda
    assert there.cpu().numpy().sum() == there.sum().item() == 15
    assert torch.ones(2).to(there).is_cuda
    assert torch.nn.Linear(2, 2).to("cuda")(there).is_cuda
    assert torch.compile is not None


@pytest.mark.parametrize(
    "meet",
    [
        lambda there, here: there + here,
        lambda there, here: torch.cat([there, here]),
        lambda there, here: torch.where(here > 0, there, 0.0),
        lambda there, here: there.masked_fill(here > 0, 0.0),
        lambda there, here: here[there.long()[0]],
        lambda there, here: torch.nn.Linear(2, 2)(there),
        lambda there, here: torch.nn.Linear(2, 2).to("cuda")(here),
    ],
)
def test_two_sides_do_not_meet(there, meet):
    with pytest.raises(RuntimeError, match="same device"):
        meet(there, torch.ones(3, 2))


def test_what_lies_there_is_no_array(there):
    with pytest.raises(TypeError, match="can't convert cuda"):
        there.numpy()


def test_numbers_indices_and_copies_may_come_from_either_side(there):
    assert (there * torch.tensor(2.0)).is_cuda
    assert there[torch.tensor([0, 2])].is_cuda
    there[0] = torch.ones(2)
    assert there[0].tolist() == [1, 1]
    here = torch.zeros(3, 2)
    here.copy_(there)
    assert not here.is_cuda
