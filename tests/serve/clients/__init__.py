"""A scenario for each client: the same six requests, asked in its own words."""
