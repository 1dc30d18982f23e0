#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Broken specifications, by the hundred: an error with line and column, or they are taken."""
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
from harness import BUILD, IPCTRACE, case, ensure, main, run  # noqa: E402

SAMPLES = sorted((HERE.parent / "verify").glob("*.yaml"))
SEED = 20261123
USAGE = 2


def check(path, must_fail):
    """Reads one; says if it was taken. Nothing is traced: there is no capture."""
    done = run(IPCTRACE, "verify", path, "-i", "no-such-capture", check=False)
    said = done.stderr.strip()
    ensure(done.returncode >= 0, f"{path}: killed by signal {-done.returncode}")
    ensure("\n" not in said, f"{path}: more than a line: {said!r}")
    if done.returncode == USAGE:
        place = re.match(rf"ipctrace: {re.escape(path)}:(\d+):(\d+): .*\w", said)
        ensure(place, f"{path}: no line and column in {said!r}")
        lines = len(re.findall(rb"\r\n|\r|\n", pathlib.Path(path).read_bytes())) + 2
        ensure(1 <= int(place[1]) <= lines, f"{path}: line {place[1]} of {lines}: {said!r}")
        return False
    # It was taken; then the capture is what is missing.
    ensure(done.returncode == 5 and "no-such-capture" in said,
           f"{path}: exit status {done.returncode}: {said!r}")
    ensure(not must_fail, f"{path} was taken:\n{pathlib.Path(path).read_text(errors='replace')}")
    return True


def check_with_sanitizers():
    """All that was written, through the fuzzer's build, which ends at the first mistake."""
    fuzzer = BUILD / "fuzz/fuzz_spec"
    if fuzzer.exists():
        run(fuzzer, *sorted(pathlib.Path().glob("*.yaml")))


def write(name, data):
    pathlib.Path(name).write_bytes(data)
    return name


# ---- broken on purpose: each breaks a sample so that it must be refused -------------------------

def without_comments(text):
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def replaced(text, pattern, by, rng):
    """One place of the pattern, chosen by chance, replaced; None where there is none."""
    places = list(re.finditer(pattern, text))
    if not places:
        return None
    place = rng.choice(places)
    return text[:place.start()] + place.expand(by) + text[place.end():]


BREAKS = {
    "unknown key": (r"(?m)^(require|forbid|roles|closed|allow):", r"\1x:"),
    "no version": (r"(?m)^ipctrace: 1$", r"# nothing"),
    "another version": (r"(?m)^ipctrace: 1$", r"ipctrace: 99"),
    "no arrow": (r" (->|--) ", r" => "),
    "no blanks": (r"(\w) -> (\w)", r"\1->\2"),
    "unknown role": (r"(-> |-- )[a-z]+( via)", r"\1nobody\2"),
    "no role": (r"(-> |-- )[a-z]+ (via)", r"\1\2"),
    "unknown mechanism": (r"via (pipe|unix|tcp|signal|shared-memory)", r"via \1x"),
    "no mechanism": (r" via [a-z-]+", r""),
    "unknown field": (r"where \w+", r"where wombats"),
    "unknown error": (r"errors\.EAGAIN", r"errors.ENOSUCH"),
    "unknown signal": (r"signal SIG\w+", r"signal SIGNONE"),
    "no value": (r"(>=|=) [0-9]\w*", r"\1"),
    "no number": (r"(>=|=) [0-9]\w*", r"\1 many"),
    "too large": (r"(>=|=) [0-9]\w*", r"\1 99999999999999999999999"),
    "two operators": (r">= ", r">== "),
    "unknown matcher": (r"\{(exe|comm|parent|args):", r"{\1s:"),
    "matches nothing": (r"\{(exe|comm|parent): [^{}]*\}", r"{}"),
    "tab": (r"(?m)^  ", "\t"),
    "open bracket": (r"\](?=[ ,}\n])", r""),
    "open brace": (r"\}", r""),
    "anchor": (r"(?m)^(require|roles|forbid|closed|at_exit):", r"\1: &x"),
    "tag": (r"(?m)^(require|roles|forbid|closed|at_exit):", r"\1: !!binary"),
    "alias": (r"(?m)^(roles|closed|at_exit):.*", r"\1: *x"),
    "not UTF-8": (r"(?m)$", "\udcff"),
    "control": (r"(?m)$", "\x07"),
    "second document": (r"(?m)\Z", "---\nipctrace: 1\n"),
    "key twice": (r"(?m)\Z", "ipctrace: 1\n"),
    "nested": (r"(?m)\Z", "allow: " + "[" * 40 + "]" * 40 + "\n"),
    "builtin role": (r"(?m)^(roles:.*)$", r"roles: {other: {comm: x}}"),
    "shared memory as edge": (r"via pipe", r"via memfd"),
}


@case
def broken_on_purpose():
    rng = random.Random(SEED)
    tried = 0
    for kind, (pattern, by) in BREAKS.items():
        applied = 0
        for sample in SAMPLES:
            for turn in range(3):
                text = replaced(without_comments(sample.read_text()), pattern, by, rng)
                if text is None:
                    continue
                applied += 1
                name = f"{kind.replace(' ', '-')}-{sample.stem}-{turn}.yaml"
                check(write(name, text.encode(errors="surrogateescape")), must_fail=True)
        ensure(applied, f"no sample can be broken by '{kind}'")
        tried += applied
    ensure(tried >= 200, f"only {tried} were tried")
    check_with_sanitizers()


# ---- broken by chance ---------------------------------------------------------------------------

def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
        how = rng.randrange(6)
        if how == 0:
            data[at] = rng.randrange(256)
        elif how == 1:
            del data[at:at + rng.randint(1, 12)]
        elif how == 2:
            data[at:at] = data[at:min(end, at + 200)]
        elif how == 3:
            data[at:at] = bytes(rng.choice(b"{}[]:,-*&!|>'\"%@`#\t\n\0\xff \\") for _ in range(3))
        elif how == 4:
            data = data[:max(at, 1)]
        else:
            lines = bytes(data).split(b"\n")
            rng.shuffle(lines)
            data = bytearray(b"\n".join(lines))
        if not data:
            data = bytearray(b"\n")
    return bytes(data)


@case
def broken_by_chance():
    rng = random.Random(SEED)
    taken = sum(check(write(f"chance-{i}.yaml", mutated(rng.choice(SAMPLES).read_bytes(), rng)),
                      must_fail=False) for i in range(200))
    ensure(taken < 100, f"{taken} of 200 were taken: hardly anything was broken")
    check_with_sanitizers()


# ---- what is no file ----------------------------------------------------------------------------

@case
def no_file():
    pathlib.Path("folder").mkdir()
    for path, says in (("folder", "directory"), ("missing.yaml", "No such file"),
                       ("/dev/null", "empty")):
        done = run(IPCTRACE, "verify", path, "-i", "x", check=False)
        ensure(done.returncode == USAGE and says in done.stderr,
               f"{path}: {done.returncode} {done.stderr!r}")
    write("huge.yaml", b"#" * (2 << 20))
    done = run(IPCTRACE, "verify", "huge.yaml", "-i", "x", check=False)
    ensure(done.returncode == USAGE and "huge.yaml:1:1: " in done.stderr, done.stderr)


if __name__ == "__main__":
    raise SystemExit(main(needs_root=False))
