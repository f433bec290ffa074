with loaded as (

  {{ salesnav.source_table('seats') }}

)

select
  *
from loaded
