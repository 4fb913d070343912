"""what came to mind later: is_active, and what is unique"""

import sqlalchemy as sa
from alembic import op

revision: str = "bbbb"
down_revision: str | None = "aaaa"


def upgrade() -> None:
    """Add a column, filled for the users that exist, and the constraints."""
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("is_active", sa.Boolean(), server_default=sa.true()))
    with op.batch_alter_table("users") as users:
        users.alter_column(
            "is_active", existing_type=sa.Boolean(), nullable=False, server_default=None
        )
        users.create_unique_constraint(op.f("uq_users_email"), ["email"])
        users.create_unique_constraint(op.f("uq_users_username"), ["username"])


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("users") as users:
        users.drop_constraint("uq_users_username", type_="unique")
        users.drop_constraint("uq_users_email", type_="unique")
        users.drop_column("is_active")
