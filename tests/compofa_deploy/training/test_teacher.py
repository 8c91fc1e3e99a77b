"""The weights that a training's first phase begins with."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.files.images import Preprocess  # noqa: E402
from compofa_deploy.space.layers import largest_subnet, list_layers  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.stored import StoredSupernet, save_supernet  # noqa: E402
from compofa_deploy.training.teacher import load_teacher  # noqa: E402
from latency_tables.errors import MismatchError  # noqa: E402
from tests.compofa_deploy.training.builders import ARCHITECTURE, CLASSES, ELASTIC, make_recipe  # noqa: E402
from tests.support.checkpoints import draw_arrays  # noqa: E402

OFAS = replace(ELASTIC, name="teacher", family="mbv3_d4e6k7", elastic_kernel=False)


@pytest.fixture
def teacher(tmp_path):
    stored = StoredSupernet(
        OFAS, draw_arrays(OFAS), None, Preprocess((0,) * 3, (1,) * 3), CLASSES, half=False
    )
    save_supernet(stored, tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


def test_ofas_teacher_gives_the_same_logits_as_the_largest_subnet_of_an_elastic_supernet(teacher):
    weights = load_teacher(teacher, make_recipe(architecture=ELASTIC.to_dict()))
    supernet, alone = Supernet(ELASTIC, dropout=0).eval(), Supernet(OFAS, dropout=0).eval()
    supernet.load_state_dict(weights)
    alone.load_state_dict({name: torch.from_numpy(array) for name, array in draw_arrays(OFAS).items()})
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = supernet(images, list_layers(ELASTIC, largest_subnet(ELASTIC, 16)))
        expected = alone(images, list_layers(OFAS, largest_subnet(OFAS, 16)))
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_smaller_kernels_of_a_supernet_begin_as_the_centres_of_the_teachers(teacher):
    weights = load_teacher(teacher, make_recipe(architecture=ELASTIC.to_dict()))
    matrix = weights["blocks.3.depthwise.matrix_7to5"]
    np.testing.assert_array_equal(matrix.numpy(), np.eye(25))


def test_ofas_teacher_is_refused_for_a_supernet_of_fixed_kernels(teacher):
    with pytest.raises(MismatchError, match="is of architecture teacher, and the recipe trains tiny"):
        load_teacher(teacher, make_recipe(architecture=ARCHITECTURE.to_dict()))
