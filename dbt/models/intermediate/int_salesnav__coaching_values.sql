-- How present holders who are active do in each part of the SSI and step of the funnel: in the last closed weeks together
-- (week is null), and in each of the last eight. Beside it, the median and the spread of the peers.
with newest as (

  select contract, max(week) as week
  from {{ ref('int_salesnav__closed_weeks') }}
  group by contract

),

peers as (

  select
    seats.contract,
    seats.seat_id,
    seats.holder_number,
    {{ salesnav.team_name('seats.team') }} as team,
    newest.week as newest_week
  from {{ ref('salesnav__seats') }} as seats
  inner join newest
    on seats.contract = newest.contract
  where seats.is_active_28
    and seats.is_listed

),

weeks as (

  select
    peers.team,
    peers.newest_week,
    weeks.*
  from {{ ref('int_salesnav__holder_weeks') }} as weeks
  inner join peers
    on weeks.contract = peers.contract
    and weeks.seat_id = peers.seat_id
    and weeks.holder_number = peers.holder_number
    and weeks.week <= peers.newest_week
    and weeks.week > {{ salesnav.add_days('peers.newest_week', -84) }}

),

measured as (

  {%- for area, how in salesnav.coaching_areas().items() %}
  {%- set whole = 'sum(' ~ how.whole ~ ')' %}
  {%- set part = 'sum(' ~ how.part ~ ')' %}
  select
    contract, seat_id, holder_number, team, '{{ area }}' as area, cast(null as date) as week,
    {{ salesnav.ratio(part, whole) }} as value, {{ whole }} as base
  from weeks
  where week > {{ salesnav.add_days('newest_week', -7 * how.get('weeks', 4)) }}
  group by contract, seat_id, holder_number, team
  having {{ whole }} >= {{ how.enough }}

  union all

  select
    contract, seat_id, holder_number, team, '{{ area }}' as area, week,
    {{ salesnav.ratio('(' ~ how.part ~ ')', how.whole) }} as value, {{ how.whole }} as base
  from weeks
  where week > {{ salesnav.add_days('newest_week', -56) }}
    and {{ how.whole }} >= {{ how.enough_week }}
  {% if not loop.last %}
  union all
  {% endif %}
  {%- endfor %}

),

-- everybody is a peer in the contract and in the team
grouped as (

  select contract, 'contract' as scope, 'All teams' as peer_team, seat_id, holder_number, area, week, value, base
  from measured

  union all

  select contract, 'team' as scope, team as peer_team, seat_id, holder_number, area, week, value, base
  from measured
  where team <> {{ salesnav.team_name('null') }}

),

placed as (

  select
    *,
    row_number() over (partition by contract, scope, peer_team, area, week order by value, seat_id) as position,
    count(*) over (partition by contract, scope, peer_team, area, week) as peers
  from grouped

),

compared as (

  select
    placed.*,
    avg(case when {{ salesnav.is_in_middle('position', 'peers') }} then value end) over (
      partition by contract, scope, peer_team, area, week
    ) as median
  from placed

)

select
  contract,
  scope,
  peer_team,
  seat_id,
  holder_number,
  area,
  week,
  value,
  {{ salesnav.as_bigint('base') }} as base,
  peers,
  median,
  avg(abs(value - median)) over (partition by contract, scope, peer_team, area, week) as spread
from compared
-- the median of fewer says nothing
where peers >= 5
