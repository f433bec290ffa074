{% macro coaching_areas() -%}
  {#- The parts of the SSI and the steps of the funnel: what is divided by what, how much of the latter is enough for a value
      of four weeks and of one week, and in how many weeks it is looked for. Few InMails are sent and answers take their time,
      so acceptance looks further back. A spread counts as at least a point of the SSI, or a tenth of the median: where all
      are nearly alike, a hair's breadth is no gap. -#}
  {{ return({
    'ssi_brand': {'label': 'Professional brand', 'part': 'ssi_brand_sum', 'whole': 'ssi_brand_days', 'enough': 7, 'enough_week': 1, 'least_spread': '1.0'},
    'ssi_find': {'label': 'Finding the right people', 'part': 'ssi_find_sum', 'whole': 'ssi_find_days', 'enough': 7, 'enough_week': 1, 'least_spread': '1.0'},
    'ssi_engage': {'label': 'Engaging with insights', 'part': 'ssi_engage_sum', 'whole': 'ssi_engage_days', 'enough': 7, 'enough_week': 1, 'least_spread': '1.0'},
    'ssi_build': {'label': 'Building relationships', 'part': 'ssi_build_sum', 'whole': 'ssi_build_days', 'enough': 7, 'enough_week': 1, 'least_spread': '1.0'},
    'views_per_search': {'label': 'Profiles viewed per search', 'part': 'profile_views', 'whole': 'searches', 'enough': 40, 'enough_week': 10},
    'leads_per_view': {'label': 'Leads saved per profile viewed', 'part': 'leads_saved', 'whole': 'profile_views', 'enough': 80, 'enough_week': 20},
    'contacts_per_lead': {'label': 'Contacts per lead saved', 'part': 'inmails_sent + messages_sent + connections_made', 'whole': 'leads_saved', 'enough': 20, 'enough_week': 5},
    'acceptance': {'label': 'InMails accepted', 'part': 'inmails_mature_accepted', 'whole': 'inmails_mature', 'enough': 20, 'enough_week': 5, 'weeks': 12},
  }) }}
{%- endmacro %}


{% macro is_in_middle(position, number) -%}
  {#- Whether a place is that of the median, or one of its two. -#}
  ({{ position }} * 2 >= {{ number }} and {{ position }} * 2 <= {{ number }} + 2)
{%- endmacro %}
