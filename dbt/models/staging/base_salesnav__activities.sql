{{ salesnav.source_table('activities') }}
