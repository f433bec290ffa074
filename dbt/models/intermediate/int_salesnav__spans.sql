{%- set counts = salesnav.compared_counts() -%}
-- The newest closed week and the one before, and the newest four and the four before: what teams and contracts did in both.
with newest as (

  select contract, max(week) as week
  from {{ ref('int_salesnav__closed_weeks') }}
  group by contract

),

periods as (

  {%- for weeks in [1, 4] %}
  select
    newest.contract,
    {{ weeks }} as weeks,
    {{ salesnav.add_days('newest.week', -7 * (weeks - 1)) }} as first_day,
    {{ salesnav.add_days('newest.week', 6) }} as last_day,
    {{ salesnav.add_days('newest.week', -7 * (2 * weeks - 1)) }} as before_first_day,
    {{ salesnav.add_days('newest.week', -7 * weeks + 6) }} as before_last_day
  from newest
  {% if not loop.last %}
  union all
  {% endif %}
  {%- endfor %}

),

-- days of both spans that are not loaded; none is known of where no job tells of them
holes as (

  select
    periods.contract,
    periods.weeks,
    14 * periods.weeks
    - coalesce(sum(coalesce(weeks.loaded_days, 7)), 0) as missing_days
  from periods
  left join {{ ref('int_salesnav__closed_weeks') }} as weeks
    on periods.contract = weeks.contract
    and weeks.week >= periods.before_first_day
    and weeks.week <= periods.last_day
  group by periods.contract, periods.weeks

),

holders as (

  select contract, seat_id, holder_number, 'contract' as scope, 'All teams' as team
  from {{ ref('salesnav__holders') }}

  union all

  select contract, seat_id, holder_number, 'team' as scope, {{ salesnav.team_name('team') }} as team
  from {{ ref('salesnav__holders') }}

),

-- each holder in both spans
used as (

  select
    holders.contract,
    holders.scope,
    holders.team,
    periods.weeks,
    holders.seat_id,
    holders.holder_number,
    {%- for name, test in {'now': 'weeks.week >= periods.first_day', 'before': 'weeks.week < periods.first_day'}.items() %}
    {%- for column in (counts.keys() | list) + ['inmails_mature', 'inmails_mature_accepted'] %}
    sum(case when {{ test }} then weeks.{{ column }} else 0 end) as {{ column }}_{{ name }},
    {%- endfor %}
    sum(case when {{ test }} then weeks.ssi_sum end)
    / nullif(sum(case when {{ test }} then weeks.ssi_days else 0 end), 0) as ssi_{{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
  from periods
  inner join {{ ref('int_salesnav__holder_weeks') }} as weeks
    on periods.contract = weeks.contract
    and weeks.week >= periods.before_first_day
    and weeks.week <= periods.last_day
  inner join holders
    on weeks.contract = holders.contract
    and weeks.seat_id = holders.seat_id
    and weeks.holder_number = holders.holder_number
  group by
    holders.contract, holders.scope, holders.team, periods.weeks, holders.seat_id, holders.holder_number

),

summed as (

  select
    contract,
    scope,
    team,
    weeks,
    {%- for name in ['now', 'before'] %}
    count(distinct case when activities_{{ name }} > 0 then seat_id end) as active_seats_{{ name }},
    {%- for column in (counts.keys() | list) + ['inmails_mature', 'inmails_mature_accepted'] %}
    sum({{ column }}_{{ name }}) as {{ column }}_{{ name }},
    {%- endfor %}
    -- the same people in both spans
    avg(case when ssi_now is not null and ssi_before is not null then ssi_{{ name }} end) as ssi_{{ name }},
    {%- endfor %}
    sum(case when ssi_now is not null and ssi_before is not null then 1 else 0 end) as ssi_seats
  from used
  group by contract, scope, team, weeks

)

select
  summed.contract,
  summed.scope,
  summed.team,
  summed.weeks,
  periods.first_day,
  periods.last_day,
  periods.before_first_day,
  periods.before_last_day,
  {{ salesnav.as_bigint('holes.missing_days') }} as missing_days,
  {%- for name in ['now', 'before'] %}
  {%- for column in ['active_seats'] + (counts.keys() | list) + ['inmails_mature', 'inmails_mature_accepted'] %}
  {{ salesnav.as_bigint('summed.' ~ column ~ '_' ~ name) }} as {{ column }}_{{ name }},
  {%- endfor %}
  summed.ssi_{{ name }},
  {%- endfor %}
  {{ salesnav.as_bigint('summed.ssi_seats') }} as ssi_seats
from summed
inner join periods
  on summed.contract = periods.contract
  and summed.weeks = periods.weeks
inner join holes
  on summed.contract = holes.contract
  and summed.weeks = holes.weeks
