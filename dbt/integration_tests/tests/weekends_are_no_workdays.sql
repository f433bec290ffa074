-- Saturday and Sunday belong to the week of the Monday before.
{{ holds(ref('salesnav__seat_daily'), "contract = 'c1' and seat_id = 1 and day = '2026-02-07'", {'is_workday': false, 'is_active': true}) }}
union all
{{ holds(ref('salesnav__adoption_weekly'), "contract = 'c1' and week = '2026-02-02'", {'active_seats': 2, 'workdays_active_per_seat': 1.5}) }}
