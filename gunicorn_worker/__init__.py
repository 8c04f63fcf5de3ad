"""gunicorn's threaded worker for requests that take less time than handing them to a thread.

README.md lists the inner parts of gunicorn 27.0 on which it depends.
"""
