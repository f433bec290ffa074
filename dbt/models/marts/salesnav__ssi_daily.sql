{%- set scores = ['ssi', 'ssi_brand', 'ssi_find', 'ssi_engage', 'ssi_build'] -%}
{%- set spans = [7, 28, 90] -%}
-- seats that were never activated have no score, and no row here
with scores as (

  select contract, seat_id, snapshot_date as day, {{ scores | join(', ') }}
  from {{ ref('stg_salesnav__seats') }}
  where coalesce({{ scores | join(', ') }}) is not null

)

select
  scores.contract,
  scores.seat_id,
  scores.day,
  {%- for score in scores %}
  scores.{{ score }},
  {%- endfor %}
  {%- for score in scores %}
  {%- for span in spans %}
  scores.{{ score }} - before_{{ span }}.{{ score }} as {{ score }}_change_{{ span }},
  {%- endfor %}
  {%- endfor %}
  avg(scores.ssi) over (partition by scores.contract, scores.day) as contract_mean
from scores
{%- for span in spans %}
left join scores as before_{{ span }}
  on scores.contract = before_{{ span }}.contract
  and scores.seat_id = before_{{ span }}.seat_id
  and before_{{ span }}.day = {{ salesnav.add_days('scores.day', -span) }}
{%- endfor %}
