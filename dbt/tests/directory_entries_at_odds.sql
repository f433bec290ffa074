{{ config(severity='warn') }}
-- Seats of which several entries of the directory say something else, and none is nearer or newer. The first team in the alphabet
-- counts. Remove the entries that are wrong.
select contract, seat_id, holder_number, entries
from {{ ref('int_salesnav__directory_matches') }}
where entries > 1
