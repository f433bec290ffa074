-- Seats that the directory knows and no export does, e.g. as nobody has activated them: by contract, where it is told or there
-- is but one.
with contracts as (

  select contract, count(*) over () as contracts
  from {{ ref('int_salesnav__horizons') }}

),

entries as (

  select distinct
    contracts.contract,
    written.seat_id as seat_number,
    {{ salesnav.cleaned('written.email') }} as email_key
  from {{ ref('stg_salesnav__directory') }} as written
  {{ salesnav.named_by_number('written') }}
  inner join contracts
    on contracts.contract = {{ salesnav.contract_urn('written') }}
    or (written.contract is null and contracts.contracts = 1)
  where written.seat_id is not null
    and lower(coalesce(written.license_status, 'active')) <> 'inactive'

),

numbers as (

  select distinct contract, {{ salesnav.seat_number('seat_id') }} as seat_number
  from {{ ref('int_salesnav__holders') }}

),

addresses as (

  select distinct contract, {{ salesnav.cleaned('email') }} as email_key
  from {{ ref('int_salesnav__holders') }}

)

select entries.contract, count(distinct entries.seat_number) as seats
from entries
left join numbers
  on entries.contract = numbers.contract
  and entries.seat_number = numbers.seat_number
left join addresses
  on entries.contract = addresses.contract
  and entries.email_key = addresses.email_key
where numbers.contract is null
  and addresses.contract is null
group by entries.contract
