with seats as (

  select
    contract,
    count(*) as seats,
    sum(case when is_active_28 then 1 else 0 end) as active_seats_28,
    sum(case when is_reclaimable then 1 else 0 end) as reclaimable_seats,
    sum(case when is_listed then 1 else 0 end) as listed_seats,
    sum(case when is_listed and is_activated then 1 else 0 end) as activated_seats,
    sum(case when license_state = 'used' then 1 else 0 end) as used_seats,
    sum(case when license_state = 'unknown' then 1 else 0 end) as unknown_seats,
    sum(case when holder_number > 1 then 1 else 0 end) as handed_on_seats,
    count(distinct team) as teams,
    sum(case when team is null then 1 else 0 end) as seats_without_team
  from {{ ref('salesnav__seats') }}
  group by contract

),

inmails as (

  select
    contract,
    count(*) as mature_sent,
    sum(case when outcome_group = 'accepted' then 1 else 0 end) as mature_accepted
  from {{ ref('salesnav__inmails') }}
  where is_mature
  group by contract

),

newest_ssi as (

  select contract, max(day) as day
  from {{ ref('salesnav__ssi_daily') }}
  where ssi is not null
  group by contract

),

ssi as (

  select scores.contract, avg(scores.ssi) as ssi_mean, count(scores.ssi) as ssi_seats
  from {{ ref('salesnav__ssi_daily') }} as scores
  inner join newest_ssi
    on scores.contract = newest_ssi.contract
    and scores.day = newest_ssi.day
  group by scores.contract

),

joined as (

  select
    horizons.contract,
    contracts.name,
    contracts.has_reporting_access,
    {{ var('salesnav_idle_days', 28) }} as idle_days_rule,
    {{ var('salesnav_inmail_maturity_days', 14) }} as maturity_days,
    {%- for column in ['seats', 'listed_seats', 'handed_on_seats', 'teams', 'seats_without_team', 'unknown_seats'] %}
    {{ salesnav.as_bigint('coalesce(seats.' ~ column ~ ', 0)') }} as {{ column }},
    {%- endfor %}
    -- where no activities are loaded, nothing is known of use
    {%- for column in ['active_seats_28', 'reclaimable_seats', 'activated_seats', 'used_seats'] %}
    case
      when horizons.activities_last is not null then {{ salesnav.as_bigint('coalesce(seats.' ~ column ~ ', 0)') }}
    end as {{ column }},
    {%- endfor %}
    {{ salesnav.as_bigint('coalesce(seats.listed_seats, 0) + coalesce(directory.seats, 0)') }} as assigned_seats,
    {{ salesnav.as_bigint('coalesce(inmails.mature_sent, 0)') }} as inmails_mature,
    {{ salesnav.as_bigint('coalesce(inmails.mature_accepted, 0)') }} as inmails_mature_accepted,
    ssi.ssi_mean,
    {{ salesnav.as_bigint('coalesce(ssi.ssi_seats, 0)') }} as ssi_seats,
    terms.purchased_seats,
    terms.cost,
    terms.currency,
    terms.from_day,
    terms.to_day,
    terms.cost_per_year,
    terms.cost_per_seat_year
  from {{ ref('int_salesnav__horizons') }} as horizons
  left join {{ ref('stg_salesnav__contracts') }} as contracts
    on horizons.contract = contracts.contract
  left join seats
    on horizons.contract = seats.contract
  left join {{ ref('int_salesnav__directory_only') }} as directory
    on horizons.contract = directory.contract
  left join inmails
    on horizons.contract = inmails.contract
  left join ssi
    on horizons.contract = ssi.contract
  left join {{ ref('salesnav__contract_terms') }} as terms
    on horizons.contract = terms.contract
    and terms.is_in_force

),

counted as (

  select
    *,
    case
      when purchased_seats > assigned_seats then purchased_seats - assigned_seats
      when purchased_seats is not null then 0
    end as unassigned_seats
  from joined

)

select
  contract,
  name,
  seats,
  active_seats_28,
  reclaimable_seats,
  {{ salesnav.ratio('inmails_mature_accepted', 'inmails_mature') }} as inmail_acceptance_rate,
  ssi_mean,
  purchased_seats,
  case when unknown_seats = 0 then {{ salesnav.ratio('cost', 'active_seats_28') }} end as cost_per_active_seat,
  {{ salesnav.ratio('cost', 'purchased_seats') }} * reclaimable_seats as reclaimable_cost,
  currency,
  has_reporting_access,
  {{ salesnav.as_bigint('idle_days_rule') }} as idle_days_rule,
  {{ salesnav.as_bigint('maturity_days') }} as maturity_days,
  {{ salesnav.as_bigint('unassigned_seats') }} as unassigned_seats,
  assigned_seats,
  activated_seats,
  used_seats,
  listed_seats,
  {{ salesnav.as_bigint('seats - listed_seats') }} as gone_seats,
  handed_on_seats,
  teams,
  seats_without_team,
  inmails_mature,
  inmails_mature_accepted,
  {{ salesnav.wilson('inmails_mature_accepted', 'inmails_mature', 'low') }} as inmail_acceptance_low,
  {{ salesnav.wilson('inmails_mature_accepted', 'inmails_mature', 'high') }} as inmail_acceptance_high,
  ssi_seats,
  from_day as term_from,
  to_day as term_to,
  cost,
  cost_per_year,
  cost_per_seat_year,
  cost_per_seat_year * unassigned_seats as unassigned_cost_year,
  cost_per_seat_year * reclaimable_seats as reclaimable_cost_year,
  case when unknown_seats = 0 then cost_per_seat_year * (purchased_seats - used_seats) end as unused_cost_year,
  unknown_seats
from counted
