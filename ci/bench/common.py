"""What the measurements share: children that do not outlive them, and nginx."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
children = []


def stop_all():
    for child in children:
        child.terminate()
    for child in children:
        child.wait()
    children.clear()


def give_up(text):
    print(f"bench-{pathlib.Path(sys.argv[0]).name}: {text}", file=sys.stderr)
    stop_all()
    sys.exit(2)


def run(main):
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        stop_all()


def need(tools, programs):
    """Where nginx is, a user's PATH does not always look."""
    os.environ["PATH"] += ":/usr/sbin"
    for tool in tools:
        if not shutil.which(tool):
            give_up(f"'{tool}' is missing: ci/install-deps bench installs it")
    for program in programs:
        if not program.exists():
            name = pathlib.Path(sys.argv[0]).name
            give_up(f"no '{program.relative_to(ROOT)}': run make bench-{name}")


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


def start(argv, **more):
    child = subprocess.Popen([str(a) for a in argv], **more)
    children.append(child)
    return child


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(child, port):
    """A server that we did not write says nothing when it is ready; its port does."""
    deadline = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < deadline:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        os.sched_yield()
    give_up(f"'{child.args[0]}' does not listen on port {port}")


def start_nginx(folder, server):
    """One worker; server: what stands in its `server {}` beside the port, which comes back."""
    port = free_port()
    temp = "".join(f"{kind}_temp_path {folder}/{kind}; "
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; sendfile on; keepalive_requests 100000000; {temp}\n"
        f"server {{ listen 127.0.0.1:{port}; {server} }} }}\n")
    # A worker that is not root's could not read a folder in /tmp that is.
    folder.chmod(0o755)
    child = start(["nginx", "-p", folder, "-e", folder / "log", "-c", folder / "nginx.conf"])
    wait_for_port(child, port)
    return port
