"""The real command line with a tiny architecture and the briefest plans: ``python -m tests.support.brief_compofa``."""

from compofa_deploy.cli.main import main
from compofa_deploy.space.named_architectures import ARCHITECTURES
from compofa_deploy.tables import profile as profile
from profilers.measuring.plan import Plan
from tests.support.supernets import TINY

PLAN = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)

if __name__ == "__main__":
    ARCHITECTURES["tiny"] = TINY
    for mode in profile.PLANS:
        profile.PLANS[mode] = lambda: PLAN
    main()
