"""Which loaded version answers: registry, data plane, traffic split, and the control plane."""
