-- The last second of a day and the first of the next, in whatever zone the session is.
{{ holds(ref('salesnav__activity_daily'), "contract = 'c1' and activity_type = 'SAVED_LEAD' and activity_date = '2026-02-02'", {'activities': 1}) }}
union all
{{ holds(ref('salesnav__activity_daily'), "contract = 'c1' and activity_type = 'SAVED_LEAD' and activity_date = '2026-02-03'", {'activities': 1}) }}
union all
{{ holds(ref('salesnav__inmails'), "activity_id = 'otherwise'", {'sent_date': '2026-01-10', 'sent_hour': 23, 'sent_weekday': 6}) }}
