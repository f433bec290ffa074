with counted as (

  select
    contract,
    seat_id,
    holder_number,
    {{ salesnav.iso_week('sent_date') }} as sent_week,
    count(*) as sent,
    sum(case when outcome_group = 'accepted' then 1 else 0 end) as accepted,
    sum(case when outcome_group = 'declined' then 1 else 0 end) as declined,
    sum(case when outcome_group = 'other' then 1 else 0 end) as other,
    sum(case when outcome_group = 'none' then 1 else 0 end) as unanswered,
    sum(case when is_mature then 1 else 0 end) as mature_sent,
    sum(case when is_mature and outcome_group = 'accepted' then 1 else 0 end) as mature_accepted,
    sum(case when is_mature and outcome_group in ('accepted', 'declined') then 1 else 0 end) as mature_answered
  from {{ ref('salesnav__inmails') }}
  group by contract, seat_id, holder_number, {{ salesnav.iso_week('sent_date') }}

)

select
  contract,
  seat_id,
  sent_week,
  sent,
  {%- for column in ['accepted', 'declined', 'other', 'unanswered', 'mature_sent', 'mature_accepted'] %}
  {{ salesnav.as_bigint(column) }} as {{ column }},
  {%- endfor %}
  {{ salesnav.ratio('mature_accepted', 'mature_sent') }} as acceptance_rate,
  {{ salesnav.ratio('mature_answered', 'mature_sent') }} as response_rate,
  holder_number,
  {{ salesnav.as_bigint('mature_answered') }} as mature_answered,
  {%- for name, part in {'acceptance': 'mature_accepted', 'response': 'mature_answered'}.items() %}
  {{ salesnav.wilson(part, 'mature_sent', 'low') }} as {{ name }}_low,
  {{ salesnav.wilson(part, 'mature_sent', 'high') }} as {{ name }}_high{{ ',' if not loop.last }}
  {%- endfor %}
from counted
