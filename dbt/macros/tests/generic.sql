{#- What the tests look at: what the build has touched, or everything with the variable salesnav_full_tests. -#}

{% test is_right(model, key=none, exports=none, day=none, since=none, parent=none, parent_key=none, filled=[], ranges={}, values={}, facts=[]) %}
  {#- One test a model, which reads it once: returns each rule that is broken, with the number of rows or keys.
      key: columns of which each row has values of its own, and none is null. exports, with day or since: by whose touched days
      rows are chosen, those of the days or all since the first. parent: a model with a row for each value of parent_key.
      filled: columns without null. ranges: lowest and highest value of columns. values: those that columns may have.
      facts: what is true of each row. -#}
  {%- set rules = {} -%}
  {%- for column in (key or []) + filled -%}
    {%- do rules.update({column ~ ' is null': column ~ ' is null'}) -%}
  {%- endfor -%}
  {%- for column, ends in ranges.items() -%}
    {%- if ends[0] is not none -%}
      {%- do rules.update({column ~ ' is less than ' ~ ends[0]: column ~ ' < ' ~ ends[0]}) -%}
    {%- endif -%}
    {%- if ends[1] is not none -%}
      {%- do rules.update({column ~ ' is more than ' ~ ends[1]: column ~ ' > ' ~ ends[1]}) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- for column, allowed in values.items() -%}
    {%- do rules.update({column ~ ' has another value': column ~ " not in ('" ~ (allowed | join("', '")) ~ "')"}) -%}
  {%- endfor -%}
  {%- for fact in facts -%}
    {%- do rules.update({'not ' ~ fact: 'not (' ~ fact ~ ')'}) -%}
  {%- endfor -%}
-- depends_on: {{ ref('int_salesnav__touched_days') }}
with tested as (

  select *
  from {{ model }} as tested_model
  {%- if day %}
  where {{ salesnav.is_touched(exports, 'tested_model', day, var('salesnav_full_tests', false)) }}
  {%- elif since %}
  where {{ salesnav.is_since_touched(exports, 'tested_model', since, var('salesnav_full_tests', false)) }}
  {%- endif %}

),

counted as (

  select
    {%- for condition in rules.values() %}
    sum(case when {{ condition }} then 1 else 0 end) as rule_{{ loop.index }},
    {%- endfor %}
    count(*) as all_rows
  from tested

),

broken as (

  {%- for rule in rules %}
  select '{{ rule | replace("'", "''") }}' as rule, rule_{{ loop.index }} as found
  from counted

  union all
  {% endfor %}
  {%- if key %}
  select 'a key occurs twice' as rule, count(*) as found
  from (
    select {{ key | join(', ') }}
    from tested
    group by {{ key | join(', ') }}
    having count(*) > 1
  ) as twice

  union all
  {% endif %}
  {%- if parent %}
  select 'there is no row of its key in {{ parent.identifier }}' as rule, count(*) as found
  from tested
  where not exists (
    select 1
    from {{ parent }} as parent
    where {% for column in parent_key %}parent.{{ column }} = tested.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
  )

  union all
  {% endif %}
  select '' as rule, 0 as found

)

select rule, found
from broken
where found > 0
{% endtest %}


{% test belongs_to(model, to, columns) %}
-- Rows without a row of the same key in another model.
select {{ columns | join(', ') }}
from {{ model }} as child
where not exists (
  select 1
  from {{ to }} as parent
  where {% for column in columns %}parent.{{ column }} = child.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
)
{% endtest %}
