#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`ipctrace verify`: exit statuses, formats, the samples, and specifications that are learnt."""
import gzip
import json
import os
import pathlib
import re
import signal
import xml.etree.ElementTree as xml

from harness import (IPCLOAD, IPCTRACE, ROOT, Recorder, case, ensure, ensure_equal, ensure_in, main, run,
                     wait_for)
from programs import children, free_port, need, postgres_server, server

SAMPLES = ROOT / "tests/verify"
OK, VIOLATION, USAGE, INCONCLUSIVE, IO = 0, 1, 2, 4, 5
PIPELINE = ("sh", "-c", "zcat big.gz | sort -u | wc -l > counted")
LINES = 400000
ATTEMPTS = 3


def verify(spec, *arguments, status, **options):
    for _ in range(ATTEMPTS):
        done = run(IPCTRACE, "verify", spec, *arguments, check=False, **options)
        # A task for which the kernel had no memory just then; other tests are about that.
        if done.returncode == status or not re.search(r"lost [1-9]", done.stderr):
            break
        print(f"once more: {done.stderr}")
    ensure_equal(done.returncode, status, f"exit status of verify {spec} {arguments}; it said "
                 f"{done.stdout}{done.stderr}")
    return done


def judged(spec, *arguments, status):
    """{title: rule} of the verdicts, as JSON has them."""
    verify(spec, "-f", "json", "-o", "verdicts.json", *arguments, status=status)
    verdicts = json.loads(pathlib.Path("verdicts.json").read_text())
    ensure_equal(verdicts["schema"], "ipctrace.verify/1", "schema")
    return {rule["title"]: rule for rule in verdicts["rules"]}


def write(text, name="spec.yaml"):
    pathlib.Path(name).write_text("ipctrace: 1\n" + text)
    return name


def make_pipeline():
    with gzip.open("big.gz", "wt", compresslevel=1) as file:
        file.writelines(f"{i}\n" for i in range(LINES))


ROLES = """roles: {zcat: {exe: "*/gzip"}, sort: {exe: "*/sort"}, wc: {exe: "*/wc"}, shell: {comm: sh}}
"""


# ---- the samples --------------------------------------------------------------------------------

@case
def sample_pipeline():
    make_pipeline()
    rules = judged(SAMPLES / "pipeline.yaml", "--", *PIPELINE, status=OK)
    ensure_equal(int(pathlib.Path("counted").read_text()), LINES, "what wc counted")
    size = sum(len(f"{i}\n") for i in range(LINES))
    for title, messages in (("zcat -> sort", 1), ("sort -> wc", 1)):
        rule = next(r for t, r in rules.items() if title in t)
        ensure_equal(rule["bytes"], {"low": size, "high": size, "value": size}, f"bytes {title}")
        ensure(rule["messages"]["low"] >= messages, f"messages of {title}: {rule['messages']}")
        ensure_equal([(e["from"]["role"], e["to"]["role"]) for e in rule["edges"]],
                     [tuple(title.split(" -> "))], "edges of the rule")


@case
def sample_postgres():
    """All that the sample says of edges and memory; backends are known by their titles."""
    with postgres_server() as (_, client):
        run(*client("pgbench", "-n", "postgres", "-i", "-q"))
        rules = judged(SAMPLES / "postgres.yaml", "-a", "--keep", "capture.data", "--",
                       *client("pgbench", "-n", "postgres", "-c", "4", "-j", "2", "-T", "1"),
                       status=at_exit_status())
    for title, rule in rules.items():
        if rule["section"] != "at_exit":
            ensure_equal(rule["verdict"], "pass", title)
    talk = next(r for t, r in rules.items() if t.startswith("require pgbench -> backend"))
    ensure_equal(talk["peers"]["low"], 4, "backends that pgbench talked to")
    # the same from the file, and with what is not so
    bad = (SAMPLES / "postgres.yaml").read_text().replace("messages >= 8", "peers = 5")
    pathlib.Path("bad.yaml").write_text(bad)
    rules = judged("bad.yaml", "-i", "capture.data", status=VIOLATION)
    ensure_equal([r["section"] for r in rules.values() if r["verdict"] == "fail"], ["require"],
                 "what fails")


def at_exit_status():
    """A capture that does not tell what was left decides nothing about that."""
    run(IPCTRACE, "record", "-q", "-o", "probe.data", "--", "true")
    done = run(IPCTRACE, "verify", write("at_exit: {sysv: 0}"), "-i", "probe.data", check=False)
    return OK if done.returncode == OK else INCONCLUSIVE


NGINX_CONF = """
user root;
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {dir}; }} }}
"""

WEB = """roles:
  nginx-master: {{exe: "*/nginx", args: "*master process*"}}
  nginx: {{parent: nginx-master}}
  front: {{listens: ":{port}"}}
  client: {{exe: "*/wrk"}}
require:
  - "client -> nginx via tcp *:{port} where messages >= {requests}, errors.EPIPE = 0"
  - {{rule: client -> nginx via unix /run/php/*, why: "see ADR-12"}}
forbid:
  - nginx -> * via tcp *:{other}
  - "* -> nginx via signal SIGKILL"
closed: {{roles: [nginx], mechanisms: [unix, tcp, udp, pipe]}}
allow: ["nginx-master -> nginx via unix"]
"""


@case
def web_server():
    """Master and workers have the same program and are told apart by their titles."""
    need("wrk")
    port = free_port()
    pathlib.Path("nginx.conf").write_text(NGINX_CONF.format(dir=os.getcwd(), port=port))
    pathlib.Path("page").write_text("hello")
    with server([need("nginx"), "-p", os.getcwd(), "-e", "error.log", "-c", "nginx.conf"],
                ("127.0.0.1", port), signal.SIGQUIT) as process:
        wait_for(lambda: len(children(process.pid)) == 2, "the workers")
        with Recorder("-a"):
            done = run("wrk", "-t", "1", "-c", "4", "-d", "1s", f"http://127.0.0.1:{port}/page")
    requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
    spec = write(WEB.format(port=port, other=port + 1, requests=requests))
    rules = judged(spec, "-i", "capture.data", status=VIOLATION)
    failed = {t: r for t, r in rules.items() if r["verdict"] != "pass"}
    ensure_equal([r["why"] for r in failed.values()], ["see ADR-12"], f"what fails: {failed}")
    ensure_equal(list(failed.values())[0]["nearest"]["name"], f"127.0.0.1:{port}", "nearest edge")
    workers = {e["to"]["pid"] for r in rules.values() for e in r["edges"]
               if e["to"]["role"] == "nginx"}
    ensure(workers and process.pid not in workers, f"the master {process.pid} is in {workers}")


# ---- verdicts -----------------------------------------------------------------------------------

BROKEN = {
    "missing edge": ("require: [sort -> zcat via pipe]", "this was not seen"),
    "too few": ("require: [\"zcat -> sort via pipe where bytes > 1GiB\"]", "bytes > 1GiB"),
    "forbidden edge": ("forbid: [zcat -> sort via pipe]", "this was seen"),
    "not allowed": ("closed: {mechanisms: [pipe]}\nallow: [zcat -> sort via pipe]",
                    "nothing allows this"),
    "status": ("exit: 1", "ended with status 0, not 1"),
}


@case
def violations():
    """Each is a failure, with its line, what was seen, and transfers."""
    make_pipeline()
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", *PIPELINE)
    for name, (rules, says) in BROKEN.items():
        spec = write(ROLES + rules, f"{name.replace(' ', '-')}.yaml")
        said = verify(spec, "-i", "capture.data", status=VIOLATION).stdout
        ensure_in(f"FAIL         {spec}:3 ", said, name)
        ensure_in(says, said, name)
    for name in ("missing-edge", "forbidden-edge", "not-allowed"):
        said = verify(f"{name}.yaml", "-i", "capture.data", status=VIOLATION).stdout
        transfers = re.findall(r"^ +\d+\.\d{6} \w+\[\d+\] → \w+\[\d+\] pipe \d+ B fd 0$", said,
                               re.M)
        ensure_equal(len(transfers), 3, f"transfers shown for {name} in {said}")


@case
def unread_data():
    """What its reader leaves in the pipe, which ends while the writer goes on."""
    spec = write('roles: {w: {comm: head}, r: {comm: dd}}\n'
                 'require: ["w -> r via pipe where unread = 0"]\nexit: any\n')
    command = ("sh", "-c", "head -c 5000 /dev/zero | dd bs=1000 count=2 of=/dev/null")
    rules = judged(spec, "--", *command, status=VIOLATION)
    bound = next(r for t, r in rules.items() if "w -> r" in t)["bounds"][0]
    ensure_equal(bound["measured"]["value"], 3000, "bytes left unread")


@case
def command_status():
    for rules, command, status in (("", "exit 0", OK), ("", "exit 3", VIOLATION),
                                   ("exit: 3", "exit 3", OK), ("exit: 3", "exit 0", VIOLATION),
                                   ("exit: any", "exit 9", OK),
                                   ("exit: 143", "kill -TERM $$", OK)):
        verify(write(rules), "--keep", "capture.data", "--", "sh", "-c", command, status=status)
        verify("spec.yaml", "-i", "capture.data", status=status)


@case
def bad_specification_runs_nothing():
    said = verify(write("require: [a -> b via pipe]"), "--", "touch", "ran", status=USAGE)
    ensure_in("ipctrace: spec.yaml:2:11: there is no role 'a'", said.stderr, "verify")
    ensure(not pathlib.Path("ran").exists(), "CMD ran all the same")


@case
def usage():
    write("")
    for arguments, says in ((["spec.yaml"], "what to verify"), ([], "by which specification"),
                            (["--", "true"], "by which specification"),
                            (["spec.yaml", "-i", "x", "--", "true"], "goes with neither"),
                            (["spec.yaml", "-i", "x", "-f", "jsn"], "did you mean 'json'"),
                            (["spec.yaml", "--runs", "2", "--", "true"], "goes with --learn"),
                            (["spec.yaml", "--runs", "0", "--", "true"], "not from 1"),
                            (["spec.yaml", "--learn", "--update", "-i", "x"], "one of them"),
                            (["spec.yaml", "--max-lost", "x", "--", "true"], "whole number")):
        done = run(IPCTRACE, "verify", *arguments, check=False)
        ensure_equal(done.returncode, USAGE, f"exit status of verify {arguments}")
        ensure_in(says, done.stderr, f"verify {arguments}")
    verify("spec.yaml", "-i", "missing.data", status=IO)
    verify("spec.yaml", "--", "no-such-program", status=127)
    said = run(IPCTRACE, "verify", "--help").stdout
    for word in ("require:", "forbid:", "closed:", "at_exit:", "SPEC.md"):
        ensure_in(word, said, "--help")


# ---- what does not decide it --------------------------------------------------------------------

@case
def capture_with_gaps():
    """Absence is not proven by what was cut off, or not traced; what was seen still counts."""
    make_pipeline()
    run(IPCTRACE, "record", "-q", "-o", "whole.data", "--", *PIPELINE)
    run(IPCTRACE, "record", "-q", "-e", "signal", "-o", "signals.data", "--", *PIPELINE)
    whole = pathlib.Path("whole.data").read_bytes()
    pathlib.Path("cut.data").write_bytes(whole[:-10])
    absent = write(ROLES + "forbid: [wc -> sort via pipe]", "absent.yaml")
    seen = write(ROLES + "forbid: [zcat -> sort via pipe]", "seen.yaml")
    there = write(ROLES + "require: [zcat -> sort via pipe]\nexit: any", "there.yaml")
    for capture, results in (("whole.data", (OK, VIOLATION, OK)),
                             ("cut.data", (INCONCLUSIVE, VIOLATION, OK)),
                             ("signals.data", (INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE))):
        for spec, status in zip((absent, seen, there), results):
            verify(spec, "-i", capture, status=status)


# ---- formats ------------------------------------------------------------------------------------

MIXED = ROLES + """require:
  - zcat -> sort via pipe
  - "zcat -> sort via pipe where wait < 1s"
  - {rule: zcat -> sort via tcp, why: "<why> & \\"quotes\\" # and a hash"}
forbid: ["sort -> wc via pipe \\"*\\""]
exit: 7
"""


@case
def formats():
    make_pipeline()
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", *PIPELINE)
    spec = write(MIXED, "a <b> & 'c'.yaml")
    verify(spec, "-i", "capture.data", "--tap", "-o", "verdicts.tap", "--junit", "verdicts.xml",
           status=VIOLATION)
    done = run("prove", "--exec", "cat", "-v", "verdicts.tap", check=False)
    ensure_in("Failed 3/5 subtests", done.stdout, "prove")
    ensure_in("(less 1 skipped subtest: 1 okay)", done.stdout, "prove")
    ensure("Parse errors" not in done.stdout + done.stderr, f"prove: {done.stdout}{done.stderr}")
    run(need("xmllint"), "--noout", "verdicts.xml")
    suite = xml.parse("verdicts.xml").getroot().find("testsuite")
    ensure_equal([suite.get(n) for n in ("tests", "failures", "errors", "skipped")],
                 ["5", "3", "0", "1"], "JUnit's sums")
    ensure_equal([[c.tag for c in case_] for case_ in suite.findall("testcase")],
                 [[], ["skipped"], ["failure"], ["failure"], ["failure"]], "JUnit's cases")
    ensure_equal(suite.get("name"), spec, "JUnit's suite")
    ensure_in('why: <why> & "quotes" # and a hash', suite.findall("testcase")[2][0].text, "JUnit")
    rules = judged(spec, "-i", "capture.data", status=VIOLATION)
    ensure_equal([r["verdict"] for r in rules.values()], ["pass", "skipped", "fail", "fail", "fail"],
                 "JSON's verdicts")


@case
def text_has_no_colour_in_a_file():
    said = verify(write(""), "--", "true", status=OK, env=dict(os.environ, TERM="xterm")).stdout
    ensure("\x1b" not in said, f"an escape in {said!r}")


@case
def kept_capture():
    spec = write("forbid: [\"* -> * via tcp\"]")
    first = verify(spec, "--keep", "capture.data", "--", "sh", "-c", "echo x | cat", status=OK)
    second = verify(spec, "-i", "capture.data", status=OK)
    ensure_equal(second.stdout, first.stdout.removeprefix("x\n"), "verdicts from the capture")
    verify(spec, "--", "true", status=OK)
    left = {p.name for p in pathlib.Path().iterdir()} - {"output"}  # the last one: this test's
    ensure_equal(left, {"capture.data", "spec.yaml"}, "files")


# ---- learning -----------------------------------------------------------------------------------

def learns(*command, runs=1, again=2):
    """What is learnt from some runs holds for others."""
    learn = ["--runs", str(runs)] if runs > 1 else []
    verify("learnt.yaml", "--learn", *learn, "--", *command, status=OK)
    text = pathlib.Path("learnt.yaml").read_text()
    for _ in range(again):
        verify("learnt.yaml", "--", *command, status=OK)
    return text


@case
def learn_pipeline():
    make_pipeline()
    text = learns(*PIPELINE)
    ensure_in('"gzip -> sort via pipe where bytes in ', text, "the specification")
    ensure_in("# seen: ", text, "the specification")
    # and does not hold for anything else
    verify("learnt.yaml", "--", "sh", "-c", "zcat big.gz | sort -u | cat | wc -l > counted",
           status=VIOLATION)
    verify("learnt.yaml", "--", "sh", "-c", "zcat big.gz | head -1000 > x; sort x | wc -l",
           status=VIOLATION)
    verify("learnt.yaml", "--learn", "--", *PIPELINE, status=USAGE)
    ensure_equal(pathlib.Path("learnt.yaml").read_text(), text, "what was there")


PYTHON = """
import multiprocessing, os, socket, tempfile
context = multiprocessing.get_context("fork")
ours, theirs = context.Pipe()
queue = context.Queue()

def work():
    for i in range(20):
        theirs.send_bytes(theirs.recv_bytes()[:10])
    queue.put("done")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"x" * 1000)

with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
    path = directory + "/socket"
    listener.bind(path)
    listener.listen()
    child = context.Process(target=work)
    child.start()
    for i in range(20):
        ours.send_bytes(b"y" * 100)
        ours.recv_bytes()
    queue.get()
    connection, _ = listener.accept()
    while connection.recv(4096):
        pass
    child.join()
"""


@case
def learn_names_that_change():
    """Pids, the folder's name and the ports of clients are others in each run."""
    pathlib.Path("talk.py").write_text(PYTHON)
    text = learns("/usr/bin/python3", "talk.py", runs=2)
    ensure_in('args: "*talk.py*"', text, "roles")
    ensure_in("talk.py-child", text, "roles")
    ensure(not re.search(r"via \S+ \S*tmp[a-z0-9_]{8}", text), f"a name by chance in {text}")


@case
def learn_the_whole_system():
    """Of all that runs only the command and who talks to it is described."""
    with postgres_server() as (_, client):
        run(*client("pgbench", "-n", "postgres", "-i", "-q"))
        command = client("pgbench", "-n", "postgres", "-c", "2", "-t", "50")
        verify("learnt.yaml", "--learn", "-a", "--", *command, status=OK)
        verify("learnt.yaml", "-a", "--", *command, status=OK)
    text = pathlib.Path("learnt.yaml").read_text()
    roles = re.search(r"\n  roles: \[(.*)\]", text)[1].split(", ")
    ensure_equal(sorted(roles), ["pgbench", "postgres", "postgres-child"], "roles")
    ensure_in('"pgbench -> postgres-child via unix-stream ', text, "the specification")


@case
def learn_ipcload():
    for scenario in ("unix-stream-prefork", "posix-mq", "posix-shm"):
        pathlib.Path("learnt.yaml").unlink(missing_ok=True)
        learns(IPCLOAD, scenario, again=1)


@case
def update():
    make_pipeline()
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", *PIPELINE)
    old = ("# kept\n" + ROLES + "require:\n  - zcat -> sort via pipe where bytes > 1GiB # kept\n"
           "  - zcat -> wc via pipe\nclosed: {mechanisms: [pipe]}\n")
    spec = write(old)
    said = verify(spec, "--update", "-i", "capture.data", status=OK,
                  env={k: v for k, v in os.environ.items() if k != "CI"})
    ensure_equal(pathlib.Path(spec).read_text(), "ipctrace: 1\n" + old, "the old specification")
    ensure_in("\n-  - zcat -> wc via pipe\n", said.stdout, "the difference")
    ensure_in('\n+  - "sort -> wc via pipe"\n', said.stdout, "the difference")
    new = pathlib.Path("spec.yaml.new")
    ensure_in(" # kept\n", new.read_text(), "the new specification")
    verify(new, "-i", "capture.data", status=OK)
    new.unlink()
    verify(spec, "--update", "-i", "capture.data", status=USAGE, env=dict(os.environ, CI="true"))
    ensure(not new.exists(), "SPEC.new was written where CI is set")


if __name__ == "__main__":
    raise SystemExit(main())
