"""Credentials among the arguments of commands and of calls that log somebody in."""

import re

from perdure.safety.secrets.surroundings import Surrounding, anything, dense, quoted, with_digit

_USER_AND_PASSWORD = r"\s{0,4}[\"'][^\"'\n]{1,100}[\"']\s{0,2},\s{0,4}[\"']([^\"'\n]{6,200})[\"']\s{0,4}\)"

COMMANDS: tuple[Surrounding, ...] = (
    Surrounding(
        "command-password",
        ("mysql", "mariadb"),
        re.compile(r"(?:mysql|mariadb)\w*\s(?:[^\n|;&]{0,200}\s)?-p[\"']?([^\s\"'-][^\s\"']{3,200})"),
        anything,
    ),
    Surrounding(
        "command-password", ("sshpass",), re.compile(r"sshpass\s+-p\s*[\"']?([^\s\"']{3,200})"), anything
    ),
    Surrounding(
        "command-password",
        ("redis-cli",),
        re.compile(r"redis-cli\s(?:[^\n|;&]{0,200}\s)?-a\s+[\"']?([^\s\"']{4,200})"),
        anything,
    ),
    Surrounding(
        "command-password",
        ("login",),
        re.compile(r"login\s(?:[^\n|;&]{0,200}\s)?-p\s+[\"']?([^\s\"']{4,200})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("curl", "wget", "http"),
        re.compile(
            r"(?:curl|http)\s(?:[^\n|;&]{0,300}\s)?(?:-u|--user|-a|--auth)[ =]?[\"']?[^\s:\"']{1,100}:([^\s\"'@]{3,200})"
        ),
        anything,
    ),
    Surrounding(
        "command-password",
        ("sqlcmd", "mongo", "ldap"),
        re.compile(
            r"(?:sqlcmd|mongo|ldap)\w*\s(?:[^\n|;&]{0,200}\s)?(?:-p|-w)\s*[\"']?([^\s\"'-][^\s\"']{5,200})"
        ),
        dense,
    ),
    Surrounding(
        "command-password",
        ("password-stdin", "sudo -s"),
        re.compile(
            r"echo\s+(?:-n\s+)?[\"']?([^\s\"'|]{6,500})[\"']?\s*\|[^\n|]{0,200}(?:--password-stdin|sudo\s+-s)"
        ),
        anything,
    ),
    Surrounding("command-password", ("wandb login",), re.compile(r"wandb login\s+(\w{20,100})"), dense),
    Surrounding(
        "command-password",
        ("htpasswd",),
        re.compile(r"htpasswd\s+-\w*b\w*\s+(?:\S+\s+){1,2}([^\s\"']{4,200})\s*$", re.MULTILINE),
        anything,
    ),
    Surrounding(
        "command-password",
        ("pass:",),
        re.compile(r"-pass(?:in|out)?\s+pass:([^\s\"']{3,200})"),
        anything,
    ),
    Surrounding(
        "command-password",
        ("--",),
        re.compile(
            r"--[\w-]{0,20}(?:password|passwd|passphrase|token|secret|api-?key|access-key)[= ][\"']?([^\s\"']{6,500})"
        ),
        dense,
    ),
    Surrounding(
        "command-password",
        ("requirepass", "storepass", "keypass", "-masterauth"),
        re.compile(
            r"-(?:requirepass|storepass|keypass|masterauth)[\"']?[\s,=]{1,8}[\"']?([^\s\"',\]]{4,200})"
        ),
        dense,
    ),
    Surrounding(
        "command-password",
        ("ssh-keygen",),
        re.compile(r"ssh-keygen\s(?:[^\n|;&]{0,200}\s)?-[np][ =]?[\"']?([^\s\"'-][^\s\"']{3,200})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("openssl",),
        re.compile(r"openssl\s+enc\s(?:[^\n|;&]{0,200}\s)?-k\s+[\"']?([^\s\"'-][^\s\"']{3,200})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("zip", "7z"),
        re.compile(r"(?:zip|7za?)\s(?:[^\n|;&]{0,200}\s)?-p[ ]?[\"']?([^\s\"'-][^\s\"']{5,200})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("net use",),
        re.compile(r"net use\s+\S+\s+\S+\s+([^\s/\"'*][^\s\"']{3,200})\s+/user:"),
        anything,
    ),
    Surrounding(
        "command-password",
        ("/user:",),
        re.compile(r"/user:\S{1,100}\s+([^\s/\"'*][^\s\"']{5,200})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("smbclient", "rpcclient"),
        re.compile(
            r"(?:smb|rpc)client\s(?:[^\n|;&]{0,200}\s)?-u[ =]?[\"']?[^\s\"'%]{1,100}%([^\s\"']{3,200})"
        ),
        anything,
    ),
    Surrounding(
        "command-password",
        ("lftp",),
        re.compile(r"lftp\s(?:[^\n|;&]{0,200}\s)?-u[ =]?[\"']?[^\s\"',]{1,100},([^\s\"']{3,200})"),
        anything,
    ),
    Surrounding(
        "command-password",
        ("setx ", "set -"),
        re.compile(
            r"(?:setx|set -[a-z]{0,4}x[a-z]{0,4})\s+\w*(?:passw|secret|token|_key)\w*[ \t]+[\"']?([^\s\"']{6,300})"
        ),
        dense,
    ),
    Surrounding(
        "command-password",
        ("secret set",),
        re.compile(r"secret set\s+\S+\s(?:[^\n|;&]{0,200}\s)?(?:--body|-b)[ =][\"']?([^\s\"']{6,2000})"),
        dense,
    ),
    Surrounding(
        "command-password",
        ("securestring",),
        re.compile(r"convertto-securestring\s+(?:-string\s+)?[\"']([^\"'\n]{4,200})[\"']"),
        anything,
    ),
    Surrounding(
        "login-password", ("auth",), re.compile(rf"auth\s{{0,2}}=\s{{0,2}}\({_USER_AND_PASSWORD}"), quoted
    ),
    Surrounding("login-password", ("basicauth(",), re.compile(rf"basicauth\({_USER_AND_PASSWORD}"), quoted),
    Surrounding("login-password", (".login(",), re.compile(rf"\.login\({_USER_AND_PASSWORD}"), quoted),
    Surrounding(
        "told-password",
        ("password", "passphrase"),
        re.compile(
            r"pass(?:word|phrase)s?\s(?:(?:for|of)\s[\w.@-]{1,60}\s)?(?:is|was set to)\s{0,2}:?\s{1,4}[\"']?([^\s\"',;]{8,200})"
        ),
        with_digit,
    ),
)
