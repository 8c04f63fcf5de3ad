"""Try it and why: rows and batches through the console, by mouse and by keyboard."""

import json

import pytest

from tests.services import wait_until

pytestmark = pytest.mark.server


def predicted(page):
    page.wait_for_selector("#answer:not([aria-busy]) #prediction")
    return page.text_content("#prediction")


def test_example_is_predicted_as_the_api_does(visit, service):
    page = visit(service)
    page.click("#example-button")
    page.click("#predict-button")
    row = service.get("/api/model/info").json()["example"]
    result = service.post("/api/predict", json={"features": row}).json()["result"]
    assert predicted(page) == result["prediction"]
    shares = page.eval_on_selector_all("#answer .bars .value", "all => all.map(each => each.textContent)")
    ordered = sorted(result["probabilities"].values(), reverse=True)
    assert shares == [f"{100 * share:.1f} %" for share in ordered]


def test_wrong_values_are_marked_at_their_fields(visit, service):
    page = visit(service, expected=(400,))
    page.click("#example-button")
    page.get_by_label("alcohol", exact=True).fill("strong")
    page.get_by_label("ash", exact=True).fill("")
    page.click("#predict-button")
    page.wait_for_selector("[aria-invalid=true]")
    errors = page.eval_on_selector_all(".error:not([hidden])", "all => all.map(each => each.textContent)")
    assert errors == ["must be a number, not a string", "is empty: must be a number"]
    assert (
        page.evaluate("document.activeElement.getAttribute('aria-describedby')")
        == "column-0-hint column-0-error"
    )
    page.get_by_label("alcohol", exact=True).fill("13")
    page.get_by_label("ash", exact=True).fill("2.3")
    page.click("#predict-button")
    predicted(page)
    assert page.locator("[aria-invalid=true]").count() == 0


def test_value_far_from_the_training_data_is_said_in_words(visit, service):
    page = visit(service)
    page.click("#example-button")
    page.get_by_label("alcohol", exact=True).fill("900")
    assert page.locator(".track.outside").count() == 1
    page.click("#predict-button")
    page.wait_for_selector(".warnings")
    assert "alcohol 900: far outside the training range 11.03 to 14.83" in page.text_content(".warnings")


def test_missing_values_and_unknown_categories_are_sent_as_they_are(visit, service):
    page = visit(service, "/?model=people")
    page.get_by_label("missing").first.check()
    page.get_by_label("city", exact=True).fill("Zagreb")
    with page.expect_request("**/api/models/people/predict") as sent:
        page.click("#predict-button")
    assert sent.value.post_data_json == {"features": {"age": None, "city": "Zagreb"}}
    assert predicted(page) in ("high", "low")
    assert "category never seen in training" in page.text_content(".warnings")


def test_another_model_is_chosen_by_its_name(visit, service):
    page = visit(service)
    page.focus("#model-name")
    wait_until(lambda: page.locator("#model-names option").count() == 6)
    page.fill("#model-name", "people")
    page.keyboard.press("Enter")
    page.get_by_label("city", exact=True).fill("Athens")
    page.get_by_label("missing").first.check()
    page.click("#predict-button")
    assert predicted(page) in ("high", "low")


def test_number_is_predicted_by_a_regressor(visit, service):
    page = visit(service, "/?model=sugar")
    page.click("#example-button")
    page.click("#predict-button")
    assert 20 < float(predicted(page)) < 400


def test_hundreds_of_columns_are_found_by_name_and_pasted_at_once(visit, service):
    page = visit(service, "/?model=wide")
    page.fill("#column-filter", "width_42")
    assert page.locator(".field:visible").count() == 1
    page.fill("#column-filter", "")
    cells = "\\t".join(map(str, range(300)))
    page.evaluate(
        f"""() => {{
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", "{cells}");
            const event = new ClipboardEvent("paste", {{clipboardData, bubbles: true, cancelable: true}});
            document.getElementById("column-0").dispatchEvent(event);
        }}"""
    )
    assert page.input_value("#column-299") == "299"
    page.click("#predict-button")
    assert predicted(page) == "1"


def test_batch_shows_answers_and_marks_rejected_cells(visit, service):
    info = service.get("/api/model/info").json()
    good = [str(info["example"][name]) for name in info["feature_names"]]
    wrong = ["<i>strong</i>", *good[1:-1], ""]
    lines = [",".join(line) for line in (info["feature_names"], good, wrong, good)]
    page = visit(service)
    page.click("#batch-tab")
    page.fill("#csv", "\n".join(lines))
    page.click("#batch-button")
    page.wait_for_selector(".batch")
    assert page.text_content("#batch-count") == "2"
    assert page.locator(".batch tbody tr").count() == 3
    marked = page.eval_on_selector_all(".batch .wrong", "all => all.map(each => each.innerText.split('\\n'))")
    assert marked == [
        ["<i>strong</i>", "must be a number, not a string"],
        ["empty", "must be a number, not null"],
    ]
    assert "rejected" in page.text_content(".batch tr.rejected .answer")


def test_batch_of_which_no_row_is_valid_is_marked_too(visit, service):
    page = visit(service, "/?model=people", expected=(400,))
    page.click("#batch-tab")
    page.fill("#csv", "age,city\nold,Athens\n")
    page.click("#batch-button")
    page.wait_for_selector(".batch .wrong")
    assert "No row can be predicted" in page.text_content("#answer")


def test_file_is_dropped_into_the_batch(visit, service):
    page = visit(service, "/?model=people")
    page.click("#batch-tab")
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["age;city\\n30;Athens\\n"], "rows.csv"));
            const area = document.getElementById("csv");
            area.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }"""
    )
    wait_until(lambda: page.input_value("#csv"))
    page.click("#batch-button")
    page.wait_for_selector(".batch")
    assert page.text_content("#batch-count") == "1"


def explained(page):
    page.click("#explain-button")
    page.wait_for_selector("#why .waterfall, #why .unexplained")
    return page.eval_on_selector_all(".waterfall title", "all => all.map(each => each.textContent)")


def bars(explanation):
    """What the chart says of the contributions of an answer, of each bar."""
    named = [(f"{each['name']} = ", each["contribution"]) for each in explanation["contributions"]]
    return named + ([("all others", explanation["others"])] if explanation["others"] else [])


def same(title, bar):
    """Whether the title of a bar is that of a contribution, whose number is shortened to four digits."""
    name, number = bar
    shown = float(title.rpartition(": ")[2].replace("−", "-"))
    return title.startswith(name) and shown == pytest.approx(number, rel=1e-3)


def test_trees_are_explained_by_the_largest_columns_and_all_others(visit, service):
    page = visit(service)
    titles = explained(page)
    row = service.get("/api/model/info").json()["example"]
    answer = service.post("/api/predict", json={"features": row, "explain": 10}).json()["result"]
    explanation = answer["explanation"]
    assert len(titles) == 11
    assert titles[-1].startswith("all others: ")  # of 13 columns
    assert all(map(same, titles, bars(explanation)))
    widths = page.eval_on_selector_all(".waterfall rect", "all => all.map(each => each.width.baseVal.value)")
    first, second = (abs(each["contribution"]) for each in explanation["contributions"][:2])
    assert widths[0] / widths[1] == pytest.approx(first / second)
    down = [each for _, each in bars(explanation) if each < 0]
    assert page.locator(".waterfall .down").count() == len(down)
    assert page.text_content("#why-title") == f"Why {answer['prediction']}"
    assert "Unit: probability" in page.text_content(".why")


def test_linear_model_is_explained_with_missing_values_and_truth_values(visit, service):
    page = visit(service, "/?model=flights")
    page.wait_for_selector(".waterfall")  # at once, as it costs nothing
    page.get_by_label("missing").first.check()
    page.get_by_label("late", exact=True).select_option("true")
    page.get_by_label("city", exact=True).fill("Cairo")
    with page.expect_request("**/api/models/flights/predict") as sent:
        titles = explained(page)
    assert sent.value.post_data_json["features"] | {"bags": 0} == {
        "age": None,
        "city": "Cairo",
        "late": True,
        "bags": 0,
    }
    page.wait_for_selector(".waterfall")
    assert {title.rpartition(":")[0] for title in titles} >= {"age = missing", "late = true", "city = Cairo"}
    assert page.get_attribute(".waterfall", "aria-label").startswith("Contributions in log odds: ")
    assert "average over the training data" in page.text_content(".why")


def test_contributions_are_a_table_for_who_wants_numbers(visit, service):
    page = visit(service, "/?model=people")
    page.wait_for_selector(".waterfall")
    assert page.locator(".why td").count() == 0
    page.click(".why summary")
    page.wait_for_selector(".why tbody")
    lines = page.eval_on_selector_all(
        ".why tbody tr", "all => all.map(row => [...row.children].map(cell => cell.textContent))"
    )
    assert [line[0] for line in lines] == [
        "average",
        *[line[0] for line in lines[1:3]],
        "all others",
        "this row",
    ]
    parts = [float(line[2]) for line in lines[:-1]]
    assert sum(parts) == pytest.approx(float(lines[-1][2]))


def test_model_without_an_explanation_says_why_and_is_predicted(visit, service):
    page = visit(service, "/?model=near", expected=(400,))
    assert explained(page) == []
    assert "KNeighborsClassifier has no exact explanation: only linear" in page.text_content("#why")
    assert predicted(page) in ("0", "1")


def test_example_is_predicted_before_anything_is_asked(visit, service):
    page = visit(service)
    row = service.get("/api/model/info").json()["example"]
    assert (
        predicted(page) == service.post("/api/predict", json={"features": row}).json()["result"]["prediction"]
    )
    assert "an example from the training data" in page.text_content("#answer")
    assert page.input_value("#column-0") == str(row["alcohol"])
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_programs_do_what_the_page_did(visit, service):
    page = visit(service, "/?model=people")
    page.click("#example-button")
    page.click("#predict-button")
    answer = predicted(page)
    page.get_by_role("tab", name="Python").click()
    program = page.text_content("#code-text")
    seen = {}
    exec(program, {"print": seen.update})  # the program that people copy
    assert seen["result"]["prediction"] == answer
    page.get_by_role("tab", name="JavaScript").click()
    script = page.text_content("#code-text").replace("console.log", "return ")
    assert page.evaluate(f"async () => {{ {script} }}")["result"]["prediction"] == answer
    page.get_by_role("tab", name="curl").click()
    body = page.text_content("#code-text").split("-d '")[1].rstrip("'")
    assert json.loads(body)["features"] == service.get("/api/model/info?model=people").json()["example"]


def test_everything_is_done_by_keyboard_alone(visit, service):
    page = visit(service)
    page.wait_for_selector(".field")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "batch-tab"
    assert page.is_visible("#csv")
    page.keyboard.press("ArrowLeft")
    assert page.is_visible("#row-form")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "example-button":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "predict-button"
    page.keyboard.press("Space")
    assert predicted(page).startswith("class_")
