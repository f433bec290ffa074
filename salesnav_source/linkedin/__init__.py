"""LinkedIn's API and files.

- `client` has the calls, typed. `auth` has the access token.
- `transport` sends requests, reads answers and decides where a token may go. `bounds` limits what is read from a connection.
- `answers` turns answers into values, `refusals` into errors. Both are pure.
- `download` receives a file into a `spool`, and `reader` reads it.
"""
