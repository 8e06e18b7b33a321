"""Mail: a job says what a mail is about, and it is written and sent when the job runs.

A job is added in one transaction with what the mail tells, so that there is no mail without it
and none of it without a mail. Its payload holds ids; addresses are read and links are made when
the mail is sent. It is tried again for about a day. Every try has the same Message-ID.

Twice the same mail goes out in one case alone: the mail server has taken it, and the process or
the database dies before the job is marked as done, or the server's last answer is lost on its
way. The shop cannot know which, and sends the mail again rather than never; most mailboxes drop
what comes again under the same Message-ID. Into a folder a mail is written once, whatever dies.

- ``message``: what a mail says, and how it becomes HTML and plain text
- ``transports``: SMTP, or a folder where no server is set
- ``mailer``: what handlers of jobs use
"""
