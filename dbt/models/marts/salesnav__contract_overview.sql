with terms as (

  {{ salesnav.contract_terms() }}

),

seats as (

  select
    contract,
    count(*) as seats,
    sum(case when is_active_28 then 1 else 0 end) as active_seats_28,
    sum(case when is_reclaimable then 1 else 0 end) as reclaimable_seats
  from {{ ref('salesnav__seats') }}
  group by contract

),

inmails as (

  select
    contract,
    {{ salesnav.ratio(
      "sum(case when is_mature and outcome_group = 'accepted' then 1 else 0 end)",
      'sum(case when is_mature then 1 else 0 end)'
    ) }} as inmail_acceptance_rate
  from {{ ref('salesnav__inmails') }}
  group by contract

),

newest_ssi as (

  select contract, max(day) as day
  from {{ ref('salesnav__ssi_daily') }}
  where ssi is not null
  group by contract

),

ssi as (

  select scores.contract, avg(scores.ssi) as ssi_mean
  from {{ ref('salesnav__ssi_daily') }} as scores
  inner join newest_ssi
    on scores.contract = newest_ssi.contract
    and scores.day = newest_ssi.day
  group by scores.contract

),

terms_in_force as (

  select
    horizons.contract,
    terms.purchased_seats,
    terms.cost,
    terms.currency,
    row_number() over (partition by horizons.contract order by terms.first_day desc) as position
  from {{ ref('int_salesnav__horizons') }} as horizons
  inner join terms
    on horizons.contract = terms.contract
    and terms.first_day <= horizons.last_day
    and (terms.last_day is null or terms.last_day >= horizons.last_day)

),

joined as (

  select
    horizons.contract,
    contracts.name,
    {{ salesnav.as_bigint('coalesce(seats.seats, 0)') }} as seats,
    {{ salesnav.as_bigint('coalesce(seats.active_seats_28, 0)') }} as active_seats_28,
    {{ salesnav.as_bigint('coalesce(seats.reclaimable_seats, 0)') }} as reclaimable_seats,
    inmails.inmail_acceptance_rate,
    ssi.ssi_mean,
    terms_in_force.purchased_seats,
    terms_in_force.cost,
    terms_in_force.currency
  from {{ ref('int_salesnav__horizons') }} as horizons
  left join {{ ref('stg_salesnav__contracts') }} as contracts
    on horizons.contract = contracts.contract
  left join seats
    on horizons.contract = seats.contract
  left join inmails
    on horizons.contract = inmails.contract
  left join ssi
    on horizons.contract = ssi.contract
  left join terms_in_force
    on horizons.contract = terms_in_force.contract
    and terms_in_force.position = 1

)

select
  contract,
  name,
  seats,
  active_seats_28,
  reclaimable_seats,
  inmail_acceptance_rate,
  ssi_mean,
  purchased_seats,
  {{ salesnav.ratio('cost', 'active_seats_28') }} as cost_per_active_seat,
  {{ salesnav.ratio('cost', 'purchased_seats') }} * reclaimable_seats as reclaimable_cost,
  currency
from joined
