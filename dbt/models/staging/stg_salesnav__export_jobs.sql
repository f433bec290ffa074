with loaded as (

  {{ salesnav.source_table('export_jobs') }}

)

select
  *
from loaded
