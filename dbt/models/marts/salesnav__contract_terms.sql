with measured as (

  select
    {{ salesnav.contract_urn('written') }} as contract,
    written.purchased_seats,
    written.cost,
    written.currency,
    written.from_day,
    written.to_day,
    -- a term without an end is paid by the year
    coalesce(
      cast({{ salesnav.years_between('written.from_day', 'written.to_day') }} as {{ salesnav.type_double() }}),
      1
    ) as years
  from {{ ref('stg_salesnav__contract_terms') }} as written
  {{ salesnav.named_by_number('written') }}

),

ranked as (

  select
    measured.*,
    coalesce(
      measured.from_day <= horizons.last_day
      and (measured.to_day is null or measured.to_day >= horizons.last_day),
      false
    ) as covers_last_day,
    row_number() over (
      partition by
        measured.contract,
        measured.from_day <= horizons.last_day and (measured.to_day is null or measured.to_day >= horizons.last_day)
      order by measured.from_day desc, measured.cost desc, measured.purchased_seats desc
    ) as position
  from measured
  left join {{ ref('int_salesnav__horizons') }} as horizons
    on measured.contract = horizons.contract

)

select
  contract,
  purchased_seats,
  cost,
  currency,
  from_day,
  to_day,
  years,
  {{ salesnav.ratio('cost', 'years') }} as cost_per_year,
  {{ salesnav.ratio(salesnav.ratio('cost', 'years'), 'purchased_seats') }} as cost_per_seat_year,
  covers_last_day and position = 1 as is_in_force
from ranked
