{{
  config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'bigquery' else 'append',
    on_schema_change='append_new_columns',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    cluster_by=['contract', 'seat_id'] if target.type == 'bigquery' else none,
    pre_hook="{{ salesnav.delete_since_touched(['seats'], 'day') }}"
  )
}}
-- depends_on: {{ ref('int_salesnav__touched_days') }}
{%- set touched = salesnav.touched_days(['seats'], not is_incremental()) %}
{%- set scores = ['ssi', 'ssi_brand', 'ssi_find', 'ssi_engage', 'ssi_build'] -%}
{%- set spans = [7, 28, 90] -%}
-- seats that were never activated have no score, and no row here
with scores as (

  select
    seats.contract,
    seats.seat_id,
    holders.holder_number,
    seats.snapshot_date as day,
    seats.{{ scores | join(',\n    seats.') }}
  from {{ ref('stg_salesnav__seats') }} as seats
  inner join {{ ref('int_salesnav__holders') }} as holders
    on seats.contract = holders.contract
    and seats.seat_id = holders.seat_id
    and seats.snapshot_date >= holders.first_day
    and seats.snapshot_date <= holders.last_day
  where coalesce(seats.{{ scores | join(', seats.') }}) is not null
    {%- if touched %}
    and seats.snapshot_date >= {{ salesnav.add_days("date '" ~ touched[0] ~ "'", -90) }}
    {%- endif %}

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
  avg(scores.ssi) over (partition by scores.contract, scores.day) as contract_mean,
  scores.holder_number
from scores
{%- for span in spans %}
left join scores as before_{{ span }}
  on scores.contract = before_{{ span }}.contract
  and scores.seat_id = before_{{ span }}.seat_id
  -- the score of who held the seat before is another person's
  and scores.holder_number = before_{{ span }}.holder_number
  and before_{{ span }}.day = {{ salesnav.add_days('scores.day', -span) }}
{%- endfor %}
where {{ salesnav.is_since_touched(['seats'], 'scores', 'day', not is_incremental()) }}
