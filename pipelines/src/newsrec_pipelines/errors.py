"""The errors that a user may cause: each becomes one clear line and a non-zero exit."""


class NewsrecError(Exception):
    """Something outside the code is wrong; the message says what, where, and what to do."""


class ConfigError(NewsrecError):
    """A setting or parameter is missing or wrong; the message names it."""


class DataError(NewsrecError):
    """Input data is missing, unreadable or not what its contract says."""


class DatabaseError(NewsrecError):
    """PostgreSQL cannot be reached or refuses what we ask."""


class ModelError(NewsrecError):
    """A model artefact is missing, corrupt, foreign, or not fit to publish."""


class BuildError(NewsrecError):
    """A step of a build failed; the message names it and its log."""
