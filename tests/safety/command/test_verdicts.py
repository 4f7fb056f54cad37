"""What runs without asking, what runs within limits, and what a person decides, by class of trick."""

import time

import pytest

from perdure.contracts.calls import Verdict
from perdure.safety.command.analysis import analyse

READING = [
    "ls -la | grep py | head -3",
    "git log --oneline -5 && git status",
    "cat a.txt 2>/dev/null || echo none",
    "cd src && cat main.py && cat ../README.md",
    "(cd src; ls) | wc -l",
    "if [ -f a.txt ]; then cat a.txt; else echo none; fi",
    'for f in a.txt src/b.py; do head -1 "$f"; done',
    "for f in src/*.py; do wc -l $f; done",
    "cat <<'E' | grep x\n$(rm x) `rm x`\nE",
    "cat <<E\nplain\nE\nls",
    "sort -t, -k2 < data.csv",
    "grep x <<< 'a b'",
    "timeout 5 env LC_ALL=C nice -n 5 sort a.txt",
    "bash -c 'ls | head -1'",
    "LC_ALL=C TZ=Europe/Berlin date",
    "find . -name '*.py' -not -path './.git/*' | xargs grep -n 'def '",
    "echo 'Grüße, 你好' \"¿qué?\"",
    '[[ -n x && a != b ]] && echo "code: $?"',
    "! grep -q x a.txt",
    "ls \\\n  -la \\\n  src",
    "git diff 'HEAD@{1}' HEAD^{tree} stash@{0}",
    "cat -- -n 'a b' a\\ b \"c'd\"",
    "set -euo pipefail\nls # rm -rf /\n",
    "bash -c '[[ -f a.txt && -d src ]] && ls &>/dev/null'",
    "env -u NO_COLOR -u LC_ALL ls",
    "cat src/tokens/lexer.py src/auth/password_reset/views.ts",
    '[ -z "$VIRTUAL_ENV" ] && echo $NODE_ENV',
    "df -h / && cat /etc/os-release",
    'for d in packages/*; do [ -f "$d/package.json" ] && jq -r .name "$d/package.json"; done',
    "rg TODO -g '*.{js,ts}' src",
]
WITHIN_LIMITS = [
    "tail -f a.txt",
    "cat",
    "sleep 3",
    "yes | head -1",
    "sort | uniq",
    "seq 1 100000000",
    "timeout 3 cat -",
    "awk 'BEGIN{for(i=0;i<9;i++){i=0}}'",
    "awk '{for(i=1;i<=NF;i++) $(NF+1)=1}' a.txt",
    "awk '{for(i=1;i<=NF;i++) $0=$0\" x\"}' a.txt",
    "awk '{for(i=1;i<=NF;i++) gsub(/a/,\"a a\")}' a.txt",
    "awk '{for(i=1;i<=3;i++) sub(/1/,\"0\",i)}' a.txt",
    "awk -v n=abc '{for(i=1;i<=n;i++) x++}' a.txt",
    "awk '{n=\"abc\"; for(i=1;i<=n;i++) x++}' a.txt",
    "awk '{n=length($0); for(i=1;i<=n;i++) {s=s\"x\"; n=length(s)}}' a.txt",
    "awk '{for(i=1;i<9;i++) for(i=1;i<3;i++) x++}' a.txt",
    "awk '{for(i=1;i<90000;i++) for(j=1;j<90000;j++) x++}' a.txt",
    "awk 'BEGIN{for(i=0;i<99999999999;i++) x++}'",
    "awk '{printf \"%100000000s\", $1}' a.txt",
    "sed 'G;D' a.txt",
    "sed 's/$/\\nx/;D' a.txt",
    "seq 1 0.000000001 1000",
    "jq -n '\"x\" * 1000000000'",
    "git shortlog -sn",
]
LOOPS_THAT_END = [
    "awk '{for(i=1;i<=NF;i++) s+=$i} END{print s}' a.txt",
    'awk \'{for(i=NF;i>0;i--) printf "%s ", $i; print ""}\' a.txt',
    'awk \'{for(i=1;i<=NF;i++) gsub(/"/,"",$i); print}\' a.txt',
    "awk '{n=split($0,p,\",\"); for(i=1;i<=n;i++) print p[i]}' a.txt",
    "awk '{a[$1]++} END{for(k in a) print k, a[k]}' a.txt",
    "awk '{printf \"%10s %-5.2f\\n\", $1, $2}' a.txt",
]
FED = [
    "git ls-files | xargs wc -l",
    "git ls-files | xargs grep -n fetchUser",
    "git ls-files '*.py' | sort | head -3 | xargs cat",
    "git ls-files -- 'src/*.ts' | xargs -I{} head -3 {}",
    "git diff --name-only main | xargs -r ls -l",
    "find . -name '*.py' | head -5 | xargs -n1 head -3",
    "grep -rl fetchUser src | xargs grep -n import",
    "rg -l fetchUser src | xargs wc -l",
    "ls *.txt | xargs -n1 basename",
    "ls | xargs -I{} echo 'a file: {}'",
    "env | grep -i 'python\\|node' | head",
    "git log --oneline | grep -i token",
]
ASKED = {
    "substitution": ["echo $(id)", "echo `id`", 'echo "$(id)"', "cat <(id)", "ls $(echo -la)", "cat <<E\n$(id)\nE", 'ls "`id`"'],
    "expansion": ["ls $X", 'cat "$X"', "echo ${X:-a}", "echo ${X@P}", "cat $'\\x2eenv'", "ls {a,b}", "echo {1..3}", "cat ~/a", "cat a~ ~x/b"],
    "arithmetic": ["echo $((a[0]))", "echo $((x=1))", "let x=1", "((x=1))", "[[ x -eq 1 ]]", "echo $[1+1]", "exit x"],
    "variables": ["PATH=. ls", "LD_PRELOAD=./x.so ls", "GIT_SSH=x git status", "X=1", "X=1 ls", "LC_ALL=$X ls", "TZ=/etc/x date", "PAGER=less git log",
                  "LC_ALL+=x ls", "export X=1", "declare X=1", "readonly X", "unset X", "IFS=x ls"],
    "sequence": ["ls; touch x", "ls && touch x", "ls || touch x", "ls | touch x", "ls\ntouch x", "ls |& touch x", "true; { touch x; }", "(touch x)",
                 "if touch x; then ls; fi", "if ls; then touch x; fi", "if ls; then ls; else touch x; fi", "for i in a; do touch x; done"],
    "background": ["ls &", "ls & ls", "coproc ls", "(ls &)", "sleep 1 & wait"],
    "definitions": ["f() { ls; }; f", "function f { ls; }", "alias ls=rm", "ls() { rm x; }; ls", "trap ls EXIT", "eval ls", "source a.sh", ". ./a.sh", "exec ls"],
    "loops": ["while true; do ls; done", "until ls; do ls; done", "case a in a) ls;; esac", "select x in a; do ls; done", "for ((;;)); do ls; done",
              "for PATH in .; do ls; done", "for f in $(ls); do cat $f; done", "for f in .env; do cat $f; done", "for p in touch; do $p x; done"],
    "redirection": ["ls > x", "ls >> x", "ls >| x", "ls &> x", "ls &>> x", "ls 2> x", "ls >& x", "ls <> x", "> x", "ls > ../x", "ls {fd}> /dev/null",
                    "cat < .env", "cat < ../x", "cat < /etc/passwd", "ls > /dev/nullx", "ls 3< a.txt", "cat a.txt > /dev/tty"],
    "wrappers": ["env touch x", "env -S 'touch x'", "env", "env X=1 ls", "xargs touch < a.txt", "ls | xargs cat", "timeout 5 touch x", "nice touch x",
                 "command touch x", "builtin eval ls", "time touch x", "/usr/bin/time ls", "nohup ls", "setsid ls", "stdbuf -oL touch x", "timeout $X ls",
                 "find . -exec touch x ';'", "watch ls", "parallel ls", "sudo ls", "busybox ls", "ssh host ls", "timeout -s $X ls", "xargs -I{} ls {}"],
    "what others are fed": [
        "git ls-files | xargs cat", "git ls-files | xargs grep -n key", "git ls-files | xargs grep -v x", "git ls-files | xargs rm", "git ls-files '*.py' | xargs sort",
        "git ls-files '*.py' | xargs sed -i p", "git ls-files '*' | xargs cat", "git ls-files .env | xargs cat", "git ls-files -z '*.py' | xargs -0 cat",
        "git ls-files '*.py' | grep -o env | xargs cat", "git ls-files '*.py' | sed s/a/b/ | xargs cat", "git ls-files '*.py' | xargs -I{} cat x{}",
        "git ls-files '*.py' | xargs -I{} sh -c 'cat {}'", "git ls-files '*.py' | xargs -I% sh %", "echo .env | xargs wc -l", "cat a.txt | xargs wc -l", "ls | xargs cat",
        "find . -name '*.py' | head -c 5 | xargs cat", "find . -name '*.py' | head -5 .env | xargs cat", "find . -name '*.py' | sort -o x | xargs cat", "git grep -l x | xargs cat",
        "find . -name '*.py' -print0 | head -1 | xargs -0 cat", "git ls-files '*.py' | xargs -a .env cat", "grep -e -l a.txt | xargs wc -l", "grep -elx a.txt | xargs ls", "grep x -- -l | xargs ls", "git grep -el | xargs ls", "git diff --name-only -p | xargs ls", "rg x --files-with-matches | xargs wc", "git log -p | grep -i password", "git log --all -p | rg AKIA",
        "git show HEAD | grep token", "git stash show -p | awk '/secret/'", "env | grep -i key", "env | grep -v PATH", "env | grep .", "env | sort", "printenv | grep -i 'path\\|token'",
    ],
    "words that look like options": ["tree -Ia -I -o out", "xxd -bc 5 a.txt", "xxd a.txt -p", "awk 1 a.txt -v .env", "strings -t @arguments a", "find . -exec ls ./found + -name x -exec echo {} +"],
    "other shells": ["sh -c '[[ a || ./x.sh ]]'", "dash -c '[[ -z a || ./x.sh ]]'", "sh -c 'cd sub &>/dev/null && cat ../x'", "/bin/sh -c 'ls |& cat'", "sh -c 'cat <<< x'"],
    "variables taken away": ["env -u GIT_CONFIG_COUNT git status", "env -u PATH ls", "env -u HOME git log", "env -u GIT_CONFIG_GLOBAL git log", "env -u NO_COLOR -u PATH ls"],
    "shells": ["bash a.sh", "bash -c 'touch x'", "sh < a.sh", "echo ls | sh", "bash -ic ls", "bash -lc ls", "bash --rcfile x -c ls", "bash -c ls x", "bash <<< ls",
               "zsh -c ls", "bash -c \"$X\"", "bash -c 'bash -c \"bash -c \\\"bash -c touch\\\"\"'"],
    "interpreters": ["python3 -c 1", "python3 a.py", "python3 -m x", "node -e 1", "perl -e 1", "ruby a.rb", "awk -f a.awk", "lua a.lua", "./a.sh", "pytest", "make",
                     "npm test", "cargo build", "tox", "cargo --version", "pytest --version", "yarn -v"],
    "abbreviations": ["sort --outp=x a", "git log --outp=x", "sed --in-pl s/a/b/ a", "grep --fil=x a", "sort --compress=x a"],
    "joined options": ["sort -uo x a", "sed -ni p a", "sed -nEi p a", "git grep -nO x", "rg -nz x", "tree -ao x", "file -bC"],
    "late options": ["sort a -o x", "grep x a -f .env", "git diff a.txt --output=x", "sed p a -i", "uniq a b", "ls a --output x"],
    "patterns": ["cat .e*", "cat .en?", "cat ./*", "cat id_*", "sort *", "uniq a*", "cat ../*", "ls /*", "cat [.]env", "cat ?env", "cat secrets/prod.js", "cat */.env", "cat src/*/id_rsa", "cat secrets/*/a.txt", "cat .*/config", "cat .git/*/x", "rg x -g '.{env,x}'", "rg x -g '*.{pem,ts}'", "rg x -g '{.env,{a,b}}'", "grep x src/.*", "$X*", "l? a", "cat *.pem"],
    "secrets": ["cat .env", "cat ./.env", "cat src/../.env", "cat .//.env", "cat .e'n'v", "cat .e\\nv", "head -c9 .ENV", "cat id_rsa", "cat a.pem", "cat .git/config",
                "cd .git && cat config", "cd .ssh", "git show HEAD:.env", "git log -p -- .env", "git show HEAD:a/../.env", "git diff -- '*.pem'", "cat credentials.json",
                "grep -r password .", "grep -rn . .", "cd src && grep -r KEY ..", "diff -rN . empty", "rg -g '.env' x", "git log -S AKIA", "printenv", "set", "ps e"],
    "outside": ["cat /etc/passwd", "ls ..", "cat ../x", "cat a/../../x", "cd .. && ls", "cd / && ls", "cd && ls", "cd - && ls", "cd ~", "cd src; cat ../x/../../y",
                "cat /proc/self/environ", "ls /", "find / -name x", "git -C .. log", "stat /etc/shadow", "[ -f /etc/shadow ]", "test -e ../x"],
    "tests": ["[ -v x ]", "test -v 'a[$(id)]'", "[[ -v a ]]", "[[ 'a[$(id)]' -eq 0 ]]", "[[ -R x ]]", "test x -eq 'a[0]'", "[ -f a", "[[ a < b ]]", "[ a -a -v x ]"],
    "printing": ["printf -v x y", "printf '%n' x", "printf $X", "echo $SECRET", "echo \"a$TOKEN\"", "printf '%*d' 5 5"],
    "git": ["git -c a.b=c log", "git --exec-path=x log", "git push", "git commit -m x", "git branch x", "git tag x", "git stash", "git checkout .", "git config a.b c",
            "git log --format=%G?", "git diff --ext-diff", "git blame --contents x a", "git cat-file --textconv HEAD:a", "git fetch", "git x", "git", "git remote show o",
            "git symbolic-ref HEAD refs/heads/x", "git show --show-signature", "git status --x", "git -p log", "git grep -f x", "git for-each-ref --stdin"],
    "syntax": ["echo 'a", 'echo "a', "ls |", "ls &&", "| ls", "( ls", "ls )", "{ ls", "if ls; then", "cat <<E", "cat <<E\na", "ls ;;", "a\\", "", "   ", "# only", "ls; ; ls", "[[ a"],
    "lines": ["ls\\\ntouch", "ec\\\nho a", "ls\r\ntouch x", "ls\rtouch x", "'l's a\\", "ls # a\ntouch x", "ls\u00a0-la", "ls\u3000a"],
    "other letters": ["ls а", "lѕ", "cat ．env", "echo é"],
}  # fmt: skip


@pytest.mark.parametrize("line", READING + LOOPS_THAT_END + FED)
def test_reading_is_allowed(line: str) -> None:
    assert analyse(line) == analyse(line)
    assert analyse(line).verdict is Verdict.ALLOW, analyse(line).reason


@pytest.mark.parametrize("line", WITHIN_LIMITS)
def test_what_may_not_end_runs_within_limits(line: str) -> None:
    assert analyse(line).verdict is Verdict.BOUNDED, analyse(line).reason


@pytest.mark.parametrize("trick", ASKED)
def test_a_person_is_asked(trick: str) -> None:
    verdicts = {line: analyse(line).verdict for line in ASKED[trick]}
    assert {line: verdict for line, verdict in verdicts.items() if verdict is not Verdict.ASK} == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ls; touch x", "The program 'touch' is not among those that run without asking."),
        ("sort -uo x a", "The option '-o' in '-uo' is not among those of 'sort' that run without asking."),
        ("cat src/../.env", "The name '.env' is one of files that hold secrets or settings."),
        ("cat ../x", "The path '../x' leads out of the workspace."),
        ("ls > x", "The redirection >'x' writes a file or is not certain."),
        ("LD_PRELOAD=./x.so ls", "The variable 'LD_PRELOAD' may change what the command does."),
        ("bash -c 'ls; touch x'", "In the script of a shell: The program 'touch' is not among those that run without asking."),
        ("tail -f a.txt", "The option '-f' of 'tail' may keep it from ending."),
        ("echo $(id)", "The line holds a command substitution."),
        ("git log --output=x", "The option '--output' in '--output=x' is not among those of 'git log' that run without asking."),
    ],
)  # fmt: skip
def test_a_reason_names_what_decided(line: str, reason: str) -> None:
    assert analyse(line).reason == reason


def test_absolute_paths_are_inside_where_the_workspace_is_known() -> None:
    inside = ["cat /w/a.txt", "cd /w/src && cat main.py", "ls /w/", "find /w -name x"]
    outside = [
        "cat /wx/a.txt",
        "cat /w/../etc/passwd",
        "cat /w/.env",
        "cd /w/src && cat ../../x",
        "cat /etc/passwd",
    ]
    assert {analyse(line, workspace="/w").verdict for line in inside} == {Verdict.ALLOW}
    assert {analyse(line, workspace="/w").verdict for line in outside} == {Verdict.ASK}
    assert analyse("cat /etc/hosts", workspace="/").verdict is Verdict.ASK


def test_after_a_change_of_the_folder_both_folders_count_unless_it_surely_happened() -> None:
    assert analyse("cd src && cat ../a.txt").verdict is Verdict.ALLOW
    assert analyse("cd src; cat ../a.txt").verdict is Verdict.ASK
    assert analyse("false && cd src; cat ../a.txt").verdict is Verdict.ASK
    assert analyse("(cd src && ls); cat ../a.txt").verdict is Verdict.ASK
    assert analyse("cd src | cat ../a.txt").verdict is Verdict.ASK


def test_large_lines_are_denied_at_once() -> None:
    lines = [
        "ls " + "a" * 30_000,
        "ls;" * 3_000,
        "(" * 2_000,
        "a|" * 2_000,
        "echo " + "a " * 5_000,
        "echo " + "$(" * 700 + ")" * 700,
        "echo " + "$((" * 400 + "1" + "))" * 400,
        '"' * 19_999,
    ]
    for line in lines:
        assert analyse(line).verdict is Verdict.DENY
    assert analyse("(" * 20 + "ls" + ")" * 20).verdict is Verdict.ASK
    assert analyse("ls;" * 60).verdict is Verdict.ASK


@pytest.mark.parametrize(
    "line",
    [
        "echo " + "$(" * 700 + ")" * 700,
        "echo " + "$(" * 59 + "id" + ")" * 59,
        "find . | " + "sort | " * 190 + "cat",
        'python -c "' + "dd " * 6_000 + '"',
        "cat " + " ".join(["*a*b*c*d*e*f"] * 1_500),
        "ls " + "*" * 19_990,
        "rm -rf " + "/" * 19_900,
        "grep -A 100000 x a.txt",
    ],
    ids=lambda line: line[:16],
)
def test_no_line_takes_long(line: str) -> None:
    analyse("ls")
    began = time.process_time()
    analyse(line)
    # A tenth of it on a machine with nothing else to do.
    assert time.process_time() - began < 0.3


def test_wrappers_around_wrappers_ask_at_some_depth() -> None:
    assert analyse("env " * 1_500 + "ls").verdict is Verdict.ASK
    assert analyse("env " * 5 + "ls").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    "name", [".dev.vars", ".m2/settings.xml", "gradle.properties", "ansible-vault.yml", "kubeconfig.yaml"]
)
def test_files_that_hold_credentials_of_tools_ask(name: str) -> None:
    assert analyse(f"cat {name}").verdict is Verdict.ASK


def test_a_name_longer_than_any_files_asks() -> None:
    assert analyse("cat " + "token-" * 3_000 + ".json.x").verdict is Verdict.ASK
