"""What is built on the tables."""
