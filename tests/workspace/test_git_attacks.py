"""Repositories whose metadata runs programs: none of them runs, wherever the metadata lies."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from perdure.workspace.workspaces import Created, Workspaces

Run = Callable[..., str]

ATTACKS = {
    "hooks folder of the repository": "mkdir hk; for h in pre-commit post-checkout post-index-change reference-transaction"
    " pre-push post-rewrite pre-receive update post-receive post-update push-to-checkout proc-receive; do"
    " cp $EVIL hk/$h; cp $EVIL .git/hooks/$h; done; git config core.hooksPath hk",
    "hooks": "for h in pre-commit post-checkout post-index-change reference-transaction pre-push pre-receive update"
    " post-receive post-update; do cp $EVIL .git/hooks/$h; done",
    "fsmonitor": "git config core.fsmonitor $EVIL",
    "included settings": "printf '[core]\\n\\tfsmonitor = %s\\n' $EVIL > team.config; git config include.path ../team.config",
    "filters": "git config filter.e.clean $EVIL; git config filter.e.smudge $EVIL; git config filter.e.required true;"
    " echo '* filter=e' > .gitattributes",
    "filter process": "git config filter.e.process $EVIL; echo '* filter=e' > .gitattributes",
    "textconv and external differences": "git config diff.e.textconv $EVIL; git config diff.e.command $EVIL;"
    " git config diff.external $EVIL; echo '* diff=e' > .gitattributes",
    "signatures": "git config gpg.program $EVIL; git config commit.gpgSign true; git config log.showSignature true",
    "editor, pager, ssh, askpass": "for k in core.editor core.pager core.sshCommand core.askPass core.gitProxy"
    " sequence.editor uploadpack.packObjectsHook core.alternateRefsCommand; do git config $k $EVIL; done",
    "ext remote": "git config remote.origin.url \"ext::$EVIL\"; git config protocol.ext.allow always",
    "helper remote": "git config remote.origin.url 'evil::x'; cp $EVIL git-remote-evil",
    "rewritten remote": "git config url.\"ext::$EVIL \".insteadOf https://example.invalid/; git config"
    " remote.origin.url https://127.0.0.1:1/a; git config protocol.ext.allow always",
    "remote in the repository": "git init -q --bare evil.git; for h in pre-receive post-receive update"
    " reference-transaction; do cp $EVIL evil.git/hooks/$h; done; git config remote.origin.url ./evil.git",
    "promisor remote": "git config extensions.partialClone origin; git config core.repositoryFormatVersion 1; git config"
    " remote.origin.promisor true; git config remote.origin.url \"ext::$EVIL\"; git config protocol.ext.allow always",
    "git file": "git config core.fsmonitor $EVIL; mv .git meta; echo 'gitdir: meta' > .git",
    "bare repository in the tree": "git init -q --bare b; git -C b config core.fsmonitor $EVIL; cp $EVIL b/hooks/pre-commit",
    "work tree elsewhere": "mkdir ../elsewhere; echo keep > ../elsewhere/a.txt; git config core.worktree ../../elsewhere",
    "settings included by condition": "printf '[core]\\n\\tfsmonitor = %s\\n' $EVIL > e.cfg; for c in 'gitdir:**' 'gitdir/i:/**'"
    " 'onbranch:**' 'hasconfig:remote.*.url:**'; do git config includeIf.\"$c\".path ../e.cfg; done; git config"
    " remote.origin.url https://127.0.0.1:1/x",
    "settings of a work tree": "git config core.repositoryFormatVersion 1; git config extensions.worktreeConfig true;"
    " git config --worktree core.fsmonitor $EVIL",
    "attributes in the Git folder and by link": "echo '* filter=e diff=e merge=e' > .git/info/attributes; cp"
    " .git/info/attributes at; ln -s at .gitattributes; git config core.attributesFile at; git config filter.e.clean $EVIL;"
    " git config filter.e.smudge $EVIL; git config diff.e.textconv $EVIL; git config merge.e.driver $EVIL; git config"
    " merge.default e",
    "submodule": "printf '[submodule \"s\"]\\n\\tpath = s\\n\\turl = ext::%s\\n\\tupdate = !%s\\n' $EVIL $EVIL > .gitmodules;"
    " git init -q s; git -C s -c user.name=a -c user.email=a@a commit -q --allow-empty -m x; git -C s config"
    " core.fsmonitor $EVIL; git add -A; git config submodule.s.url \"ext::$EVIL\"; git config submodule.s.update"
    " \"!$EVIL\"; git config submodule.recurse true; git config protocol.ext.allow always",
    "programs of a remote": "git init -q --bare self; git config remote.origin.url \"file://$PWD/self\"; git config"
    " remote.origin.receivepack $EVIL; git config remote.origin.uploadpack $EVIL; git config uploadpack.packObjectsHook"
    " $EVIL; git config remote.origin.pushurl ./self; cp $EVIL self/hooks/pre-receive",
    "aliases, trailers and helpers": "for k in alias.status alias.log alias.commit alias.push alias.diff credential.helper; do"
    " git config $k \"!$EVIL\"; done; git config trailer.e.command $EVIL; git config gc.recentObjectsHook $EVIL; git config"
    " gc.auto 1; git config maintenance.auto true; cp $EVIL .git/hooks/pre-auto-gc",
    "names that other systems take for Git's folder": "for d in .GIT GIT~1 $(printf '.g\\342\\200\\214it'); do mkdir -p $d/hooks; cp"
    " $EVIL $d/hooks/pre-commit; cp $EVIL $d/hooks/post-index-change; printf '[core]\\n\\tfsmonitor = %s\\n' $EVIL >"
    " $d/config; done",
    "references with odd names": "h=$(git rev-parse HEAD); mkdir -p .git/refs/heads; for n in -x '--upload-pack=x' ';sh' '$(touch${IFS}MARK)'"
    " HEAD; do echo $h > \".git/refs/heads/$n\"; done; git update-ref refs/tags/main HEAD",
}  # fmt: skip

NESTED = ["hooks", "fsmonitor", "filters", "filter process", "textconv and external differences", "git file"]


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A program that leaves a mark when it runs."""
    program = tmp_path / "evil.sh"
    program.write_text(f'#!/bin/sh\ntouch {tmp_path / "MARK"}\necho "$1"\n')
    program.chmod(0o755)
    return program


def poison(repository: Path, attack: str, evil: Path, home: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "EVIL": str(evil), "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a",
    }  # fmt: skip
    setup = "git add -A && git commit -qm attributes --allow-empty --no-verify; echo changed > a.txt"
    script = f"{ATTACKS[attack]}\n"
    subprocess.run(["sh", "-c", script], cwd=repository, env=environment, check=True, capture_output=True)
    subprocess.run(["sh", "-c", setup], cwd=repository, env=environment, check=False, capture_output=True)


async def do_everything(workspaces: Workspaces, made: Created, at: datetime) -> None:
    copy, git = made.copy, made.copy.git
    copy.files.write("a.txt", b"changed by a tool\n")
    copy.files.write("new.txt", b"new\n")
    await git.status()
    await git.diff()
    await git.diff_names("main")
    checkpoint = await workspaces.checkpoint(copy, previous=made.checkpoint, label="x", at=at)
    commit = await git.commit("A change", at=at)
    await git.create_branch("another")
    assert (await git.log(made.base_commit))[-1].oid == commit
    checkpoint = await workspaces.checkpoint(copy, previous=checkpoint, label="y", at=at)
    restored = await workspaces.materialise("task", generation=2, checkpoint=checkpoint)
    assert restored.files.read("a.txt") == b"changed by a tool\n"
    if made.remote is not None and "://" not in made.remote:
        await git.push("pushed", commit)
        assert await git.remote_head("pushed") == commit


@pytest.fixture
def plain(tmp_path: Path, git: Run) -> Path:
    folder = tmp_path / "poisoned"
    folder.mkdir()
    (folder / "a.txt").write_text("hello\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


@pytest.mark.parametrize("attack", ATTACKS)
async def test_nothing_of_the_users_repository_runs(
    workspaces: Workspaces, plain: Path, evil: Path, tmp_path: Path, attack: str, at: datetime
) -> None:
    poison(plain, attack, evil, tmp_path)
    (tmp_path / "MARK").unlink(missing_ok=True)
    made = await workspaces.create(
        task_id="task", repository=str(plain), base_branch=None, branch="b", generation=1
    )
    await do_everything(workspaces, made, at)
    assert not (tmp_path / "MARK").exists()
    if (tmp_path / "elsewhere").exists():
        assert (tmp_path / "elsewhere" / "a.txt").read_text() == "keep\n"


@pytest.mark.parametrize("attack", NESTED)
async def test_nothing_of_a_nested_repository_runs(
    workspaces: Workspaces,
    created: Created,
    plain: Path,
    evil: Path,
    tmp_path: Path,
    attack: str,
    at: datetime,
) -> None:
    poison(plain, attack, evil, tmp_path)
    (tmp_path / "MARK").unlink(missing_ok=True)
    # Once as an unknown folder, once in the place of a submodule, and once over the sandbox's mount point.
    shutil.copytree(plain, created.copy.root / "nested", symlinks=True)
    oid = created.base_commit.encode()
    for folders in (created.copy.folders, created.copy.shadow_folders):
        line = b"160000 " + oid + b"\tmodule\0"
        await created.copy.program.run("update-index", "-z", "--index-info", folders=folders, stdin=line)
    shutil.copytree(plain, created.copy.root / "module", symlinks=True)
    if (plain / ".git").is_dir():
        shutil.copytree(plain / ".git", created.copy.root / ".git", symlinks=True, dirs_exist_ok=True)
    await do_everything(workspaces, created, at)
    assert not (tmp_path / "MARK").exists()


def test_the_mark_is_made_when_git_is_used_carelessly(plain: Path, evil: Path, tmp_path: Path) -> None:
    poison(plain, "fsmonitor", evil, tmp_path)
    (tmp_path / "MARK").unlink(missing_ok=True)
    subprocess.run(["git", "status"], cwd=plain, capture_output=True, check=False)
    assert (tmp_path / "MARK").exists()


async def test_the_callers_environment_does_not_reach_git(
    created: Created, evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(evil))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(evil))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    created.copy.files.write("README.md", b"changed\n")
    assert "+changed" in await created.copy.git.diff()
    assert not (tmp_path / "MARK").exists()
