"""Warehouses without accounts: emulators and a real PostgreSQL, each a server on loopback that ends with the tests."""
