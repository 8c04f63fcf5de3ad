import pytest
from flask import Blueprint

from app import create_app
from app.middleware.route_table import ADMIN, OPEN, PREDICT, ROUTE_TABLE, Routes
from app.pages import assets
from config import SCOPES
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.conftest import configuration


@pytest.fixture
def build_added(tmp_path):
    """Make an app with a blueprint ``added``, by the rest of its row."""

    def build_added(*access, name="added", **settings):
        bp = Blueprint(name, __name__)
        bp.add_url_rule("/added", "root", view_func=lambda: {"added": True})
        bp.add_url_rule("/added/<name>", "named", view_func=lambda name: {"added": name})
        return create_app(configuration(tmp_path, **settings), blueprints=[Routes(bp, *access)])

    return build_added


@pytest.fixture
def routes(build_app):
    return build_app().extensions[ROUTE_TABLE]


def status(app, path, **options):
    return app.test_client().get(path, **options).status_code


def test_every_route_stands_in_the_table(build_app):
    app = build_app()
    table = app.extensions[ROUTE_TABLE]
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(table.scopes)
    assert set(table.scopes.values()) == {*SCOPES, OPEN}


def test_added_routes_are_served_to_those_who_have_their_scope(build_added):
    app = build_added(PREDICT, "requests", API_KEY_1=KEY)
    response = app.test_client().get("/added", headers=with_key(KEY))
    assert response.get_json() == {"added": True}
    assert response.headers["X-Request-ID"]
    assert status(build_added(ADMIN, "requests", API_KEY_1=KEY), "/added", headers=with_key(KEY)) == 403


def test_a_view_may_differ_from_its_blueprint(build_added):
    app = build_added(ADMIN, "admin", {"root": (OPEN, "exempt")}, API_KEY_1=KEY, MAX_IN_FLIGHT=1)
    assert (status(app, "/added"), status(app, "/added/x")) == (200, 401)
    app.extensions["load_shedder"].waiting = lambda: 1
    assert (status(app, "/added"), status(app, "/added/x")) == (200, 503)


def test_a_row_for_a_view_that_is_not_there_stops_the_start(build_added):
    with pytest.raises(ValueError, match="blueprint 'added' has no view rot"):
        build_added(PREDICT, "requests", {"rot": (ADMIN, "admin")})


def test_a_second_row_for_a_blueprint_stops_the_start(build_added):
    with pytest.raises(ValueError, match="'predictions' is already registered"):
        build_added(OPEN, "exempt", name="predictions")


def test_two_apps_in_one_process_do_not_share_their_tables(build_added, build_app):
    first = build_added(OPEN, "exempt", API_KEY_1=KEY).extensions[ROUTE_TABLE]
    second = build_added(ADMIN, "admin", API_KEY_1=KEY).extensions[ROUTE_TABLE]
    without = build_app().extensions[ROUTE_TABLE]
    assert [table.scopes.get("added.root", "none") for table in (first, second, without)] == [
        OPEN,
        ADMIN,
        "none",
    ]
    assert ["/added" in table.exempt for table in (first, second, without)] == [True, False, False]
    assert [table.is_administrative("/added/x") for table in (first, second, without)] == [False, True, False]


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        "/api/models/v1/activate",
        "/api/models/rollback",
        "//api/models/v1/verify",
        "/api/models/routing",
        "/api/models/predict/activate",
        "/api/models/there/is/no/such/route",
        "/api/models//predict",
        "/api/models/fraud/predict/",
        "/api/models/fraud/predict/batch/x",
    ],
)
def test_path_of_an_operators_call_is_known(routes, path):
    assert routes.is_administrative(path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/predict",
        "/api/models/fraud/predict",
        "/api/models/fraud/predict/fast",
        "/api/models/fraud/predict/batch",
        "//api/models/fraud/predict",
        "/api/remodels/v1",
        "/api/model/info",
        "/",
    ],
)
def test_path_of_another_call_is_none(routes, path):
    assert not routes.is_administrative(path)


def test_probes_count_towards_no_limit(routes):
    native = {"/api/health", "/api/health/live", "/api/health/ready"}
    dialects = {
        "/ping",
        "/health",
        "/version",
        "/",
        "/v1/models/default",
        "/v2/health/live",
        "/v2/health/ready",
    }
    assert routes.exempt - set(assets.paths()) == native | dialects


def test_listed_paths_of_a_route_with_a_variable_count_towards_no_limit(tmp_path):
    bp = Blueprint("files", __name__)
    bp.add_url_rule("/files/<name>", "file", view_func=lambda name: name)
    row = Routes(bp, OPEN, "requests", exempt=("/files/a", "/files/b"))
    table = create_app(configuration(tmp_path), blueprints=[row]).extensions[ROUTE_TABLE]
    assert {"/files/a", "/files/b"} <= table.exempt
    assert not {"/files/c", "/files/<name>"} & table.exempt
