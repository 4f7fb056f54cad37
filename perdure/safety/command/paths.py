"""Whether a path of a command stays in the workspace and names no secret, as far as its text tells.

Links cannot be seen in a text. What follows them outside meets the sandbox, in which nothing but the workspace can be seen.
"""

import re
from fnmatch import fnmatchcase
from posixpath import normpath

from perdure.safety.command.arguments import Argument, Finding, Scene, ask, shown
from perdure.safety.command.words import words_in

NOTHING = "/dev/null"
PUBLIC = frozenset([NOTHING, "/etc/os-release", "/proc/cpuinfo", "/proc/meminfo"])
"""Files outside of the workspace that tell nothing of anybody."""
LONGEST_NAME = 255
_SOURCE = re.compile(
    r"(?i).+\.(?:py|pyi|[cm]?[jt]sx?|vue|svelte|go|rs|java|kt|c|h|cc|cpp|hpp|cs|rb|php|swift|css|scss|html|md|rst)"
)
_SUBJECTS = re.compile(r"(?i)(?:.*[._-])?(?:tokens?|passwords?)(?:[_-][\w-]+)?|shadow|environ|passwd")
"""What a folder of source code may be about, too."""
_DATA = r"(?:\.(?:json|ya?ml|toml|ini|cfg|conf|txt|xml|csv|db|sqlite|properties))?"
_SECRET = re.compile(
    rf"""(?x) ^(?:
      \.env(?!\.(?:example|sample|template|dist|defaults)$)(?:[._-].*)?  | .*\.env  | \.envrc
    | \.git | \.git-credentials | [._]netrc | \.npmrc | \.yarnrc(?:\.yml)? | \.pypirc | \.pgpass | \.my\.cnf | \.htpasswd
    | \.ssh | \.aws | \.azure | \.gnupg | \.kube | \.docker | \.dockercfg | \.dockerconfigjson | \.boto | \.s3cfg
    | \.vault-token | kubeconfig | \.config | passwd | shadow | environ | \.\w+_history
    | id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:[._-].*)? | .*\.(?:pem|key|p12|pfx|p8|ppk|jks|keystore|kdbx?|asc|gpg|ovpn)
    | (?:.*[._-])?(?:credentials?|secrets?|tokens?|passwords?|apikeys?)(?:[_-][\w-]+)?{_DATA}
    | \.terraformrc | \.m2 | \.gradle | gradle\.properties | \.databrickscfg | \.snowsql | \.composer | \.dev\.vars | wp-config\.php
    | (?:.*[._-])?vault\.ya?ml | (?:local\.settings|auth)\.json | kubeconfig(?:[._-].*)? | rclone\.conf
    | .*\.tfstate(?:\.backup)? | .*\.tfvars | service[._-]?account.*\.json
    )$""",
    re.IGNORECASE,
)
_EXAMPLES = words_in(".env .env.local .env.production .envrc prod.env .git .git-credentials .netrc .npmrc .pypirc .pgpass .my.cnf .htpasswd "
    ".ssh .aws .gnupg .kube .docker .config id_rsa id_ed25519 id_ecdsa server.pem private.key cert.p12 cert.pfx store.jks "
    "app.keystore credentials secret secrets token password passwd shadow master.key .bash_history environ prod.tfvars "
    "terraform.tfstate"
)  # fmt: skip
"""Names that a pattern of file names is tried on."""


def outside(argument: Argument, scene: Scene) -> Finding | None:
    """Why a path is not surely inside of the workspace; None where it is."""
    if not argument.is_known:
        return ask(f"The path {shown(argument.raw)} is not known before it runs.")
    if argument.has_tilde:
        return ask(f"The path {shown(argument.raw)} is in a home folder.")
    text = argument.text
    if argument.is_pattern and any(
        part.startswith(".") and part not in {".", ".."} for part in text.split("/") if _is_pattern(part)
    ):
        return ask(f"The pattern {shown(argument.raw)} may stand for hidden files and for the folder above.")
    if text.startswith("/"):
        root = scene.workspace.rstrip("/")
        inside = bool(root) and f"{normpath(text)}/".startswith(f"{root}/")
        return (
            None if text == NOTHING or inside else ask(f"The path {shown(text)} is outside of the workspace.")
        )
    for folder in scene.folders:
        place = normpath(f"./{folder}/{text}")
        if place == ".." or place.startswith("../"):
            return ask(f"The path {shown(text)} leads out of the workspace.")
    return None


def secret(text: str, *, is_pattern: bool = False) -> Finding | None:
    """Whether a path, or a pattern of paths, names what may hold a secret or Git's own files."""
    *folders, last = text.split("/")
    is_source = bool(_SOURCE.fullmatch(last)) and not is_pattern
    for part in (*folders, last):
        if len(part) > LONGEST_NAME:
            return ask(f"The name {shown(part)} is longer than a file's can be.")
        if _SECRET.match(part) and not (is_source and _SUBJECTS.fullmatch(part)):
            return ask(f"The name {shown(part)} is one of files that hold secrets or settings.")
        if is_pattern and _is_pattern(part):
            name = could_be_secret(part)
            if name:
                return ask(
                    f"The pattern {shown(part)} also stands for names like {name!r}, which hold secrets."
                )
    return None


def could_be_secret(pattern: str) -> str:
    """A name of a file with secrets that the pattern takes; nothing where it takes none of those that are tried."""
    if len(pattern) > 200 or pattern.count("*") > 6:
        return ".env"
    folded = pattern.casefold().replace("[^", "[!")
    return next((name for name in _EXAMPLES if fnmatchcase(name, folded)), "")


def _is_pattern(part: str) -> bool:
    return any(sign in part for sign in "*?[")
