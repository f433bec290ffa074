-- The days whose rows are others than the last build saw, also those that have none any more. A row "whole" says that all is
-- built anew: in the first build, in a full refresh, and where columns or variables are others.
{%- set built = none -%}
{%- if execute and not flags.FULL_REFRESH -%}
  {%- set built = adapter.get_relation(this.database, this.schema, 'int_salesnav__built_days') -%}
  {%- if built is not none -%}
    {%- set alike -%}
      select count(*)
      from {{ ref('int_salesnav__loaded_days') }} as loaded
      inner join {{ built }} as built
        on loaded.mark = built.mark
      where loaded.export = 'signature'
        and built.export = 'signature'
    {%- endset -%}
    {%- if run_query(alike).rows[0][0] | int == 0 -%}
      {%- set built = none -%}
    {%- endif -%}
  {%- endif -%}
{%- endif %}
{%- if built is none %}
select contract, export, day
from {{ ref('int_salesnav__loaded_days') }}
where export <> 'signature'

union all

select
  cast(null as {{ dbt.type_string() }}) as contract,
  'whole' as export,
  cast(null as date) as day
{%- else %}
select
  coalesce(loaded.contract, built.contract) as contract,
  coalesce(loaded.export, built.export) as export,
  coalesce(loaded.day, built.day) as day
from {{ ref('int_salesnav__loaded_days') }} as loaded
full outer join {{ built }} as built
  on loaded.contract = built.contract
  and loaded.export = built.export
  and loaded.day = built.day
where coalesce(loaded.mark, '') <> coalesce(built.mark, '')
  and coalesce(loaded.export, built.export) <> 'signature'
{%- endif %}
