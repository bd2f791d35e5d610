"""The root of this package's errors."""


class CarbonScalerError(Exception):
    """Something a user can act on; the message is one line that says what and how."""
