import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing", "/api/predict"])
def test_every_answer_carries_a_request_id(client, path):
    assert len(client.get(path).headers["X-Request-ID"]) == 32


def test_each_request_has_its_own(client):
    assert len({client.get("/api/health").headers["X-Request-ID"] for _ in range(20)}) == 20


@pytest.mark.parametrize("given", ["abc", "a" * 128, "0af7651916cd43dd8448eb211c80319c", "A.b_c:d+e/f=g@h-1"])
def test_a_sane_id_of_the_caller_is_kept(client, given):
    assert client.get("/api/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "a" * 129, "<script>", "a;b", '"', "ü", "a\tb"])
def test_any_other_id_is_replaced(client, given):
    answered = client.get("/api/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert answered != given
    assert len(answered) == 32


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=200))
def test_an_answered_id_is_always_safe_to_log(client, sent):
    answered = client.get("/api/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert answered.isascii()
    assert answered.isprintable()
    assert 1 <= len(answered) <= 128
