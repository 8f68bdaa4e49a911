-- What: of each day the file that counts is staged whole: accepted and rejected rows, less exact
-- duplicates.
-- Why: a day is replaced as a whole; one that was replaced by half would lose visits in silence.
-- A returned row: a day with more staged rows than its file has, or none at all.
with

event_files as (
    select * from {{ ref('stg_ga4__event_files') }}
),

newest_files as (
    select *
    from event_files
    where event_day is not null
    qualify
        row_number() over (
            partition by event_day
            order by is_intraday asc, load_number desc, file_name asc, file_version asc
        ) = 1
),

days_staged as (
    select
        event_day,
        max(load_number) as load_number,
        min(load_number) as first_load_number,
        count(*) as staged_rows
    from {{ ref('stg_ga4__web_events') }}
    where event_day is not null
    group by event_day
)

select
    newest_files.event_day,
    newest_files.landed_rows,
    days_staged.staged_rows,
    newest_files.load_number,
    days_staged.load_number as staged_load_number
from newest_files
full outer join days_staged on newest_files.event_day = days_staged.event_day
where
    newest_files.event_day is null
    or days_staged.event_day is null
    or days_staged.staged_rows > newest_files.landed_rows
    or days_staged.load_number <> newest_files.load_number
    or days_staged.first_load_number <> newest_files.load_number
