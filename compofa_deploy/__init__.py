"""From a latency budget to a subnet that was deployed and measured."""

import profilers  # noqa: F401 - turns the telemetry of all runtimes off before one can be imported
