"""gunicorn's threaded worker for requests that take less time than handing them to a thread.

It leans on inner parts of gunicorn 27.0: README.md lists them.
"""
