with loaded as (

  {{ salesnav.source_table('contracts') }}

)

select
  *
from loaded
