"""How a latency is measured. Importing this package turns the telemetry of all runtimes off."""

from profilers.machine.telemetry import disable_telemetry

disable_telemetry()
