"""A server that answers as a test wants it: for states of runs that a real one is in for a blink only."""

import http.server
import json
import threading


class FakeServer:
    """answers: path without query → JSON, a Turn, or a list of Turns of which each request takes the next (the last one stays)."""

    def __init__(self, answers):
        self.answers = {path: turns_of(value) for path, value in answers.items()}
        self.requests = []

    def __enter__(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.requests.append((self.command, self.path, body))
                turns = fake.answers.get(self.path.split("?")[0].removeprefix("/rest/samlsso-admin/1.0"))
                turn = (turns.pop(0) if len(turns) > 1 else turns[0]) if turns else Turn({"message": "no such path"}, 404)
                if turn.gate:
                    turn.gate.wait(60)
                data = turn.body if isinstance(turn.body, bytes) else json.dumps(turn.body).encode()
                self.send_response(turn.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.httpd.shutdown()
        self.httpd.server_close()


class Turn:
    """gate: an event that the answer waits for."""

    def __init__(self, body, status=200, gate=None):
        self.body = body
        self.status = status
        self.gate = gate


def turns_of(value):
    if isinstance(value, list) and value and isinstance(value[0], Turn):
        return list(value)
    return [value if isinstance(value, Turn) else Turn(value)]
