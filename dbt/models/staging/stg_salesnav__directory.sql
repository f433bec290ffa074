with written as (

  {{ salesnav.directory() }}

)

select
  *
from written
