{{ holds(ref('salesnav__export_coverage'), "contract = 'c1' and export = 'activities' and day = '2026-02-10'", {'state': 'loaded'}) }}
union all
{{ holds(ref('salesnav__export_coverage'), "contract = 'c2' and export = 'activity_outcomes' and day = '2026-03-08'", {'state': 'open', 'last_read_at': none}) }}
union all
{{ holds(ref('salesnav__export_coverage'), "contract = 'c2' and export = 'seats' and day = '2026-03-08'", {'state': 'failed'}) }}
