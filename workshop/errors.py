"""The one kind of error that the machinery shows to people."""


class WorkshopError(Exception):
    """The command or the set-up is at fault. The text says what is wrong and what to do next."""
