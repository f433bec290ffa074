with activities as (

  select
    contract,
    seat_id,
    {{ salesnav.iso_week('activity_date') }} as week,
    sum(activities) as activities,
    sum(case when activity_group = 'search' then activities else 0 end) as searches,
    sum(case when activity_group = 'profile_view' then activities else 0 end) as profile_views,
    sum(case when activity_group = 'save_lead' then activities else 0 end) as leads_saved,
    sum(case when activity_group = 'inmail' then activities else 0 end) as inmails_sent,
    sum(case when activity_group = 'connection' then activities else 0 end) as connections_made
  from {{ ref('salesnav__activity_daily') }}
  group by contract, seat_id, {{ salesnav.iso_week('activity_date') }}

),

accepted as (

  select contract, seat_id, {{ salesnav.iso_week('sent_date') }} as week, count(*) as inmails_accepted
  from {{ ref('salesnav__inmails') }}
  where outcome_group = 'accepted'
  group by contract, seat_id, {{ salesnav.iso_week('sent_date') }}

)

select
  activities.contract,
  activities.seat_id,
  activities.week,
  {{ salesnav.as_bigint('activities.searches') }} as searches,
  {{ salesnav.as_bigint('activities.profile_views') }} as profile_views,
  {{ salesnav.as_bigint('activities.leads_saved') }} as leads_saved,
  {{ salesnav.as_bigint('activities.inmails_sent') }} as inmails_sent,
  coalesce(accepted.inmails_accepted, 0) as inmails_accepted,
  {{ salesnav.as_bigint('activities.connections_made') }} as connections_made,
  rank() over (
    partition by activities.contract, activities.week order by activities.activities desc
  ) as rank_in_contract
from activities
left join accepted
  on activities.contract = accepted.contract
  and activities.seat_id = accepted.seat_id
  and activities.week = accepted.week
