{%- set counts = salesnav.compared_counts() -%}
-- The newest closed week against the one before, and the newest four against the four before, measure by measure.
with measured as (

  select
    contract, scope, team, weeks, 'active_seats' as measure, 'Active seats' as label,
    cast(active_seats_now as {{ salesnav.type_double() }}) as value_now,
    cast(active_seats_before as {{ salesnav.type_double() }}) as value_before,
    active_seats_now as base_now,
    active_seats_before as base_before,
    case when active_seats_now >= 5 or active_seats_before >= 5 then 1 else 0 end as is_enough,
    1.0 as weight
  from {{ ref('int_salesnav__spans') }}

  {%- for column, label in counts.items() %}

  union all

  select
    contract, scope, team, weeks, '{{ column }}' as measure, '{{ label }}' as label,
    cast({{ column }}_now as {{ salesnav.type_double() }}) as value_now,
    cast({{ column }}_before as {{ salesnav.type_double() }}) as value_before,
    active_seats_now as base_now,
    active_seats_before as base_before,
    case when {{ column }}_now >= 20 or {{ column }}_before >= 20 then 1 else 0 end as is_enough,
    1.0 as weight
  from {{ ref('int_salesnav__spans') }}
  {%- endfor %}

  union all

  select
    contract, scope, team, weeks, 'acceptance_rate' as measure, 'InMail acceptance' as label,
    {{ salesnav.ratio('inmails_mature_accepted_now', 'inmails_mature_now') }} as value_now,
    {{ salesnav.ratio('inmails_mature_accepted_before', 'inmails_mature_before') }} as value_before,
    inmails_mature_now as base_now,
    inmails_mature_before as base_before,
    case when inmails_mature_now >= 20 and inmails_mature_before >= 20 then 1 else 0 end as is_enough,
    -- intervals that overlap show no change
    case
      when
        {{ salesnav.wilson('inmails_mature_accepted_now', 'inmails_mature_now', 'low') }}
        > {{ salesnav.wilson('inmails_mature_accepted_before', 'inmails_mature_before', 'high') }}
        or {{ salesnav.wilson('inmails_mature_accepted_now', 'inmails_mature_now', 'high') }}
        < {{ salesnav.wilson('inmails_mature_accepted_before', 'inmails_mature_before', 'low') }}
        then 1.0
      else 0.0
    end as weight
  from {{ ref('int_salesnav__spans') }}

  union all

  select
    contract, scope, team, weeks, 'ssi' as measure, 'SSI' as label,
    ssi_now as value_now,
    ssi_before as value_before,
    ssi_seats as base_now,
    ssi_seats as base_before,
    case when ssi_seats >= 5 then 1 else 0 end as is_enough,
    -- a point of the mean weighs as much as a tenth of a count
    6.0 as weight
  from {{ ref('int_salesnav__spans') }}

),

judged as (

  select
    measured.*,
    spans.first_day,
    spans.last_day,
    spans.before_first_day,
    spans.before_last_day,
    spans.missing_days,
    measured.value_now - measured.value_before as change,
    {{ salesnav.ratio('measured.value_now - measured.value_before', 'measured.value_before') }} as change_share,
    measured.is_enough = 1 and spans.missing_days <= 0 as is_comparable,
    abs(measured.value_now - measured.value_before) * measured.weight
    / nullif(greatest(measured.value_now, measured.value_before), 0) as strength
  from measured
  inner join {{ ref('int_salesnav__spans') }} as spans
    on measured.contract = spans.contract
    and measured.scope = spans.scope
    and measured.team = spans.team
    and measured.weeks = spans.weeks

),

worded as (

  select
    judged.*,
    case
      when is_comparable then
        row_number() over (
          partition by contract, scope, team, weeks
          order by
            case when is_comparable then 0 else 1 end,
            {{ salesnav.as_bigint('floor(coalesce(strength, 0) * 1000000 + 0.5)') }} desc,
            measure
        )
    end as place,
    case
      when measure = 'acceptance_rate' then {{ dbt.concat([salesnav.written_decimal('100 * value_now'), "'%'"]) }}
      when measure = 'ssi' then {{ salesnav.written_decimal('value_now') }}
      else {{ salesnav.written_count('value_now') }}
    end as text_now,
    case
      when measure = 'acceptance_rate' then {{ dbt.concat([salesnav.written_decimal('100 * value_before'), "'%'"]) }}
      when measure = 'ssi' then {{ salesnav.written_decimal('value_before') }}
      else {{ salesnav.written_count('value_before') }}
    end as text_before,
    case
      when measure in ('acceptance_rate', 'ssi', 'active_seats') or coalesce(value_before, 0) = 0 then ''
      else {{ dbt.concat(["' by '", salesnav.digits('100 * abs(change_share) + 0.5'), "'%'"]) }}
    end as text_share,
    case
      when weeks = 1 then {{ dbt.concat(["'in the week from '", salesnav.written_date('first_day')]) }}
      else {{ dbt.concat(["'in the four weeks from '", salesnav.written_date('first_day')]) }}
    end as text_when,
    case when weeks = 1 then 'the week before' else 'the four weeks before' end as text_before_when,
    case
      when measure = 'acceptance_rate' then {{ dbt.concat(["' (of '", salesnav.written_count('base_now'), "' InMails)'"]) }}
      when measure = 'ssi' then {{ dbt.concat(["' (mean of the same '", salesnav.written_count('base_now'), "' people)'"]) }}
      else ''
    end as text_base
  from judged

)

select
  contract,
  scope,
  team,
  weeks,
  measure,
  label,
  first_day,
  last_day,
  before_first_day,
  before_last_day,
  value_now,
  value_before,
  change,
  change_share,
  {{ salesnav.as_bigint('base_now') }} as base_now,
  {{ salesnav.as_bigint('base_before') }} as base_before,
  is_comparable,
  {{ salesnav.as_bigint('place') }} as place,
  case
    when missing_days > 0 then {{ dbt.concat([
      'label', "' cannot be compared '", 'text_when', "': '", salesnav.digits('missing_days'), "' of '",
      salesnav.digits('14 * weeks'), "' days are not loaded.'"
    ]) }}
    when not is_comparable then {{ dbt.concat(['label', "': too few to compare '", 'text_when', "'.'"]) }}
    when text_now = text_before then {{ dbt.concat([
      'label', "' stayed at '", 'text_now', 'text_base', "' '", 'text_when', "'.'"
    ]) }}
    else {{ dbt.concat([
      'label',
      "case when abs(change_share) < 0.005 then ' hardly changed' when change > 0 then ' rose' else ' fell' end",
      "case when abs(change_share) < 0.005 then '' else text_share end",
      "' '", 'text_when', "': '", 'text_now', 'text_base', "', after '", 'text_before', "' in '", 'text_before_when',
      "case when weight = 0 then ', which may be chance.' else '.' end"
    ]) }}
  end as sentence
from worded
