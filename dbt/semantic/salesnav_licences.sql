-- Seats as they are on the last day of their contract.
select
  {{ salesnav.seat_key('seats') }} as seat,
  seats.contract,
  horizons.last_day as as_of_day,
  seats.seat_status,
  seats.is_active_28,
  seats.is_reclaimable,
  seats.idle_days,
  seats.days_to_first_activity
from {{ ref('salesnav__seats') }} as seats
inner join {{ ref('int_salesnav__horizons') }} as horizons
  on seats.contract = horizons.contract
