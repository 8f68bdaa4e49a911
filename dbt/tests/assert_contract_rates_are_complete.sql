-- What: every recurring contract in a foreign currency has a rate, the plan's or else that of the day.
-- Why: recurring revenue at constant currency would leave it out in silence.
-- A returned row: a currency and the first day of a contract for which the mapped list of rates
-- (entity rates) has none, with the contracts concerned.
select
    contracts.currency,
    min(contracts.start_date) as first_day,
    count(*) as contracts,
    min(contracts.contract_key) as first_contract_key
from {{ ref('int_contracts') }} as contracts
where contracts.mrr_reporting is null
group by contracts.currency
