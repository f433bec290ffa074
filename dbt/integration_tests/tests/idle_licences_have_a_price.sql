-- Seats 2, 3 and 4 are idle; 4 has no snapshot and counts as listed. The directory knows a fifth, and terms without an end are
-- paid by the year.
{{ holds(ref('salesnav__contract_overview'), "contract = 'c1'", {'seats': 4, 'active_seats_28': 1, 'reclaimable_seats': 3, 'purchased_seats': 10, 'cost_per_active_seat': 1000, 'reclaimable_cost': 300, 'currency': 'EUR', 'assigned_seats': 5, 'activated_seats': 3, 'used_seats': 1, 'unassigned_seats': 5, 'cost_per_seat_year': 100, 'unassigned_cost_year': 500, 'reclaimable_cost_year': 300, 'teams': 2, 'seats_without_team': 2}) }}
union all
{{ holds(ref('salesnav__contract_overview'), "contract = 'c3'", {'seats': 0, 'purchased_seats': none, 'reclaimable_cost': none, 'currency': none}) }}
