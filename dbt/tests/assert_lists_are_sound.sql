-- What: the company's own lists (targets, budgets, rates, holidays) can be read, and none contradicts itself, names who
-- does not exist, or has a gap.
-- Why: a row that is set aside or counted twice in a list of a few dozen moves every figure that rests on it.
-- A returned row: one mistake, where it stands, and what mends it; the build ends with the first as its one line.
select
    problems.what,
    problems.place,
    problems.fix
from {{ ref('int_list_problems') }} as problems
order by problems.list, problems.place, problems.row_number, problems.what
