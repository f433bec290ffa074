select
  {{ dbt.concat(['contract', "' '", 'activity_id']) }} as inmail,
  {{ salesnav.seat_key() }} as seat,
  contract,
  sent_date,
  sent_hour,
  sent_weekday,
  outcome_group,
  is_mature,
  lag_hours
from {{ ref('salesnav__inmails') }}
