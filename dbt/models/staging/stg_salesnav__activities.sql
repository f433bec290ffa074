with loaded as (

  {{ salesnav.source_table('activities') }}

)

select
  *,
  {{ salesnav.activity_group('activity_type') }} as activity_group
from loaded
