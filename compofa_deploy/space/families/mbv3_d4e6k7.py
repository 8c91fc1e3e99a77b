"""Once-For-All's teacher: the one MobileNetV3 with four blocks a stage, expand ratios of 6 and kernels of 7.

OFA trains it alone, from scratch, and distils its supernets from it. Its weights have the shapes of an elastic
supernet's, but no matrices from which smaller kernels could be cut.
"""

from __future__ import annotations

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.families import mbv3
from compofa_deploy.space.subnet import EXPANDS, KERNELS, MAX_DEPTH, STAGES

CHOICES = ElasticChoices(
    "mbv3_d4e6k7",
    ((MAX_DEPTH,),) * STAGES,
    (MAX_DEPTH,) * STAGES,
    (max(EXPANDS),),
    (max(KERNELS),),
    example="44444e" + "6" * 20 + "k" + "7" * 20 + "@224",
)

ARCHITECTURES = (
    Architecture(
        "mbv3-w1.0-d4e6k7-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS, "mbv3_d4e6k7", elastic_kernel=False
    ),
)

list_parts = mbv3.list_parts
