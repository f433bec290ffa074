-- The jobs whose rows are in salesnav__seat_daily; its next build makes anew what other jobs have brought.
-- depends_on: {{ ref('salesnav__seat_daily') }}
select
  contract,
  export,
  window_start,
  window_end,
  completed_at
from {{ ref('int_salesnav__jobs') }}
