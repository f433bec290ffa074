with loaded as (

  {{ salesnav.source_table('activity_outcomes') }}

)

select
  *,
  {{ salesnav.outcome_group('activity_type') }} as outcome_group
from loaded
