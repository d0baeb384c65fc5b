"""Figures of this project, each beside its peer, measured in the same run."""
