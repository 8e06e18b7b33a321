"""Jobs: work that a domain writes down in one transaction with its cause, and does after it.

Each domain has a table of jobs in its own database (the transactional outbox). A job that was
committed is run once by some worker, again after a failure or a killed process, and is shown to
a person once its attempts are used up. So a handler may begin twice and has to be idempotent.

Why this is our own code. Celery, RQ, Huey, Dramatiq and Taskiq want a broker, or a connection of
their own, and then a crash between the commit and the enqueueing loses the job or runs one whose
cause was rolled back. Procrastinate, Chancy and pgqueuer enqueue in the caller's transaction, on
PostgreSQL alone; django-q and Solid Queue do on MySQL, inside Django and Rails; APScheduler
schedules but knows no transaction, and its version 4 with leases has been an alpha since 2021.
What remains is one table and one conditional UPDATE, which MySQL, MariaDB, Percona XtraDB Cluster
and SQLite all grant.

- ``kinds``: what a kind of job is: its handler, attempts, back-off and lease
- ``queue``: what domains use: register handlers, add jobs, publish events
- ``leases``: how a worker takes a job, and what becomes of it
- ``running``: one job, or all that are due
- ``worker``: the threads of a server's process
- ``registry``: the queues of all domains that a process serves
- ``domainboard``: what people see of a domain's jobs and may retry
- ``board``: the same of all domains, also of those that are other services'
- ``views``, ``api``: the page of moderators and its twin for programs
"""
