"""What is done to a loaded warehouse besides loading."""
