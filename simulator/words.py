"""The words of the simulated company: people, firms, pages, subjects.

What belongs here: short lists, all within Windows-1252, since the company's export is written in it. What does not:
how often a word is used.
"""

from __future__ import annotations

COUNTRIES = ["CZ", "DE", "GB", "US", "PL", "FR", "AT", "NL", "PT", "IE"]
COUNTRY_WEIGHTS = [0.24, 0.19, 0.15, 0.15, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02]
CURRENCY_OF_COUNTRY = {"CZ": "CZK", "GB": "GBP", "US": "USD"}

FIRST_NAMES = {
    "CZ": "Jana Petr Tomáš Lucie Martin Eva Pavel Hana Jakub Tereza Michal Veronika Lukáš Adéla David Klára Marek "
    "Barbora Ivan Monika",
    "DE": "Anna Lukas Julia Stefan Sabine Jürgen Katrin Markus Heike Florian Ursula Tobias Svenja Jörg Birgit "
    "Matthias Nadine Uwe Carsten Miriam",
    "GB": "Oliver Amelia George Charlotte Harry Emily James Sophie Thomas Grace Callum Isla Rhys Freya Duncan Poppy "
    "Alistair Imogen Graham Harriet",
    "US": "Michael Ashley Christopher Jessica Brandon Taylor Tyler Morgan Kevin Danielle Marcus Alicia Derek Nicole "
    "Carlos Monique Ryan Priya Ethan Latoya",
    "PL": "Piotr Agnieszka Tomasz Katarzyna Marek Ewa Adam Joanna Rafal Magdalena Jacek Beata Kamil Dorota",
    "FR": "Camille Julien Élodie Mathieu Chloé Nicolas Aurélie Benoît Hélène Rémi Sandrine Thierry Inès Gaëlle",
    "PT": "João Inês Tiago Mariana Rui Catarina Gonçalo Beatriz Nuno Sofia",
    "NL": "Daan Sanne Bram Lotte Jeroen Femke Pieter Maud Sjoerd Anouk",
}
LAST_NAMES = {
    "CZ": "Novák Svoboda Novotný Procházka Veselý Horák Marek Pospíšil Hájek Král Beneš Fiala Sedlák Zeman Urban "
    "Kopecký Malý Jelínek Šimek Blažek Vlk Bartoš",
    "DE": "Müller Schmidt Schneider Fischer Weber Wagner Becker Hoffmann Schäfer Koch Bauer Richter Klein Wolf "
    "Schröder Neumann Krüger Hartmann Lange Böhm",
    "GB": "Smith Taylor Davies Evans Walker Wright Thompson Hughes Edwards Hall Clarke Bennett Fraser Ashworth Pryce "
    "Whitaker Lockwood Hargreaves Ellison Doyle",
    "US": "Johnson Williams Brown Garcia Miller Martinez Anderson Jackson Nguyen Patel Carter Brooks Reed Sullivan "
    "Foster Coleman Hayes Ortiz Simmons Wallace",
    "PL": "Nowak Kowalski Lewandowski Kaminski Zielinski Wójcik Szymanski Mazur Krawczyk Piotrowski Grabowski Pawlak",
    "FR": "Martin Bernard Dubois Moreau Lefèvre Girard Rousseau Fontaine Chevalier Gauthier Lemoine Béranger",
    "PT": "Silva Santos Ferreira Pereira Costa Rodrigues Carvalho Gonçalves Almeida Ribeiro",
    "NL": "Jansen Visser Bakker Smit Meijer Mulder Bos Vermeer Dekker Hoekstra",
}
NAMES_LIKE = {"AT": "DE", "IE": "GB"}

FIRM_HEADS = [
    "Alder", "Amber", "Anvil", "Arden", "Argent", "Aspen", "Beacon", "Birch", "Blue", "Bright", "Cedar", "Cobalt",
    "Copper", "Crest", "Crown", "Delta", "Ember", "Falcon", "Fern", "Flint", "Forge", "Garnet", "Granite", "Harbor",
    "Haven", "Hazel", "Heron", "Indigo", "Iron", "Ivory", "Juniper", "Kestrel", "Lark", "Linden", "Lumen", "Maple",
    "Meridian", "Mill", "Nimbus", "North", "Oak", "Onyx", "Orchard", "Orion", "Pine", "Prime", "Quarry", "Raven",
    "Ridge", "River", "Rowan", "Sable", "Silver", "Slate", "Solar", "Spruce", "Stone", "Summit", "Swift", "Terra",
    "Thorn", "Tidal", "Umber", "Vale", "Vantage", "Verdant", "Vista", "Willow", "Zephyr",
]  # fmt: skip
FIRM_TAILS = [
    "works", "soft", "line", "field", "point", "bridge", "gate", "wood", "mark", "logic", "stream", "tech", "data",
    "labs", "port", "way", "press", "pharm", "foods", "motors", "energy", "textiles", "freight", "systems", "media",
    "build", "optics", "steel", "paper", "plastics", "robotics", "retail", "travel", "care",
]  # fmt: skip
FIRM_SUFFIXES = {
    "CZ": ["s.r.o.", "a.s.", "s.r.o."],
    "DE": ["GmbH", "AG", "GmbH & Co. KG"],
    "GB": ["Ltd", "plc", "Ltd"],
    "US": ["Inc.", "LLC", "Corp."],
    "PL": ["Sp. z o.o.", "S.A.", "Sp. z o.o."],
    "FR": ["SAS", "SA", "SARL"],
    "AT": ["GmbH", "AG", "GmbH"],
    "NL": ["B.V.", "N.V.", "B.V."],
    "PT": ["Lda.", "S.A.", "Lda."],
    "IE": ["Ltd", "DAC", "Ltd"],
}
TOP_LEVELS = {
    "CZ": "cz", "DE": "de", "GB": "co.uk", "US": "com", "PL": "pl", "FR": "fr", "AT": "at", "NL": "nl", "PT": "pt",
    "IE": "ie",
}  # fmt: skip
INDUSTRIES = [
    "Manufacturing", "Logistics", "Retail", "Software", "Professional services", "Healthcare", "Construction",
    "Financial services", "Energy", "Education",
]  # fmt: skip
JOB_TITLES = [
    "Operations Manager", "Head of IT", "CFO", "Procurement Lead", "COO", "Sales Operations Lead", "Finance Director",
    "IT Manager", "Managing Director", "Plant Manager", "Controller", "Project Manager", "Head of Logistics",
]  # fmt: skip

PRODUCTS = ["Core", "Core Plus", "Planner", "Planner Pro", "Insight", "Connect", "Enterprise Suite"]
LOST_REASONS = ["Price", "No decision", "Competitor", "No budget", "Missing feature", "Timing", "Champion left"]
ENTERED_TWICE = "Entered twice"
COMPETITORS = ["Planwerk", "Loopline", "Sheetwise"]
NEXT_STEPS = [
    "Send revised quote", "Call the IT lead", "Book the technical demo", "Wait for the board meeting",
    "Send the security questionnaire", "Meet procurement", "Agree on the start date", "Send the contract",
]  # fmt: skip
SUBJECTS = {
    "meeting": ["Discovery call", "Product demo", "Technical deep dive", "Commercial review", "Quarterly review"],
    "call": ["First call", "Follow-up call", "Check-in", "Voicemail follow-up", "Pricing question"],
    "email": ["Your enquiry", "Demo recap", "Proposal attached", "Next steps", "Case study for your sector"],
    "task": ["Prepare quote", "Send reference", "Update next step", "Research the account", "Chase signature"],
}
OUTCOMES = {
    "meeting": ["COMPLETED", "COMPLETED", "COMPLETED", "NO_SHOW", "CANCELED", "RESCHEDULED", "SCHEDULED"],
    "call": ["CONNECTED", "CONNECTED", "NO_ANSWER", "LEFT_VOICEMAIL", "BUSY"],
    "email": ["SENT", "SENT", "OPENED", "REPLIED", "BOUNCED"],
    "task": ["COMPLETED", "COMPLETED", "COMPLETED", "NOT_STARTED", "DEFERRED"],
}

SITE = "https://www.aldergate.example"
PAGES = [
    "/", "/product", "/product/planner", "/product/insight", "/pricing", "/customers", "/customers/case-study-linden",
    "/blog", "/blog/planning-without-spreadsheets", "/blog/five-signs", "/resources/guide", "/webinars", "/about",
    "/careers", "/contact", "/demo", "/docs", "/docs/start", "/shop", "/shop/training", "/shop/templates",
    "/shop/books", "/legal/privacy",
]  # fmt: skip
SHOP_PAGE = "/shop/training"
CART_PAGE = "/shop/cart"
CHECKOUT_PAGE = "/shop/checkout"
THANKS_PAGE = "/shop/thank-you"
FORM_PAGE = "/demo/thank-you"
SHOP_ITEMS = [
    ("TRN-101", "Planning basics, online course", 49.0), ("TRN-201", "Advanced planning, online course", 129.0),
    ("TPL-010", "Template pack", 19.0), ("BOK-001", "The planner's handbook", 29.0),
    ("CRT-001", "Certification exam", 199.0), ("TRN-301", "Two-day workshop", 490.0),
]  # fmt: skip
