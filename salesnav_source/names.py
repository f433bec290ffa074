"""What pipelines and their dataset are called where the user has not called them otherwise."""

DATASET = "salesnav"
MARTS = "salesnav_marts"
"""The schema in which the models of the dbt package are built."""
DEFAULT_PIPELINE = "salesnav_to_duckdb"
SANDBOX_PIPELINE = "salesnav_sandbox"
"""The pipeline that loads invented rows into DuckDB, and the dataset for them in other warehouses."""
