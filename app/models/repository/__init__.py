"""The model repository: versions on disk, the active one, and the traffic split."""
