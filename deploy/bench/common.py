"""What the measurements beside this file share: nginx with a page, and processes that are kept apart on two processors of
this machine, speak on loopback at free ports, and end with the measurement."""
import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = os.path.basename(sys.argv[0])
OURS, THEIRS = "1", "0"  # processors: of what is measured, of nginx and the load generator

NGINX = """daemon off;
{user}worker_processes 1;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    types {{ text/html html; }}
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxied;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{ listen 127.0.0.1:{port}; root {dir}/files; }}
}}
"""

# Without a rule; @ORIGIN@ is the address of nginx.
PROXY = """# opes proxy
listen = "127.0.0.1:0"
origin = "http://@ORIGIN@"

[system]
uri = "http://opes.example.com/system"
"""


def die(text):
    sys.exit(f"{NAME}: {text}")


def find(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return path or die(f"{name} is missing: {sys.argv[0]} install")


def install(packages):
    """Installs what is missing of these programs, each with the package that has it."""
    missing = [package for name, package in packages.items() if not shutil.which(name, path="/usr/bin:/usr/sbin")]
    root = [] if os.getuid() == 0 else ["sudo"]
    if missing:
        subprocess.run(root + ["apt-get", "update", "-q"], check=True)
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends"]
        subprocess.run(root + command + missing, check=True)


def parser(description):
    """The arguments that every measurement has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("install", nargs="?", choices=["install"])
    made.add_argument("--opes", default=os.environ.get("OPES", os.path.join(HERE, "../../target/release/opes")))
    made.add_argument("--json")
    return made


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get_page(name, address, octets):
    """The response with the page, which has to come whole."""
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", "/page.html", headers={"Host": "www.example.com"})
    response = connection.getresponse()
    if response.status != 200 or response.read() != octets:
        die(f"{name} answers {response.status} or other octets")
    connection.close()
    return response


def save(path, result):
    with open(path, "w") as file:
        json.dump(result, file, indent=2)
        file.write("\n")


class Machine:
    """Processes that we have started."""

    def __init__(self, directory, binary):
        self.dir, self.binary = directory, binary
        self.running = []

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def launch(self, name, processor, command):
        out = open(os.path.join(self.dir, f"{name}.out"), "w")
        err = open(os.path.join(self.dir, f"{name}.err"), "w")
        process = subprocess.Popen(
            ["taskset", "-c", processor] + command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=os.environ | {"OPES_LOG": "warn"},
            start_new_session=True,
        )
        self.running.append((name, process))
        return process

    def said(self, name):
        texts = []
        for suffix in ("out", "err", "log"):
            path = os.path.join(self.dir, f"{name}.{suffix}")
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    texts.append(file.read()[-2000:])
        return " ".join(texts)

    def wait(self, name, process, ready):
        for _ in range(200):
            found = ready()
            if found:
                return found
            if process.poll() is not None:
                break
            time.sleep(0.05)
        die(f"{name} did not start: {self.said(name)}")

    def opes(self, name, command, config):
        """Starts one of our own, and gives its address."""
        process = self.launch(name, OURS, [self.binary, command, "--config", config, "--listen", "127.0.0.1:0"])
        return process, self.address(name, process, command)

    def address(self, name, process, role):
        """Where one of our own listens in this role, as it prints it."""

        def announced():
            with open(os.path.join(self.dir, f"{name}.out")) as out:
                found = re.search(rf"^listening on (\S+)(?: \({role}\))?\n", out.read(), re.M)
            return found and found.group(1)

        return self.wait(name, process, announced)

    def other(self, name, processor, port, arguments):
        process = self.launch(name, processor, arguments)

        def listens():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False

        self.wait(name, process, listens)
        return process

    def nginx(self, octets):
        """Starts nginx with a page of so many octets; its port, and the page."""
        page = (b"<p>A cat sat on the mat.</p>\n" * (octets // 29 + 1))[:octets]
        files = os.path.join(self.dir, "files")
        os.mkdir(files)
        with open(os.path.join(files, "page.html"), "wb") as file:
            file.write(page)
        port = free_port()
        user = "user nobody nogroup;\n" if os.getuid() == 0 else ""
        conf = self.write("nginx.conf", NGINX.format(dir=self.dir, port=port, user=user))
        self.other("nginx", THEIRS, port, [find("nginx"), "-p", self.dir, "-e", "stderr", "-c", conf])
        return port, page

    def stop(self):
        for _, process in reversed(self.running):
            process.terminate()
        for name, process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                print(f"{NAME}: {name} does not end; it is killed", file=sys.stderr)
                process.kill()
                process.wait()


@contextlib.contextmanager
def prepare(options, packages):
    """A machine that has what is needed, and is stopped at the end, whatever happens."""
    if not os.access(options.opes, os.X_OK):
        die(f"{options.opes} does not exist: cargo build --release, or set OPES")
    if not {int(OURS), int(THEIRS)} <= os.sched_getaffinity(0):
        die(f"processors {THEIRS} and {OURS} are needed, and this process may use {sorted(os.sched_getaffinity(0))} only")
    for name in packages:
        find(name)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = tempfile.mkdtemp(prefix=f"opes-bench-{NAME}-")
    # nginx and Squid become users of their own where we are root.
    os.chmod(directory, 0o777)
    started = Machine(directory, options.opes)
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(directory, ignore_errors=True)
