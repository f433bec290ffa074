-- One of four is anything from a twentieth to seven tenths.
{{ holds(ref('salesnav__contract_overview'), "contract = 'c1'", {'inmails_mature': 4, 'inmail_acceptance_rate': 0.25, 'inmail_acceptance_low': 0.0455861, 'inmail_acceptance_high': 0.6993639}) }}
