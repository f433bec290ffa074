{%- set counts = (['activities', 'active_days'] + (salesnav.activity_columns().keys() | list)
  + ['inmails_mature', 'inmails_mature_accepted']) -%}
with holders as (

  select contract, seat_id, holder_number, first_day, last_day, {{ salesnav.team_name('team') }} as team
  from {{ ref('salesnav__holders') }}

),

teams as (

  select contract, team, min(first_day) as first_day
  from holders
  group by contract, team

),

held as (

  select weeks.contract, holders.team, weeks.week, count(*) as seats
  from {{ ref('int_salesnav__closed_weeks') }} as weeks
  inner join holders
    on weeks.contract = holders.contract
    and weeks.last_day >= holders.first_day
    and weeks.last_day <= holders.last_day
  group by weeks.contract, holders.team, weeks.week

),

used as (

  select
    weeks.contract,
    holders.team,
    weeks.week,
    count(distinct case when weeks.activities > 0 then weeks.seat_id end) as active_seats,
    {%- for column in counts %}
    sum(weeks.{{ column }}) as {{ column }},
    {%- endfor %}
    avg(weeks.ssi_sum / nullif(weeks.ssi_days, 0)) as ssi,
    sum(case when weeks.ssi_days > 0 then 1 else 0 end) as ssi_seats
  from {{ ref('int_salesnav__holder_weeks') }} as weeks
  inner join holders
    on weeks.contract = holders.contract
    and weeks.seat_id = holders.seat_id
    and weeks.holder_number = holders.holder_number
  group by weeks.contract, holders.team, weeks.week

)

select
  weeks.contract,
  teams.team,
  weeks.week,
  coalesce(held.seats, 0) as seats,
  {%- for column in ['active_seats'] + counts %}
  {{ salesnav.as_bigint('coalesce(used.' ~ column ~ ', 0)') }} as {{ column }},
  {%- endfor %}
  {{ salesnav.ratio('used.inmails_mature_accepted', 'used.inmails_mature') }} as acceptance_rate,
  {{ salesnav.wilson('used.inmails_mature_accepted', 'used.inmails_mature', 'low') }} as acceptance_low,
  {{ salesnav.wilson('used.inmails_mature_accepted', 'used.inmails_mature', 'high') }} as acceptance_high,
  used.ssi,
  {{ salesnav.as_bigint('coalesce(used.ssi_seats, 0)') }} as ssi_seats,
  weeks.loaded_days
from {{ ref('int_salesnav__closed_weeks') }} as weeks
inner join teams
  on weeks.contract = teams.contract
  and weeks.last_day >= teams.first_day
left join held
  on weeks.contract = held.contract
  and teams.team = held.team
  and weeks.week = held.week
left join used
  on weeks.contract = used.contract
  and teams.team = used.team
  and weeks.week = used.week
