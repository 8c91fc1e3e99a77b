"""How a kit of models is measured: plans, sessions, worker processes, journals."""
