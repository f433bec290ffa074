select
  *,
  {{ salesnav.outcome_group('activity_type') }} as outcome_group
from {{ salesnav.in_view(ref('base_salesnav__activity_outcomes')) }}
