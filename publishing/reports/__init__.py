"""The manager's report: one self-contained page from one release's marts, printed by templates.

What belongs here: words, formats, charts and layout. What does not: any figure (dbt/models/marts/reports computes
them, a template prints them) and where a report is put (publishing/release.py).
"""
