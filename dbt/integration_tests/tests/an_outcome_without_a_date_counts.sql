{{ holds(ref('salesnav__inmails'), "contract = 'c1' and activity_id = 'answered_undated'", {'outcome_group': 'declined', 'outcome_at': none, 'lag_hours': none}) }}
