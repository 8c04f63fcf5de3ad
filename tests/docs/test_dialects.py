"""docs/dialects.md: the tables miss no route."""

import re

import pytest

from tests.docs.pages import sections

SECTIONS = {"TF Serving and KServe V1": "tfserving", "Azure ML": "azure"}


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_route_is_in_the_table(heading, build_app):
    native = {(rule.rule, *rule.methods) for rule in build_app(DIALECTS="").url_map.iter_rules()}
    routes = set()
    for rule in build_app(DIALECTS=SECTIONS[heading]).url_map.iter_rules():
        if (rule.rule, *rule.methods) not in native:
            path = re.sub(r"/(versions|labels)/<[^>]*>|segment:", "", rule.rule).replace("default", "<name>")
            routes |= {f"{method} {path}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    text = sections("docs/dialects.md")[heading]
    assert set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)) == routes
