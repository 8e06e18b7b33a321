"""A mail server, run by the stranger's own Python: it keeps the login and the newest message."""

import socketserver
from pathlib import Path

PLACE = Path("/root/mail")
PORT = 587


class Conversation(socketserver.StreamRequestHandler):
    """Talk as much SMTP as a client needs (RFC 5321)."""

    def handle(self) -> None:
        PLACE.mkdir(exist_ok=True)
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "EHLO":
                self._say("250-hello\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                (PLACE / "login").write_text(line.split()[-1])
                self._say("235 welcome")
            elif verb == "DATA":
                self._say("354 go on")
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                (PLACE / "message").write_text("".join(lines))
                self._say("250 kept")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


if __name__ == "__main__":
    socketserver.ThreadingTCPServer(("0.0.0.0", PORT), Conversation).serve_forever()
