"""Which of gunicorn's options work with the service, and what is wrong with those that are given?"""
