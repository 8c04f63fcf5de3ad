"""The model repository: versions on disk, and which of them serves whom."""
