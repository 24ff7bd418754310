"""Talks HTTP/1.1 over a bare socket: manners.py FIRST_LINE ROUTES_JSON CA_FILE.
Prints "ok NAME" or "FAIL NAME: what came" a line."""
import json
import re
import socket
import ssl
import sys

said = json.loads(sys.argv[1])
routes = json.load(open(sys.argv[2]))["routes"]
port = int(said["cp_url"].rsplit(":", 1)[1])
org = said["orgs"][0]
host = "%s.cp.localhost:%d" % (org["slug"], port)
auth = {"Authorization": "Bearer " + org["admin_token"], "X-Molecule-Org-Id": org["id"]}


class Talk:
    """One connection; reads answers off it in order."""

    def __init__(self, tls=None):
        self.sock = socket.create_connection(("127.0.0.1", tls[0] if tls else port), 10)
        if tls:
            self.sock = tls[1].wrap_socket(self.sock, server_hostname=tls[2])
        self.left = b""

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, method, path, headers=None, body=b""):
        self.send(request(method, path, headers, body))
        return self.answer(method)

    def fill(self):
        more = self.sock.recv(65536)
        if not more:
            raise EOFError("closed")
        self.left += more

    def line(self):
        while b"\r\n" not in self.left:
            self.fill()
        head, self.left = self.left.split(b"\r\n", 1)
        return head.decode("latin-1")

    def answer(self, method="GET"):
        status = int(self.line().split(" ")[1])
        headers = {}
        while True:
            text = self.line()
            if not text:
                break
            key, value = text.split(":", 1)
            headers[key.lower()] = value.strip()
        body = b""
        if method != "HEAD" and status >= 200:
            length = int(headers.get("content-length", "0"))
            while len(self.left) < length:
                self.fill()
            body, self.left = self.left[:length], self.left[length:]
        return status, headers, body

    def closed(self):
        try:
            while True:
                if not self.sock.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False


def request(method, path, headers=None, body=b""):
    rows = {"Host": host, **auth, **(headers or {})}
    if body:
        rows["Content-Length"] = str(len(body))
    head = "".join("%s: %s\r\n" % row for row in rows.items() if row[1] is not None)
    return ("%s %s HTTP/1.1\r\n%s\r\n" % (method, path, head)).encode() + body


def check(name, good, came=""):
    print("ok " + name if good else "FAIL %s: %s" % (name, str(came)[:300]), flush=True)


def attempt(fn):
    try:
        fn()
    except Exception as e:  # a talk that breaks off is a check that failed
        print("FAIL %s: %r" % (fn.__doc__, e), flush=True)


def keep_alive():
    """keep-alive"""
    t = Talk()
    got = [t.ask("GET", "/health")[0] for _ in range(50)]
    check("a connection serves fifty requests", got == [200] * 50, got)
    a = t.ask("GET", "/health", {"Connection": "close"})
    check("and closes when it is asked to", a[0] == 200 and t.closed(), a)
    t = Talk()
    t.send(("GET /health HTTP/1.0\r\nHost: %s\r\n\r\n" % host).encode())
    a = t.answer()
    check("HTTP/1.0 is answered and closed", a[0] == 200 and t.closed(), a)


def pipelining():
    """pipelining"""
    t = Talk()
    paths = ["/health", "/workspaces", "/buildinfo", "/no/such", "/org/identity"] * 4
    t.send(b"".join(request("GET", p) for p in paths))
    got = [t.answer()[0] for _ in paths]
    check("requests that do not wait are answered in order",
          got == [200, 200, 200, 404, 200] * 4, got)
    body = b'{"name":"Piped","external":true}'
    t.send(request("POST", "/workspaces", {}, body) + request("GET", "/workspaces"))
    made, listed = t.answer(), t.answer()
    check("a body between them is kept apart",
          made[0] == 201 and json.loads(made[2])["id"].encode() in listed[2], made)


def expect():
    """Expect: 100-continue"""
    t = Talk()
    body = b'{"name":"Expected","external":true}'
    t.send(request("POST", "/workspaces", {"Expect": "100-continue", "Content-Length": str(len(body))}))
    interim = t.answer()
    t.send(body)
    final = t.answer()
    check("who waits for 100 is told to go on", interim[0] == 100 and final[0] == 201, (interim, final))
    t = Talk()
    t.send(request("POST", "/workspaces", {"Expect": "100-continue", "Content-Length": str(1 << 40)}))
    a = t.answer()
    if a[0] == 100:
        a = ("100 for a body that is too large",)
    check("unless the body is too large anyway", a[0] == 413, a)


def chunked():
    """chunked uploads"""
    t = Talk()
    pieces = [b'{"na', b'me":"Chu', b'nked","exter', b'nal":true}']
    t.send(request("POST", "/workspaces", {"Transfer-Encoding": "chunked"}))
    for p in pieces:
        t.send(b"%x;ext=1\r\n%s\r\n" % (len(p), p))
    t.send(b"0\r\nTrailer: x\r\n\r\n")
    a = t.answer()
    check("a body in pieces is put together", a[0] == 201, a)
    check("and the connection goes on", t.ask("GET", "/health")[0] == 200)
    t.send(request("POST", "/workspaces", {"Transfer-Encoding": "chunked"}) + b"zz\r\nno\r\n")
    try:
        a = t.answer()
    except (EOFError, ConnectionResetError):
        a = (400,)
    check("a piece without a length is no request", a[0] == 400, a)


def smuggling():
    """two lengths"""
    t = Talk()
    t.send(request("POST", "/workspaces", {"Content-Length": "5", "Transfer-Encoding": "chunked"})
           + b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    a = t.answer()
    check("Content-Length with Transfer-Encoding is refused", a[0] == 400, a)
    t = Talk()
    t.send(b"POST /workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
    try:
        a = t.answer()
    except (EOFError, ConnectionResetError):
        a = (400,)
    check("a length below zero is refused", a[0] in (400, 413), a)
    t = Talk()
    t.send(b"\x16\x03\x01\x02 garbage\r\n\r\n")
    try:
        a = t.answer()
    except (EOFError, ConnectionResetError):
        a = (400,)
    check("garbage is refused", a[0] == 400, a)
    t = Talk()
    t.send(b"GET /health HTTP/1.1\r\n\r\n")
    a = t.answer()
    check("HTTP/1.1 wants a Host", a[0] == 400, a)


def concrete(route, workspace):
    path = route["path"].replace("/:id", "/" + workspace, 1)
    path = re.sub(r"/:[a-z_]+", "/x", path)
    return re.sub(r"/\*[a-z_]*$", "/config.yaml", path)


def heads():
    """HEAD"""
    # A stream has no end, so its HEAD is asked alone and not compared with a GET.
    streams = {"/workspaces/:id/events/stream", "/workspaces/:id/mcp/stream", "/ws"}
    workspace = org["concierge"]["id"]
    wrong, n = [], 0
    t = Talk()
    for r in routes:
        if r["method"] != "GET" or r["plane"] != "tenant":
            continue
        n += 1
        path = concrete(r, workspace)
        headers = {"Connection": "close"} if r["path"] in streams else {}
        head = t.ask("HEAD", path, headers)
        if r["path"] in streams:
            t = Talk()
            got = (head[0], None)
        else:
            a = t.ask("GET", path)
            got = (a[0], a[1].get("content-type"))
        mine = (head[0], None if r["path"] in streams else head[1].get("content-type"))
        if mine != got or head[0] == 405:
            wrong.append((path, mine, got))
    check("HEAD is answered as GET on %d routes, without a body" % n, n > 40 and not wrong, wrong)
    a, b = t.ask("HEAD", "/health"), t.ask("GET", "/health")
    check("with the length of what GET would bring",
          a[1]["content-length"] == str(len(b[2])), (a, b))


def cors():
    """preflights"""
    t = Talk()
    wanted = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    for origin in ("http://localhost:3000", "http://localhost:3001"):
        a = t.ask("OPTIONS", "/workspaces", {
            "Origin": origin, "Authorization": None, "X-Molecule-Org-Id": None,
            "Access-Control-Request-Method": "POST"})
        check("a preflight of %s passes" % origin, a[0] == 204
              and a[1].get("access-control-allow-origin") == origin
              and a[1].get("access-control-allow-credentials") == "true"
              and set(a[1].get("access-control-allow-methods", "").split(",")) == wanted
              and "X-Confirm-Name" in a[1].get("access-control-allow-headers", ""), a)
    a = t.ask("GET", "/health", {"Origin": "http://localhost:3000"})
    check("and the request after it", a[1].get("access-control-allow-origin") == "http://localhost:3000", a)
    a = t.ask("OPTIONS", "/workspaces", {"Origin": "https://elsewhere.test"})
    check("not that of a stranger", "access-control-allow-origin" not in a[1], a)


def tls():
    """TLS"""
    context = ssl.create_default_context(cafile=sys.argv[3])
    secure = int(said["cp_https_url"].rsplit(":", 1)[1])
    name = org["slug"] + ".cp.localhost"
    t = Talk((secure, context, name))
    paths = ["/health", "/workspaces", "/health"] * 5
    t.send(b"".join(request("GET", p, {"Host": "%s:%d" % (name, secure)}) for p in paths))
    got = [t.answer()[0] for _ in paths]
    check("the same over TLS: pipelined requests", got == [200] * 15, got)
    body = b'{"name":"Long","external":true,"role":"%s"}' % (b"r" * 900)
    a = t.ask("POST", "/workspaces", {}, body)
    check("and bodies", a[0] == 201, a)
    check("by TLS 1.2 at least", t.sock.version() in ("TLSv1.2", "TLSv1.3"), t.sock.version())
    try:
        Talk((secure, context, "elsewhere.test"))
        check("a name that is not ours is not vouched for", False, "connected")
    except ssl.SSLCertVerificationError:
        check("a name that is not ours is not vouched for", True)
    t = Talk()
    t.sock.close()
    raw = socket.create_connection(("127.0.0.1", secure), 10)
    raw.sendall(request("GET", "/health"))
    try:
        got = raw.recv(100)
    except ConnectionResetError:
        got = b""
    check("plain HTTP there gets no answer", not got.startswith(b"HTTP/1.1 200"), got)
    check("and the platform goes on", Talk((secure, context, name)).ask("GET", "/health")[0] == 200)


for talk in (keep_alive, pipelining, expect, chunked, smuggling, heads, cors, tls):
    attempt(talk)
