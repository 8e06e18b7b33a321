"""The operator that keeps BookStore resources true."""
