{%- set scores = ['ssi', 'ssi_brand', 'ssi_find', 'ssi_engage', 'ssi_build'] -%}
{%- set counts = salesnav.activity_columns().keys() -%}
-- What a holder did in a week, and her scores; also in weeks that are open. Weeks in which there is neither have no row.
with days as (

  select
    contract,
    seat_id,
    holder_number,
    {{ salesnav.iso_week('day') }} as week,
    sum(case when is_active then 1 else 0 end) as active_days,
    sum(activities) as activities,
    {%- for column in counts %}
    sum({{ column }}) as {{ column }},
    {%- endfor %}
    {%- for score in scores %}
    count({{ score }}) as {{ score }}_days,
    sum({{ score }}) as {{ score }}_sum{{ ',' if not loop.last }}
    {%- endfor %}
  from {{ ref('salesnav__seat_daily') }}
  where is_active
    or coalesce({{ scores | join(', ') }}) is not null
  group by contract, seat_id, holder_number, {{ salesnav.iso_week('day') }}

),

inmails as (

  select
    contract,
    seat_id,
    holder_number,
    {{ salesnav.iso_week('sent_date') }} as week,
    sum(case when outcome_group = 'accepted' then 1 else 0 end) as inmails_accepted,
    sum(case when is_mature then 1 else 0 end) as inmails_mature,
    sum(case when is_mature and outcome_group = 'accepted' then 1 else 0 end) as inmails_mature_accepted
  from {{ ref('salesnav__inmails') }}
  group by contract, seat_id, holder_number, {{ salesnav.iso_week('sent_date') }}

)

select
  days.contract,
  days.seat_id,
  days.holder_number,
  days.week,
  {%- for column in ['active_days', 'activities'] + (counts | list) %}
  {{ salesnav.as_bigint('days.' ~ column) }} as {{ column }},
  {%- endfor %}
  {%- for score in scores %}
  {{ salesnav.as_bigint('days.' ~ score ~ '_days') }} as {{ score }}_days,
  days.{{ score }}_sum,
  {%- endfor %}
  {%- for column in ['inmails_accepted', 'inmails_mature', 'inmails_mature_accepted'] %}
  {{ salesnav.as_bigint('coalesce(inmails.' ~ column ~ ', 0)') }} as {{ column }}{{ ',' if not loop.last }}
  {%- endfor %}
from days
left join inmails
  on days.contract = inmails.contract
  and days.seat_id = inmails.seat_id
  and days.holder_number = inmails.holder_number
  and days.week = inmails.week
