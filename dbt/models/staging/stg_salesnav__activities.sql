select
  *,
  {{ salesnav.activity_group('activity_type') }} as activity_group
from {{ salesnav.in_view(ref('base_salesnav__activities')) }}
