"""Where a measurement runs: this machine, or a device that is reached over ssh."""
