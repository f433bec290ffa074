"""What the marts tell, to look at: `salesnav dashboard` and `salesnav report`.

The way of a number: `queries.py` asks the marts for a frame, `frames.py` works out what is asked of it and what is missing,
`charts.py` draws it, `pages.py` puts numbers, charts and tables together, and the report or the dashboard shows the pages.
Only `marts.py` knows a warehouse, and only `queries.py` has SQL.
"""
