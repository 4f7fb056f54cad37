"""The one settings file that our git commands read besides those of their own Git folders."""

SETTINGS = """\
# Written by Perdure; the only settings that its Git commands read besides those of its own Git folders.
[safe]
\tdirectory = *
\tbareRepository = explicit
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\taskPass =
\tquotePath = false
\tpager = cat
\teditor = false
\tsafecrlf = false
\tprotectNTFS = false
\tprotectHFS = false
[protocol]
\tallow = never
[protocol "file"]
\tallow = always
[protocol "https"]
\tallow = always
[protocol "ssh"]
\tallow = always
[protocol "git"]
\tallow = always
[http]
	followRedirects = false
[credential]
\thelper =
[gc]
\tauto = 0
[maintenance]
\tauto = false
[init]
\tdefaultBranch = main
[advice]
\taddEmbeddedRepo = false
\tdetachedHead = false
[submodule]
\trecurse = false
[diff]
\tignoreSubmodules = all
[fetch]
\trecurseSubmodules = false
\twriteCommitGraph = false
[push]
\trecurseSubmodules = no
\tgpgSign = false
[commit]
\tgpgSign = false
[user]
\tuseConfigOnly = true
"""
