"""The error that a wrong setting is."""


class SettingsError(Exception):
    """A setting is wrong; the message is one line for the operator."""
