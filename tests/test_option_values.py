"""gunicorn's options one by one: every one that it has works with the service, or is refused by name."""

import os

import pytest
from gunicorn.config import KNOWN_SETTINGS, Config

from gunicorn_worker.options import resources
from gunicorn_worker.options.values import CHOICES, FIXED, RANGES, WORKER, values_fault

FILE = {"worker_class": WORKER, "http_parser": "python", "workers": 2, "forwarder_headers": ""}
FILE |= {"forwarded_allow_ips": "", "control_socket_disable": True}
# Values of the options that cannot be changed, as an operator may give them.
CHANGED = {
    "workers": 3,
    "preload_app": True,
    "logger_class": "gunicorn.instrument.statsd.Statsd",
    "errorlog": "/tmp/error.log",
    "loglevel": "debug",
    "logconfig": "logging.ini",
    "logconfig_dict": {"version": 1},
    "logconfig_json": "logging.json",
    "syslog": True,
    "syslog_addr": "udp://127.0.0.1:514",
    "syslog_prefix": "service",
    "syslog_facility": "daemon",
    "disable_redirect_access_to_syslog": True,
    "statsd_host": "127.0.0.1:8125",
    "statsd_prefix": "service",
    "dogstatsd_tags": "a:b",
    "enable_backlog_metric": True,
    "raw_env": ["LOG_LEVEL=DEBUG"],
    "protocol": "uwsgi",
    "uwsgi_allow_ips": "10.0.0.1",
    "http_protocols": "h1,h2",
    "http2_cleartext": "prior-knowledge",
    "http2_max_concurrent_streams": 7,
    "http2_initial_window_size": 70_000,
    "http2_max_frame_size": 20_000,
    "http2_max_header_list_size": 70_000,
    "http_parser": "fast",
    "forwarded_allow_ips": "*",
    "forwarder_headers": "SCRIPT_NAME",
    "secure_scheme_headers": {"X-FORWARDED-PROTO": "http"},
    "root_path": "/ml",
    "asgi_loop": "asyncio",
    "asgi_lifespan": "off",
    "asgi_disconnect_grace_period": 1,
    "websocket_max_message_size": 1,
    "paste": "service.ini",
    "raw_paste_global_conf": ["a=b"],
    "dirty_apps": ["app:x"],
    "dirty_workers": 1,
    "dirty_timeout": 1,
    "dirty_threads": 2,
    "dirty_graceful_timeout": 1,
    "control_socket": "/tmp/gunicorn.ctl",
    "control_socket_mode": 0o640,
    "control_socket_disable": False,
    "ssl_version": "TLSv1_2",
    "spew": True,
}
# Plausible values, and wrong ones, of the others.
WORKING = {
    "bind": [
        "127.0.0.1:0",
        "[::ffff:127.0.0.1]:0",
        "127.0.0.1",
        "tcp://127.0.0.1:0",
        "unix:/tmp/a-socket.of-tests",
    ],
    "worker_class": ["gthread", "sync"],
    "header_map": ["drop", "refuse"],
    **{name: list(limits) for name, limits in RANGES.items() if name not in {"user", "group"}},
    "user": [os.geteuid()],
    "group": [os.getegid()],
    "reload": [True],
    "reload_engine": ["auto", "poll"],
    "reload_extra_files": [[__file__]],
    "check_config": [True],
    "print_config": [True],
    "sendfile": [False],
    "reuse_port": [True],
    "chdir": ["/tmp"],
    "daemon": [True],
    "pidfile": ["pid", "/tmp/pid"],
    "worker_tmp_dir": ["/tmp"],
    "initgroups": [True],
    "accesslog": ["-", "/dev/null", "access.log", "/tmp/access.log"],
    "access_log_format": ["%(h)s %(D)d %({x-request-id}o)s 100%%", ""],
    "capture_output": [True],
    "enable_stdio_inheritance": [True],
    "pythonpath": ["/tmp", "/tmp,/usr"],
    "proxy_protocol": ["off", "v1", "v2", "auto"],
    "proxy_allow_ips": ["*", "10.0.0.0/8"],
    "suppress_ragged_eofs": [True],
    "permit_obsolete_folding": [True],
    "strip_header_spaces": [True],
    "permit_unconventional_http_method": [True],
    "permit_unconventional_http_version": [True],
    "casefold_http_method": [True],
}
WRONG = {
    "bind": [
        *(
            "127.0.0.1:99999",
            "127.0.0.1:port",
            "fd://99",
            "fd://x",
            "192.0.2.1:80",
            "no.such.host.invalid:80",
        ),
        *("unix:", "unix:/proc/nonexistent/socket", "unix:/tmp", f"unix:/tmp/{'s' * 200}", "a" * 300 + ":80"),
    ],
    "worker_class": ["gevent", "tornado", "eventlet", "asgi", "nonsense"],
    "header_map": ["dangerous"],
    **{name: [least - 1, most + 1] for name, (least, most) in RANGES.items()},
    "reload_engine": ["inotify"],
    "worker_tmp_dir": ["/proc/nonexistent", "/dev/null"],
    "pidfile": ["/proc/nonexistent/pid", "/tmp"],
    "accesslog": ["/proc/nonexistent/log", "/tmp", "/dev/null/log"],
    "access_log_format": ["%(h", "%(h)d", "%d"],
    "pythonpath": ["/proc/nonexistent"],
    "proc_name": ["service"],
}
TLS = {
    "keyfile",
    "certfile",
    "cert_reqs",
    "ca_certs",
    "ciphers",
    "do_handshake_on_connect",
}  # test_server_tls.py


def cfg(**values):
    """gunicorn's settings as its configuration file makes them, and then changed."""
    config = Config()
    for name, value in FILE.items():
        config.set(name, value)
    for name, value in values.items():
        setting = config.settings[name]
        setting.value = [value] if name == "bind" else value
    return config


def fault(config):
    return values_fault(config, FILE) or resources.resources_fault(config)


def test_the_options_of_the_configuration_file_are_sound():
    assert fault(cfg(bind="127.0.0.1:0")) is None


def test_every_option_of_gunicorn_is_tried():
    options = {setting.name for setting in KNOWN_SETTINGS if setting.cli} - {"config"}
    assert options - TLS - {*CHANGED} == {*WORKING, "proc_name"}
    assert {*FIXED} == {*CHANGED}
    assert {*CHOICES, *RANGES} <= {*WRONG}


@pytest.mark.parametrize("name", CHANGED)
def test_option_that_the_service_cannot_do_with_is_named(name):
    changed = cfg()
    changed.set(name, CHANGED[name])
    option = next(
        iter(option for option in changed.settings[name].cli or () if option.startswith("--")), name
    )
    assert option in fault(changed).partition(":")[0]
    assert fault(changed).endswith(FIXED[name])


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, each in WORKING.items() for value in each]
)
def test_plausible_value_works(name, value):
    assert fault(cfg(**{"bind": "127.0.0.1:0", name: value})) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, each in WRONG.items() for value in each],
    ids=lambda x: str(x)[:30],
)
def test_wrong_value_is_named(name, value):
    changed = cfg(**{"bind": "127.0.0.1:0", name: value})
    assert fault(changed).startswith("--")
    assert f"={value!r}: " in fault(changed)


def test_values_of_variables_are_not_shown():
    assert "hidden" not in fault(cfg(raw_env=["API_KEY_1=hidden"]))
