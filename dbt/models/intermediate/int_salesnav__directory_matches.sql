-- The entries of the directory that speak of a holder. An entry whose address is that of somebody speaks of nobody else: not of
-- the heir of the seat that it names.
with entries as (

  select
    {{ salesnav.contract_urn('written') }} as contract,
    written.seat_id as seat_number,
    {{ salesnav.cleaned('written.email') }} as email_key,
    written.employee_id,
    written.team,
    written.manager,
    written.region,
    {%- for column in salesnav.target_columns() %}
    written.{{ column }},
    {%- endfor %}
    written.imported_at
  from {{ ref('stg_salesnav__directory') }} as written
  {{ salesnav.named_by_number('written') }}

),

holders as (

  select
    contract,
    seat_id,
    holder_number,
    is_present,
    {{ salesnav.seat_number('seat_id') }} as seat_number,
    {{ salesnav.cleaned('email') }} as email_key
  from {{ ref('int_salesnav__holders') }}

),

addresses as (

  select distinct email_key
  from holders
  where email_key is not null

),

matches as (

  select
    holders.contract,
    holders.seat_id,
    holders.holder_number,
    entries.employee_id,
    entries.team,
    entries.manager,
    entries.region,
    {%- for column in salesnav.target_columns() %}
    entries.{{ column }},
    {%- endfor %}
    entries.imported_at,
    case when entries.seat_number = holders.seat_number then 1 else 2 end as closeness,
    case when entries.contract is null then 2 else 1 end as breadth
  from holders
  inner join entries
    on holders.email_key = entries.email_key
  where entries.contract is null
    or entries.contract = holders.contract

  union all

  select
    holders.contract,
    holders.seat_id,
    holders.holder_number,
    entries.employee_id,
    entries.team,
    entries.manager,
    entries.region,
    {%- for column in salesnav.target_columns() %}
    entries.{{ column }},
    {%- endfor %}
    entries.imported_at,
    3 as closeness,
    case when entries.contract is null then 2 else 1 end as breadth
  from holders
  inner join entries
    on holders.seat_number = entries.seat_number
  left join addresses
    on entries.email_key = addresses.email_key
  where addresses.email_key is null
    and (holders.is_present or entries.email_key is null)
    and (entries.contract is null or entries.contract = holders.contract)

),

ranked as (

  select
    *,
    row_number() over (
      partition by contract, seat_id, holder_number
      order by closeness, breadth, coalesce(imported_at, '') desc, coalesce(team, ''), coalesce(manager, ''),
        coalesce(region, ''), coalesce(employee_id, '')
    ) as position,
    rank() over (
      partition by contract, seat_id, holder_number
      order by closeness, breadth, coalesce(imported_at, '') desc
    ) as place
  from matches

),

-- entries that say something else and are as near: which of them counts is chance
rivals as (

  select contract, seat_id, holder_number, count(*) as entries
  from (
    select distinct
      contract,
      seat_id,
      holder_number,
      employee_id,
      team,
      manager,
      region,
      {{ salesnav.target_columns() | join(',\n      ') }}
    from ranked
    where place = 1
  ) as different
  group by contract, seat_id, holder_number

)

select
  ranked.contract,
  ranked.seat_id,
  ranked.holder_number,
  ranked.employee_id,
  ranked.team,
  ranked.manager,
  ranked.region,
  {%- for column in salesnav.target_columns() %}
  ranked.{{ column }},
  {%- endfor %}
  {{ salesnav.as_bigint('rivals.entries') }} as entries
from ranked
inner join rivals
  on ranked.contract = rivals.contract
  and ranked.seat_id = rivals.seat_id
  and ranked.holder_number = rivals.holder_number
where ranked.position = 1
