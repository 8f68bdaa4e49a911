"""HubSpot's face: each documented behaviour that a connector relies on, over a company known by heart."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from simulator import hubspot
from simulator.server import running


def ids(answer: httpx.Response) -> list[str]:
    return [one["id"] for one in answer.json()["results"]]


# ---------------------------------------------------------------------------------------------- tokens and scopes


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "demo-token"])
def test_a_call_without_the_token_is_refused(vendors: Any, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.get(f"{vendors.url}/hubspot/crm/v3/objects/deals", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert answer.json()["correlationId"]


def test_a_missing_scope_is_named(vendors: Any) -> None:
    vendors.control.crm.revoked_scopes = {"crm.objects.deals.read"}
    answer = vendors.crm("/v3/objects/deals")
    assert answer.status_code == 403
    assert answer.json()["category"] == "MISSING_SCOPES"
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.deals.read"]
    assert vendors.crm("/v3/objects/contacts").status_code == 200


# ---------------------------------------------------------------------------------------------- lists and records


def test_a_list_is_paged_by_id_and_ends_without_a_cursor(vendors: Any) -> None:
    first = vendors.crm("/v3/objects/contacts", limit=2)
    assert ids(first) == ["1001", "1003"]
    paging = first.json()["paging"]["next"]
    second = httpx.get(paging["link"], headers={"Authorization": "Bearer demo-token"})
    assert ids(second) == ids(vendors.crm("/v3/objects/contacts", limit=2, after=paging["after"]))
    assert ids(second) == ["9007199254740993"]
    assert "paging" not in second.json()


@pytest.mark.parametrize(
    ("limit", "history", "status"), [(100, "", 200), (101, "", 400), (50, "amount", 200), (51, "amount", 400)]
)
def test_history_halves_the_largest_page(vendors: Any, limit: int, history: str, status: int) -> None:
    answer = vendors.crm("/v3/objects/deals", limit=limit, propertiesWithHistory=history)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["category"] == "VALIDATION_ERROR"


def test_values_are_text_missing_ones_null_and_cleared_ones_empty(vendors: Any) -> None:
    deals = vendors.crm("/v3/objects/deals", limit=50, properties="amount,closed_lost_reason,hs_next_step,no_such")
    values = deals.json()["results"][0]["properties"]
    assert values["amount"] == "1750.50"
    assert values["closed_lost_reason"] is None
    assert values["hs_next_step"] == ""
    assert "no_such" not in values
    assert {"createdate", "hs_lastmodifieddate", "hs_object_id"} < set(values)


def test_history_is_newest_first_and_names_who_changed_it(vendors: Any) -> None:
    deal = vendors.crm("/v3/objects/deals", limit=50, propertiesWithHistory="amount").json()["results"][0]
    history = deal["propertiesWithHistory"]["amount"]
    assert [(one["value"], one["timestamp"]) for one in history] == [
        ("1750.50", "2024-02-03T09:00:00.000Z"),
        ("", "2024-02-02T09:00:00.000Z"),
        ("1500.00", "2024-02-01T09:00:00.000Z"),
    ]
    assert history[0]["sourceType"] == "INTEGRATION"
    assert (history[0]["sourceId"], history[0]["updatedByUserId"]) == ("userId:92", 92)


def test_a_close_date_is_midnight_in_prague_written_in_utc(vendors: Any) -> None:
    deal = vendors.crm("/v3/objects/deals", limit=50, propertiesWithHistory="closedate").json()["results"][0]
    # 31 March 2024 was the day when the clocks went forward: its midnight still lies in winter time.
    assert [one["value"] for one in deal["propertiesWithHistory"]["closedate"]] == [
        "2024-04-29T22:00:00.000Z",
        "2024-03-30T23:00:00.000Z",
    ]


def test_updated_at_is_the_last_change_of_anything(vendors: Any) -> None:
    contact, deal = (vendors.crm(path).json() for path in ("/v3/objects/contacts/1001", "/v3/objects/deals/3003"))
    assert contact["updatedAt"] == contact["properties"]["lastmodifieddate"] == "2024-06-01T09:00:00.000Z"  # merged
    assert deal["updatedAt"] == "2025-05-03T09:00:00.000Z"  # restored
    assert deal["createdAt"] == "2025-03-01T09:00:00.000Z"


def test_nothing_of_the_present_moment_or_later_is_served(vendors: Any) -> None:
    contact = vendors.crm("/v3/objects/contacts/1001", properties="lifecyclestage").json()
    assert contact["properties"]["lifecyclestage"] == "marketingqualifiedlead"
    assert vendors.crm("/v3/objects/contacts/1005").status_code == 404
    assert "503" not in ids(vendors.crm("/v3/objects/companies"))


def test_the_clock_can_be_moved_on(vendors: Any) -> None:
    answer = vendors.client.post("/__simulator/now", json={"now": "2026-06-18T06:00:01"})
    assert answer.json()["now"] == "2026-06-18T06:00:01+00:00"
    survivor = vendors.crm("/v3/objects/contacts/1001", properties="hs_merged_object_ids").json()
    assert (survivor["id"], survivor["properties"]["hs_merged_object_ids"]) == ("1003", "1001;1002")
    assert "1005" in ids(vendors.crm("/v3/objects/contacts"))


# --------------------------------------------------------------------------------- deleted, restored, merged, linked


def test_archived_records_appear_only_when_asked_for(vendors: Any) -> None:
    assert ids(vendors.crm("/v3/objects/deals")) == ["3001", "3003"]
    archived = vendors.crm("/v3/objects/deals", archived="true")
    assert ids(archived) == ["3002"]
    assert archived.json()["results"][0]["archivedAt"] == "2025-05-01T09:00:00.000Z"
    assert vendors.crm("/v3/objects/deals/3002").status_code == 404
    assert vendors.crm("/v3/objects/deals/3002", archived="true").json()["archived"] is True


def test_a_merged_record_vanishes_and_its_survivor_answers(vendors: Any) -> None:
    assert "1002" not in ids(vendors.crm("/v3/objects/contacts"))
    survivor = vendors.crm("/v3/objects/contacts/1002", properties="hs_merged_object_ids").json()
    assert survivor["id"] == "1001"
    assert survivor["properties"]["hs_merged_object_ids"] == "1002"


def test_associations_lead_with_the_primary_one_and_name_survivors(vendors: Any) -> None:
    deal = vendors.crm("/v3/objects/deals/3001", associations="contacts,companies").json()
    assert [one["id"] for one in deal["associations"]["contacts"]["results"]] == ["1001", "1003"]
    assert deal["associations"]["contacts"]["results"][0]["type"] == "deal_to_contact"
    assert [(one["id"], one["type"]) for one in deal["associations"]["companies"]["results"]] == [
        ("501", "deal_to_company"),
        ("501", "deal_to_company_unlabeled"),
    ]


def test_v4_associations_by_record_and_in_batches(vendors: Any) -> None:
    one = vendors.crm("/v4/objects/deals/3001/associations/contacts").json()["results"]
    assert [(other["toObjectId"], other["associationTypes"][0]["typeId"]) for other in one] == [(1001, 3), (1003, 3)]
    assert [o["toObjectId"] for o in vendors.crm("/v4/objects/contacts/1001/associations/deals").json()["results"]] == [
        3001,
        3003,
    ]
    batch = vendors.crm_post("/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": "3001"}, {"id": "3002"}]})
    assert batch.status_code == 207
    assert batch.json()["results"][0]["from"]["id"] == "3001"
    assert batch.json()["errors"][0]["context"]["fromObjectId"] == ["3002"]


def test_batch_read_answers_207_for_missing_ids(vendors: Any) -> None:
    body = {"inputs": [{"id": "3001"}, {"id": "3002"}, {"id": "9"}], "properties": ["amount"]}
    answer = vendors.crm_post("/v3/objects/deals/batch/read", body)
    assert answer.status_code == 207
    assert ids(answer) == ["3001"]
    assert answer.json()["errors"][0]["context"]["ids"] == ["3002", "9"]
    many = {"inputs": [{"id": str(n)} for n in range(51)], "propertiesWithHistory": ["amount"]}
    assert vendors.crm_post("/v3/objects/deals/batch/read", many).status_code == 400
    merged = vendors.crm_post("/v3/objects/contacts/batch/read", {"inputs": [{"id": "1002"}]})
    assert (merged.status_code, ids(merged)) == (200, ["1001"])


# ------------------------------------------------------------------------------------------------------- searches


def search(vendors: Any, name: str, *filters: dict[str, Any], **body: Any) -> httpx.Response:
    answer: httpx.Response = vendors.crm_post(
        f"/v3/objects/{name}/search", {"filterGroups": [{"filters": filters}]} | body
    )
    return answer


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1746090000000"}], ["3003"]),
        ([{"propertyName": "hs_lastmodifieddate", "operator": "LT", "value": "2025-01-01T00:00:00Z"}], ["3001"]),
        ([{"propertyName": "hs_object_id", "operator": "GT", "value": "3001"}], ["3003"]),
        ([{"propertyName": "dealstage", "operator": "IN", "values": ["s1", "s2"]}], ["3001", "3003"]),
        ([{"propertyName": "amount", "operator": "BETWEEN", "value": "1750", "highValue": "1751"}], ["3001"]),
        ([{"propertyName": "amount", "operator": "NOT_HAS_PROPERTY"}], ["3003"]),
        ([{"propertyName": "dealname", "operator": "CONTAINS_TOKEN", "value": "again"}], ["3003"]),
    ],
)
def test_search_filters(vendors: Any, filters: list[dict[str, Any]], found: list[str]) -> None:
    answer = search(vendors, "deals", *filters)
    assert ids(answer) == found
    assert answer.json()["total"] == len(found)


def test_search_sorts_pages_and_keeps_large_ids_exact(vendors: Any) -> None:
    newest = [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}]
    first = search(vendors, "contacts", sorts=newest, limit=2)
    assert ids(first) == ["9007199254740993", "1001"]
    assert first.json()["paging"]["next"]["after"] == "2"
    assert ids(search(vendors, "contacts", sorts=newest, limit=2, after="2")) == ["1003"]
    beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": "9007199254740992"}
    assert ids(search(vendors, "contacts", beyond)) == ["9007199254740993"]


def test_search_refuses_what_hubspot_refuses(vendors: Any) -> None:
    assert search(vendors, "deals", limit=201).status_code == 400
    assert search(vendors, "deals", {"propertyName": "amount", "operator": "LIKE", "value": "1"}).status_code == 400
    assert search(vendors, "deals", limit=200, after="9800").status_code == 200
    assert search(vendors, "deals", limit=200, after="9801").status_code == 400


# ------------------------------------------------------------------------------- owners, pipelines, properties, work


def test_owners_who_left_are_archived(vendors: Any) -> None:
    owners = {one["id"]: one for one in vendors.crm("/v3/owners").json()["results"]}
    assert set(owners) == {"11", "13"}
    assert owners["11"]["teams"] == [{"id": "101", "name": "Mid-Market", "primary": True}]
    assert owners["13"]["type"] == "QUEUE"
    left = vendors.crm("/v3/owners", archived="true").json()["results"]
    assert [(one["id"], one["userId"], one["userIdIncludingInactive"]) for one in left] == [("12", None, 92)]
    # Teams are told as they are, and not since when.
    vendors.control.move(datetime(2026, 6, 18, 7))
    moved = vendors.crm("/v3/owners/11").json()
    assert moved["teams"] == [{"id": "100", "name": "Enterprise", "primary": True}]
    assert moved["updatedAt"] == owners["11"]["updatedAt"]


def test_pipelines_carry_their_stages(vendors: Any) -> None:
    pipeline = vendors.crm("/v3/pipelines/deals").json()["results"][0]
    assert (pipeline["id"], pipeline["label"]) == ("p1", "Sales pipeline")
    assert [(s["id"], s["label"], s["metadata"]) for s in pipeline["stages"]] == [
        ("s1", "Discovery", {"isClosed": "false", "probability": "0.2"}),
        ("s2", "Closed won", {"isClosed": "true", "probability": "1.0"}),
    ]


def test_properties_say_their_type(vendors: Any) -> None:
    kinds = {one["name"]: one["type"] for one in vendors.crm("/v3/properties/deals").json()["results"]}
    assert (kinds["closedate"], kinds["amount"], kinds["dealstage"]) == ("datetime", "number", "enumeration")


def test_what_is_planned_has_no_outcome_yet(vendors: Any) -> None:
    def meeting() -> dict[str, Any]:
        asked = vendors.crm("/v3/objects/meetings/602", properties="hs_meeting_outcome,hs_timestamp")
        found: dict[str, Any] = asked.json()
        return found

    assert meeting()["properties"]["hs_meeting_outcome"] == "SCHEDULED"
    assert meeting()["updatedAt"] == "2026-06-10T09:00:00.000Z"
    vendors.control.move(datetime(2026, 6, 21))
    assert meeting()["properties"]["hs_meeting_outcome"] == "COMPLETED"
    assert meeting()["updatedAt"] == "2026-06-20T09:00:00.000Z"


def test_calls_emails_and_tasks_speak_hubspots_words(vendors: Any) -> None:
    def values(path: str, asked: str) -> list[str]:
        return list(vendors.crm(path, properties=asked).json()["properties"].values())[:3]

    call = values("/v3/objects/calls/601", "hs_call_direction,hs_call_disposition,hs_call_duration")
    assert call == ["OUTBOUND", "f240bbac-87c9-4f6e-bf70-924b57d47db7", "125000"]
    email = values("/v3/objects/emails/603", "hs_email_direction,hs_email_status,hs_email_subject")
    assert email == ["INCOMING_EMAIL", "SENT", "Re: offer"]
    task = values("/v3/objects/tasks/604", "hs_task_status,hs_task_subject,hs_task_completion_date")
    assert task == ["NOT_STARTED", "=SUM(A1)", None]


def test_line_items_hang_on_their_deal_and_keep_a_history(vendors: Any) -> None:
    asked = {
        "associations": "deals",
        "properties": "name,hs_product_id,quantity,price,line_outcome",
        "propertiesWithHistory": "amount",
    }
    line, travel, doomed = vendors.crm("/v3/objects/line_items", limit=50, **asked).json()["results"]
    assert line["properties"]["hs_product_id"] == "401"
    assert (line["properties"]["quantity"], line["properties"]["price"]) == ("2", "1000.50")
    assert [one["value"] for one in line["propertiesWithHistory"]["amount"]] == ["1650.50", "1800.00"]
    assert line["associations"] == {"deals": {"results": [{"id": "3001", "type": "line_item_to_deal"}]}}
    assert (travel["properties"]["hs_product_id"], travel["properties"]["line_outcome"]) == (None, "lost")
    assert "associations" not in doomed, "its deal was deleted"
    (product,) = vendors.crm("/v3/objects/products", properties="name,price").json()["results"]
    assert (product["properties"]["name"], product["properties"]["price"]) == ("Core", "1200")
    assert ids(vendors.crm("/v3/objects/products", archived="true")) == ["402"]


def test_answers_to_hubspots_own_surveys_name_who_gave_them_and_a_sentiment(vendors: Any) -> None:
    properties = "hs_survey_type,hs_industry_standard_question_type,hs_value,hs_response_group"
    asked = {"properties": properties, "associations": "contacts"}
    answers = vendors.crm("/v3/objects/feedback_submissions", **asked).json()["results"]
    told = {one["id"]: [one["properties"][name] for name in properties.split(",")] for one in answers}
    assert told == {
        "81": ["NPS", None, "6", "DETRACTOR"],
        "82": ["CSAT", None, "2", "PROMOTER"],
        "83": ["CUSTOM", "CSAT", "1", "PASSIVE"],
    }
    people = [one["associations"]["contacts"]["results"] for one in answers]
    kind = "feedback_submission_to_contact"
    assert people == [[{"id": "1003", "type": kind}]] * 2 + [[{"id": "1001", "type": kind}]], "1001 took 1002 over"
    vendors.control.crm.revoked_scopes = {"crm.objects.feedback_submissions.read"}
    refused = vendors.crm("/v3/objects/feedback_submissions")
    assert refused.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.feedback_submissions.read"]


def test_splits_are_read_by_deal_and_the_newest_replaces_the_parts_before(vendors: Any) -> None:
    asked = {"inputs": [{"id": "3001"}, {"id": "3003"}]}
    answer = vendors.crm_post("/v3/objects/deals/splits/batch/read", asked).json()
    (deal,) = answer["results"]
    assert (deal["id"], [one["properties"]["hs_deal_split_percentage"] for one in deal["splits"]]) == (
        "3001", ["0.66666667", "0.33333333"],
    )  # fmt: skip
    assert deal["splits"][0]["updatedAt"] == "2024-05-05T09:00:00.000Z"
    split = {"filterGroups": [{"filters": [{"propertyName": "hs_is_deal_split", "operator": "EQ", "value": "true"}]}]}
    assert ids(vendors.crm_post("/v3/objects/deals/search", split)) == ["3001"]


# ---------------------------------------------------------------------------------------------------- rate limits


def test_the_191st_request_in_ten_seconds_is_refused(company: Any, now: datetime) -> None:
    with running(company, now) as (url, control):
        clock = [1000.0]
        control.crm.clock = lambda: clock[0]
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer demo-token"}) as client:
            answers = [client.get("/hubspot/crm/v3/owners") for _ in range(191)]
            assert [a.status_code for a in answers[:190]] == [200] * 190
            assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "190"
            assert answers[0].headers["X-HubSpot-RateLimit-Remaining"] == "189"
            refused = answers[190]
            assert refused.status_code == 429
            assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"
            assert refused.headers["Retry-After"] == "10"
            clock[0] += 10
            assert client.get("/hubspot/crm/v3/owners").status_code == 200


def test_the_sixth_search_in_a_second_is_refused_without_limit_headers(company: Any, now: datetime) -> None:
    with running(company, now, limits=hubspot.Limits(search_cap=10_000)) as (url, control):
        control.crm.clock = lambda: 1000.0
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer demo-token"}) as client:
            answers = [client.post("/hubspot/crm/v3/objects/deals/search", json={}) for _ in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert answers[5].json()["policyName"] == "SECONDLY"
    assert "X-HubSpot-RateLimit-Max" not in answers[0].headers
