{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
-- Whom seats have saved or contacted. A key that stands on most searches of a contract stands for nobody. How long ago that was
-- is another number each day, for all leads: where reading costs little, no table is written.
with keys_of_searches as (

  select
    contract,
    member_identity_key,
    sum(searches) as searches,
    sum(sum(searches)) over (partition by contract) as all_searches
  from {{ salesnav.in_view(ref('int_salesnav__member_days')) }}
  where searches > 0
  group by contract, member_identity_key

),

nobody as (

  select contract, member_identity_key
  from keys_of_searches
  where member_identity_key is not null
    and searches * 2 >= all_searches

),

recent as (

  select days.contract, days.member_identity_key, count(distinct days.seat_id) as working_seats
  from {{ salesnav.in_view(ref('int_salesnav__member_days')) }} as days
  inner join {{ salesnav.in_view(ref('int_salesnav__horizons')) }} as horizons
    on days.contract = horizons.contract
    and days.activity_date > {{ salesnav.add_days('horizons.activities_last', -28) }}
  where days.saves + days.contacts > 0
  group by days.contract, days.member_identity_key

)

select
  leads.contract,
  leads.member_identity_key,
  leads.saves > 0 as is_saved,
  leads.first_saved_date,
  leads.last_saved_date,
  leads.saves,
  leads.contacts > 0 as is_contacted,
  leads.first_contact_date,
  leads.last_contact_date,
  leads.contacts,
  {{ salesnav.as_bigint(salesnav.days_between('leads.last_saved_date', 'horizons.activities_last')) }} as days_since_saved,
  leads.saves > 0 and leads.contacts = 0 as is_never_contacted,
  leads.working_seats,
  coalesce(recent.working_seats, 0) as working_seats_28,
  leads.working_seats >= 2 as is_worked_by_two,
  leads.first_seat_id,
  leads.last_seat_id,
  leads.saved_by_seat_id,
  leads.last_worked_date
from {{ salesnav.in_view(ref('int_salesnav__leads')) }} as leads
inner join {{ salesnav.in_view(ref('int_salesnav__horizons')) }} as horizons
  on leads.contract = horizons.contract
left join recent
  on leads.contract = recent.contract
  and leads.member_identity_key = recent.member_identity_key
left join nobody
  on leads.contract = nobody.contract
  and leads.member_identity_key = nobody.member_identity_key
where nobody.contract is null
