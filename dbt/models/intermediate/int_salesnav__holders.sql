-- Who held a seat from when to when: a stretch of its days with one person. Two snapshots show the same person if the address
-- is the same or the name is; snapshots that tell neither change nothing. Without names each seat has one holder.
with written as (

  select
    seats.contract,
    seats.seat_id,
    seats.first_name,
    seats.last_name,
    seats.full_name,
    seats.email,
    min(seats.snapshot_date) as first_day,
    max(seats.snapshot_date) as last_day,
    -- a seat that was never activated has no figures
    min(case when {{ salesnav.has_figures('seats') }} then seats.snapshot_date end) as first_figures_day
  from {{ ref('stg_salesnav__seats') }} as seats
  group by seats.contract, seats.seat_id, seats.first_name, seats.last_name, seats.full_name, seats.email

),

-- mostly one row of a seat
identities as (

  select
    contract,
    seat_id,
    first_day,
    last_day,
    first_figures_day,
    {{ salesnav.cleaned(salesnav.person_name('written')) }} as name_key,
    {{ salesnav.cleaned('email') }} as email_key
  from written

),

-- only of these seats the snapshots are read one by one
changing as (

  select contract, seat_id
  from identities
  where name_key is not null
    or email_key is not null
  group by contract, seat_id
  having min(coalesce(name_key, '')) <> max(coalesce(name_key, ''))
    or min(coalesce(email_key, '')) <> max(coalesce(email_key, ''))

),

snapshots as (

  select
    seats.contract,
    seats.seat_id,
    seats.snapshot_date as day,
    {{ salesnav.cleaned(salesnav.person_name('seats')) }} as name_key,
    {{ salesnav.cleaned('seats.email') }} as email_key,
    {{ salesnav.has_figures('seats') }} as has_figures
  from {{ ref('stg_salesnav__seats') }} as seats
  inner join changing
    on seats.contract = changing.contract
    and seats.seat_id = changing.seat_id

),

compared as (

  select
    contract,
    seat_id,
    day,
    name_key,
    email_key,
    row_number() over (partition by contract, seat_id order by day) as position,
    lag(name_key) over (partition by contract, seat_id order by day) as name_before,
    lag(email_key) over (partition by contract, seat_id order by day) as email_before
  from snapshots
  where name_key is not null
    or email_key is not null

),

-- hardly ever more than one row of a seat goes on from here
changes as (

  select
    contract,
    seat_id,
    day,
    name_key,
    email_key,
    count(name_key) over (partition by contract, seat_id order by day) as names,
    count(email_key) over (partition by contract, seat_id order by day) as emails
  from compared
  where position = 1
    or coalesce(name_key, '') <> coalesce(name_before, '')
    or coalesce(email_key, '') <> coalesce(email_before, '')

),

-- what a snapshot leaves out is as it was last told
filled as (

  select
    contract,
    seat_id,
    day,
    max(name_key) over (partition by contract, seat_id, names) as name_key,
    max(email_key) over (partition by contract, seat_id, emails) as email_key
  from changes

),

paired as (

  select
    contract,
    seat_id,
    day,
    name_key,
    email_key,
    lag(day) over (partition by contract, seat_id order by day) as day_before,
    lag(name_key) over (partition by contract, seat_id order by day) as name_before,
    lag(email_key) over (partition by contract, seat_id order by day) as email_before
  from filled

),

starts as (

  select contract, seat_id, day
  from paired
  where day_before is not null
    and coalesce(name_key <> name_before, email_key <> email_before, false)
    and coalesce(email_key <> email_before, true)

),

numbered as (

  select
    contract,
    seat_id,
    day,
    row_number() over (partition by contract, seat_id order by day) + 1 as holder_number,
    lead(day) over (partition by contract, seat_id order by day) as next_day
  from starts

),

stretches as (

  select
    contract,
    seat_id,
    holder_number,
    day as first_day,
    next_day
  from numbered

  union all

  select
    seats.contract,
    seats.seat_id,
    1 as holder_number,
    seats.first_day,
    second_holders.day as next_day
  from {{ ref('int_salesnav__seats') }} as seats
  left join numbered as second_holders
    on seats.contract = second_holders.contract
    and seats.seat_id = second_holders.seat_id
    and second_holders.holder_number = 2

),

spans as (

  select
    stretches.contract,
    stretches.seat_id,
    stretches.holder_number,
    stretches.first_day,
    case
      when stretches.next_day is null then seats.last_day
      else {{ salesnav.add_days('stretches.next_day', -1) }}
    end as last_day,
    stretches.next_day is null as is_present,
    coalesce(
      stretches.holder_number > 1
      or seats.first_snapshot > min(seats.first_snapshot) over (partition by stretches.contract),
      false
    ) as is_first_day_known
  from stretches
  inner join {{ ref('int_salesnav__seats') }} as seats
    on stretches.contract = seats.contract
    and stretches.seat_id = seats.seat_id

),

told as (

  select
    spans.contract,
    spans.seat_id,
    spans.holder_number,
    min(snapshots.day) as first_snapshot,
    max(snapshots.day) as last_snapshot,
    min(case when snapshots.has_figures then snapshots.day end) as first_figures_day,
    max(case when snapshots.name_key is not null or snapshots.email_key is not null then snapshots.day end) as named_day
  from spans
  inner join snapshots
    on spans.contract = snapshots.contract
    and spans.seat_id = snapshots.seat_id
    and snapshots.day >= spans.first_day
    and snapshots.day <= spans.last_day
  group by spans.contract, spans.seat_id, spans.holder_number

  union all

  select
    identities.contract,
    identities.seat_id,
    1 as holder_number,
    min(identities.first_day) as first_snapshot,
    max(identities.last_day) as last_snapshot,
    min(identities.first_figures_day) as first_figures_day,
    max(case when identities.name_key is not null or identities.email_key is not null then identities.last_day end) as named_day
  from identities
  left join changing
    on identities.contract = changing.contract
    and identities.seat_id = changing.seat_id
  where changing.contract is null
  group by identities.contract, identities.seat_id

)

select
  spans.contract,
  spans.seat_id,
  {{ salesnav.as_bigint('spans.holder_number') }} as holder_number,
  spans.first_day,
  spans.last_day,
  spans.is_present,
  spans.is_first_day_known,
  told.first_snapshot,
  told.last_snapshot,
  told.first_figures_day,
  newest.first_name,
  newest.last_name,
  {{ salesnav.person_name('newest') }} as full_name,
  newest.email
from spans
left join told
  on spans.contract = told.contract
  and spans.seat_id = told.seat_id
  and spans.holder_number = told.holder_number
left join {{ ref('stg_salesnav__seats') }} as newest
  on spans.contract = newest.contract
  and spans.seat_id = newest.seat_id
  and newest.snapshot_date = told.named_day
