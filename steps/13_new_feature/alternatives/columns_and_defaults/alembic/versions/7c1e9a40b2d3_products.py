"""products

Revision ID: 7c1e9a40b2d3
Revises: 2b8d4f6a1c90
"""

import sqlalchemy as sa
from alembic import op

revision = "7c1e9a40b2d3"
down_revision = "2b8d4f6a1c90"


def upgrade():
    op.create_table(
        "products",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.UniqueConstraint("name", name="uq_products_name"),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price_not_negative")),
    )


def downgrade():
    op.drop_table("products")
