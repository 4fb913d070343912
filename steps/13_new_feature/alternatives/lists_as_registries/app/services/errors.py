"""What can go wrong in the terms of the application. `app/api/errors.py` puts it into HTTP."""


class DomainError(Exception):
    """A request that the rules of the application refuse. Its text is for the client."""

    message = "The request was refused"

    def __init__(self) -> None:
        super().__init__(self.message)


class NotFoundError(DomainError):
    """What was asked for does not exist."""


class ConflictError(DomainError):
    """What was sent contradicts what is already there."""


class UserNotFoundError(NotFoundError):
    """No user has this id."""

    message = "User not found"


class EmailAlreadyRegisteredError(ConflictError):
    """Somebody signed up with this address."""

    message = "Email already registered"


class UsernameAlreadyTakenError(ConflictError):
    """Somebody signed up under this name."""

    message = "Username already taken"


class NoProductError(NotFoundError):
    message = "Product not found"


class ProductNameTakenError(ConflictError):
    message = "Product name already taken"
