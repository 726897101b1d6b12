"""The errors that a user may cause in what all programs share."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message names its variable."""
