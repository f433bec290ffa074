select
  contract,
  seat_id,
  week,
  searches,
  profile_views,
  leads_saved,
  inmails_sent,
  inmails_accepted,
  connections_made,
  rank() over (partition by contract, week order by activities desc) as rank_in_contract,
  holder_number,
  messages_sent,
  inmails_mature,
  inmails_mature_accepted
from {{ ref('int_salesnav__holder_weeks') }}
where activities > 0
