"""Hands records to the trackers in processes of their own, which end at a limit."""

from newsrec_pipelines.config import Settings


def hand_over(settings: Settings) -> None:
    """Let the trackers have what they do not have yet."""


def registry_changed(settings: Settings) -> None:
    """A version came or went, or an alias moved: let the trackers' registries follow."""
    hand_over(settings)
