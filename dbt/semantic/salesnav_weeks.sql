select
  contract,
  week,
  seats,
  active_seats,
  new_seats,
  returning_seats,
  lost_seats,
  mau_28
from {{ ref('salesnav__adoption_weekly') }}
