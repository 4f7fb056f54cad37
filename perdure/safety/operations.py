"""The digest of an operation: what a person approves is exactly what this digest covers."""

from collections.abc import Mapping

from perdure.contracts.digests import digest_of
from perdure.contracts.errors import InvalidInput
from perdure.safety.display import for_display

__all__ = ["for_display", "operation_digest"]

NO_EXTRA: Mapping[str, object] = {}


def operation_digest(
    *,
    tool: str,
    arguments: Mapping[str, object],
    tree: str,
    head: str,
    working_directory: str,
    environment: Mapping[str, str],
    rule: str,
    sandbox_level: str,
    extra: Mapping[str, object] = NO_EXTRA,
) -> str:
    """SHA-256 over everything that decides what the operation does, 64 hex digits.

    ``tree`` is the workspace's tree hash: which files a command line touches cannot be decided, so all of them count.
    ``head`` is the branch commit; ``environment`` the whole constructed one; ``extra`` holds the preview's own facts,
    such as where a remote branch stood. A value that JSON cannot hold is refused, so nothing is digested by its name.
    """
    try:
        return digest_of(
            {
                "v": 1,
                "tool": tool,
                "arguments": dict(arguments),
                "tree": tree,
                "head": head,
                "working_directory": working_directory,
                "environment": dict(environment),
                "rule": rule,
                "sandbox_level": sandbox_level,
                "extra": dict(extra),
            }
        )
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The call of {tool!r} cannot be digested for an approval: {error}.",
            "arguments and facts are plain JSON values, without NaN or infinity",
        ) from error
