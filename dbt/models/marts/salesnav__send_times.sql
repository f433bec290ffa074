{%- set slices = {
  'weekday': ['sent_weekday', none],
  'hour': [none, 'sent_hour'],
  'weekday_hour': ['sent_weekday', 'sent_hour'],
} -%}
with inmails as (

  select contract, sent_weekday, sent_hour, outcome_group
  from {{ ref('salesnav__inmails') }}
  where is_mature

),

counted as (

  {%- for slice, columns in slices.items() %}
  select
    contract,
    '{{ slice }}' as slice,
    {{ columns[0] or 'cast(null as ' ~ dbt.type_bigint() ~ ')' }} as sent_weekday,
    {{ columns[1] or 'cast(null as ' ~ dbt.type_bigint() ~ ')' }} as sent_hour,
    count(*) as sent,
    sum(case when outcome_group = 'accepted' then 1 else 0 end) as accepted,
    sum(case when outcome_group in ('accepted', 'declined') then 1 else 0 end) as answered
  from inmails
  group by contract, {{ columns | select | join(', ') }}
  {% if not loop.last %}
  union all
  {% endif %}
  {%- endfor %}

)

select
  contract,
  slice,
  sent_weekday,
  sent_hour,
  sent,
  {{ salesnav.as_bigint('accepted') }} as accepted,
  {{ salesnav.as_bigint('answered') }} as answered,
  -- of so few, a rate would say nothing
  sent >= 20 as is_shown,
  case when sent >= 20 then {{ salesnav.ratio('accepted', 'sent') }} end as acceptance_rate,
  case when sent >= 20 then {{ salesnav.wilson('accepted', 'sent', 'low') }} end as acceptance_low,
  case when sent >= 20 then {{ salesnav.wilson('accepted', 'sent', 'high') }} end as acceptance_high,
  case when sent >= 20 then {{ salesnav.ratio('answered', 'sent') }} end as response_rate,
  case when sent >= 20 then {{ salesnav.wilson('answered', 'sent', 'low') }} end as response_low,
  case when sent >= 20 then {{ salesnav.wilson('answered', 'sent', 'high') }} end as response_high
from counted
