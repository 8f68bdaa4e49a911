{#-
    A returned row is a combination of the columns that stands in several rows; NULL equals NULL
    here.
-#}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as rows_of_combination
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
