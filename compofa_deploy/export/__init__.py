"""From a subnet to a bundle: one file a runtime, and the bundle's own format."""
