{%- set scores = ['ssi', 'ssi_brand', 'ssi_find', 'ssi_engage', 'ssi_build'] -%}
{%- set changes = ['ssi_change_7', 'ssi_change_28', 'ssi_change_90', 'ssi_brand_change_28', 'ssi_find_change_28',
  'ssi_engage_change_28', 'ssi_build_change_28'] -%}
-- Mean scores by day. A day without snapshots has a row without a mean: it is a gap, and no fall.
with holders as (

  select contract, seat_id, holder_number, {{ salesnav.team_name('team') }} as team
  from {{ ref('salesnav__holders') }}

),

scored as (

  select
    scores.contract,
    holders.team,
    scores.day,
    count(scores.ssi) as seats,
    {%- for score in scores %}
    avg(scores.{{ score }}) as {{ score }},
    {%- endfor %}
    {%- for span in [7, 28, 90] %}
    count(scores.ssi_change_{{ span }}) as compared_{{ span }},
    {%- endfor %}
    {%- for change in changes %}
    avg(scores.{{ change }}) as {{ change }}{{ ',' if not loop.last }}
    {%- endfor %}
  from {{ ref('salesnav__ssi_daily') }} as scores
  inner join holders
    on scores.contract = holders.contract
    and scores.seat_id = holders.seat_id
    and scores.holder_number = holders.holder_number
  group by scores.contract, holders.team, scores.day

),

teams as (

  select contract, team, min(day) as first_day
  from scored
  group by contract, team

),

spans as (

  select contract, min(day) as first_day, max(day) as last_day
  from scored
  group by contract

),

contract_days as (

  select spans.contract, days.day, coalesce(sum(scored.seats), 0) as seats
  from spans
  inner join {{ ref('int_salesnav__days') }} as days
    on days.day >= spans.first_day
    and days.day <= spans.last_day
  left join scored
    on spans.contract = scored.contract
    and days.day = scored.day
  group by spans.contract, days.day

),

-- a day on which far fewer seats than around it have a score would give a mean of other people
judged as (

  select
    contract,
    day,
    seats > 0 and seats * 10 >= 9 * max(seats) over (
      partition by contract order by day rows between 14 preceding and 14 following
    ) as is_complete
  from contract_days

)

select
  judged.contract,
  teams.team,
  judged.day,
  coalesce(scored.seats, 0) as seats,
  {%- for score in scores %}
  scored.{{ score }},
  {%- endfor %}
  {%- for span in [7, 28, 90] %}
  coalesce(scored.compared_{{ span }}, 0) as compared_{{ span }},
  {%- endfor %}
  {%- for change in changes %}
  scored.{{ change }},
  {%- endfor %}
  judged.is_complete
from judged
inner join teams
  on judged.contract = teams.contract
  and judged.day >= teams.first_day
left join scored
  on judged.contract = scored.contract
  and teams.team = scored.team
  and judged.day = scored.day
