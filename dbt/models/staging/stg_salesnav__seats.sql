with loaded as (

  {{ salesnav.source_table('seats', personal=['first_name', 'last_name', 'full_name', 'email']) }}

)

select
  *
from loaded
