{% macro wilson(part, whole, end) -%}
  {#- The low or the high end of the 95 % Wilson interval of a share; null where the whole is null or zero. Few cases make it
      wide. Rounding would let it leave 0 to 1 by a hair. -#}
  {%- set share = salesnav.ratio(part, whole) -%}
  {%- set sign = '-' if end == 'low' else '+' -%}
  {%- set bound = 'greatest' if end == 'low' else 'least' -%}
  {{ bound }}(
    (
      {{ share }} + 1.9208 / nullif({{ whole }}, 0)
      {{ sign }} 1.96 * sqrt(({{ share }} * (1 - {{ share }}) + 0.9604 / nullif({{ whole }}, 0)) / nullif({{ whole }}, 0))
    ) / (1 + 3.8416 / nullif({{ whole }}, 0)),
    {{ '0.0' if end == 'low' else '1.0' }} + 0 * {{ share }}
  )
{%- endmacro %}
