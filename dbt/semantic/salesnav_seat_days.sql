-- A seat is a seat with its contract only.
select
  {{ salesnav.seat_key() }} as seat,
  contract,
  day,
  seat_status,
  is_active,
  is_workday,
  activities,
  searches,
  profile_views,
  leads_saved,
  accounts_saved,
  inmails_sent,
  messages_sent,
  connections_made,
  other_activities
from {{ ref('salesnav__seat_daily') }}
