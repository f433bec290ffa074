-- Days of which nothing is known: they are not loaded and no row of theirs is there. Beside them, days that are loaded without
-- rows where their neighbours have some. Where no job tells what is loaded there is no row.
select
  contract,
  export,
  day,
  state <> 'empty' as is_missing
from {{ ref('salesnav__export_coverage') }}
where state <> 'loaded'
  and rows_loaded = 0
