-- In what a present holder who is active is furthest below the median of her team, or of the contract where she has none or it is
-- small. Parts and steps are held against each other by how far people usually are from their median.
with scoped as (

  select
    *,
    row_number() over (
      partition by contract, seat_id, area, week order by case when scope = 'team' then 0 else 1 end
    ) as position
  from {{ ref('int_salesnav__coaching_values') }}

),

chosen as (

  select
    scoped.*,
    case area
      {%- for area, how in salesnav.coaching_areas().items() %}
      when '{{ area }}' then greatest(spread, {{ how.get('least_spread', '0.1 * median') }})
      {%- endfor %}
    end as usual_distance
  from scoped
  where position = 1

),

-- how long it has been so
weekly as (

  select
    contract,
    seat_id,
    area,
    count(*) as weeks_compared,
    sum(case when value < median then 1 else 0 end) as weeks_below,
    max(week) as last_week,
    max(case when value >= median then week end) as last_week_not_below
  from chosen
  where week is not null
  group by contract, seat_id, area

),

runs as (

  select
    weekly.contract,
    weekly.seat_id,
    weekly.area,
    -- in the week of a handover the days before it belong to somebody else
    greatest(min(chosen.week), coalesce(min(seats.holder_since), min(chosen.week))) as since,
    -- who was never seen elsewhere may have been below for longer, unless she is new to the seat
    coalesce(min(weekly.last_week_not_below) is not null or min(seats.holder_since) >= min(chosen.week), false) as is_since_known,
    count(*) as weeks_in_run
  from weekly
  inner join {{ ref('salesnav__seats') }} as seats
    on weekly.contract = seats.contract
    and weekly.seat_id = seats.seat_id
  inner join chosen
    on weekly.contract = chosen.contract
    and weekly.seat_id = chosen.seat_id
    and weekly.area = chosen.area
    and chosen.week is not null
    and (weekly.last_week_not_below is null or chosen.week > weekly.last_week_not_below)
  group by weekly.contract, weekly.seat_id, weekly.area

),

areas as (

  select
    chosen.contract,
    chosen.seat_id,
    chosen.holder_number,
    chosen.scope,
    chosen.peers,
    chosen.area,
    case chosen.area
      {%- for area, how in salesnav.coaching_areas().items() %}
      when '{{ area }}' then '{{ how.label }}'
      {%- endfor %}
    end as area_label,
    chosen.value,
    chosen.median,
    chosen.median - chosen.value as gap,
    chosen.usual_distance as spread,
    (chosen.median - chosen.value) / chosen.usual_distance as gap_score,
    runs.since,
    runs.is_since_known,
    coalesce(weekly.weeks_below, 0) as weeks_below,
    coalesce(weekly.weeks_compared, 0) as weeks_compared,
    case
      when chosen.area = 'acceptance' then
        case
          when {{ salesnav.wilson('chosen.value * chosen.base', 'chosen.base', 'high') }} < chosen.median then 'high'
          else 'low'
        end
      when coalesce(runs.weeks_in_run, 0) >= 4 then 'high'
      when coalesce(runs.weeks_in_run, 0) >= 2 then 'medium'
      else 'low'
    end as certainty
  from chosen
  left join weekly
    on chosen.contract = weekly.contract
    and chosen.seat_id = weekly.seat_id
    and chosen.area = weekly.area
  left join runs
    on chosen.contract = runs.contract
    and chosen.seat_id = runs.seat_id
    and chosen.area = runs.area
  where chosen.week is null
    and chosen.usual_distance > 0

),

ranked as (

  select
    areas.*,
    row_number() over (partition by contract, seat_id order by gap_score desc, area asc) as place,
    row_number() over (partition by contract, seat_id order by gap_score, area) as place_from_top
  from areas

)

select
  weakest.contract,
  weakest.seat_id,
  weakest.holder_number,
  seats.full_name,
  seats.team,
  weakest.scope as peer_group,
  weakest.peers,
  weakest.area,
  weakest.area_label,
  weakest.value,
  weakest.median,
  weakest.gap,
  weakest.spread,
  weakest.gap_score,
  weakest.since,
  weakest.is_since_known,
  {{ salesnav.as_bigint('weakest.weeks_below') }} as weeks_below,
  weakest.weeks_compared,
  weakest.certainty,
  weakest.gap_score >= 1 and weakest.certainty <> 'low' as is_notable,
  next_one.area as second_area,
  next_one.area_label as second_area_label,
  next_one.gap_score as second_gap_score,
  strength.area as strength_area,
  strength.area_label as strength_area_label,
  {{ dbt.concat([
    'weakest.area_label', "': '",
    "case when weakest.area = 'acceptance' then " ~ dbt.concat([salesnav.written_decimal('100 * weakest.value'), "' %'"])
      ~ " when weakest.area = 'leads_per_view' then " ~ dbt.concat([salesnav.written_decimal('100 * weakest.value'), "' per 100'"])
      ~ ' else ' ~ salesnav.written_decimal('weakest.value') ~ ' end',
    "', where the median of the '", "weakest.scope", "' is '",
    "case when weakest.area = 'acceptance' then " ~ dbt.concat([salesnav.written_decimal('100 * weakest.median'), "' %'"])
      ~ " when weakest.area = 'leads_per_view' then " ~ dbt.concat([salesnav.written_decimal('100 * weakest.median'), "' per 100'"])
      ~ ' else ' ~ salesnav.written_decimal('weakest.median') ~ ' end',
    "case when weakest.weeks_compared = 0 then '' else " ~ dbt.concat([
      "'; below it in '", salesnav.digits('weakest.weeks_below'), "' of '", salesnav.digits('weakest.weeks_compared'),
      "case when weakest.weeks_compared = 1 then ' week' else ' weeks' end"
    ]) ~ ' end',
    "case when weakest.since is null then '' else " ~ dbt.concat([
      "', and since '", salesnav.written_date('weakest.since'),
      "case when weakest.is_since_known then '' else ' or earlier' end"
    ]) ~ ' end',
    "'.'"
  ]) }} as sentence
from ranked as weakest
inner join {{ ref('salesnav__seats') }} as seats
  on weakest.contract = seats.contract
  and weakest.seat_id = seats.seat_id
left join ranked as next_one
  on weakest.contract = next_one.contract
  and weakest.seat_id = next_one.seat_id
  and next_one.place = 2
  and next_one.gap_score > 0
left join ranked as strength
  on weakest.contract = strength.contract
  and weakest.seat_id = strength.seat_id
  and strength.place_from_top = 1
  and strength.gap_score < 0
where weakest.place = 1
  and weakest.gap_score > 0
