"""Packs dbt/ into the wheel, from where `salesnav transform` builds it. All else about the package stands in pyproject.toml."""

from setuptools import find_namespace_packages, setup

DBT = "salesnav_source.marts.dbt_package"

# folders without Python are packages to setuptools, if they are to be in the wheel
OURS = find_namespace_packages(include=["salesnav_source*"], exclude=["*__pycache__"])
MODELS = find_namespace_packages("dbt", include=["macros*", "models*", "semantic", "tests"])

setup(packages=[*OURS, DBT, *(f"{DBT}.{name}" for name in MODELS)], package_dir={DBT: "dbt"})
