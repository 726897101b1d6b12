"""The errors that a user may cause: each becomes one clear line and a non-zero exit."""


class MailerError(Exception):
    """Something outside the code is wrong; the message says what, where, and what to do."""


class ConfigError(MailerError):
    """A setting is missing or wrong; the message names its variable."""


class DatabaseError(MailerError):
    """PostgreSQL cannot be reached, or has no slates to send."""


class TransportError(MailerError):
    """Nothing can be handed over at all: the server is away, or refuses us as a whole.

    Raised only while it is certain that the message at hand was not handed over.
    """
