"""The routes of products: `POST` and `GET /products`, `GET /products/{product_id}`."""
