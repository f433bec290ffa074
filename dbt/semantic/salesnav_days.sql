-- The days by which metrics are told.
select day
from {{ ref('int_salesnav__days') }}
