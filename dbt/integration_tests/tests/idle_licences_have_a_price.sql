-- Seats 2, 3 and 4 are idle; 4 has no snapshot and counts as listed.
{{ holds(ref('salesnav__contract_overview'), "contract = 'c1'", {'seats': 4, 'active_seats_28': 1, 'reclaimable_seats': 3, 'purchased_seats': 10, 'cost_per_active_seat': 1000, 'reclaimable_cost': 300, 'currency': 'EUR'}) }}
union all
{{ holds(ref('salesnav__contract_overview'), "contract = 'c3'", {'seats': 0, 'purchased_seats': none, 'reclaimable_cost': none, 'currency': none}) }}
