-- An InMail that is not loaded, and one too young.
{{ holds(ref('salesnav__contract_overview'), "contract = 'c1'", {'inmail_acceptance_rate': 0.25}) }}
union all
{{ holds(ref('salesnav__inmails'), "activity_id = 'young'", {'outcome_group': 'accepted', 'is_mature': false}) }}
union all
{{ holds(ref('salesnav__inmail_cohorts'), "contract = 'c1' and seat_id = 1 and sent_week = '2026-03-02'", {'sent': 1, 'accepted': 1, 'mature_sent': 0, 'acceptance_rate': none}) }}
