{{ salesnav.source_table('activity_outcomes') }}
