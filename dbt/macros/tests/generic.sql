{% test unique_key(model, columns) %}
-- Keys that occur twice, or have a part that is null.
select {{ columns | join(', ') }}, count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% endtest %}


{% test within(model, column_name, from=none, to=none) %}
-- Values outside of a range, both ends included; null is no value.
select {{ column_name }}
from {{ model }}
where false
{%- if from is not none %} or {{ column_name }} < {{ from }}{% endif %}
{%- if to is not none %} or {{ column_name }} > {{ to }}{% endif %}
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


{% test is_true(model, expression) %}
-- Rows of which something is not so.
select *
from {{ model }}
where not ({{ expression }})
{% endtest %}
