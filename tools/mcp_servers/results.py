"""What a server answers, as a tool's output: text for the model, images and files as artifacts, all within limits."""

import base64
import binascii
import json
import mimetypes
from typing import cast

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
)

from perdure.safety.secrets.cutting import beginning
from tools.tool_schemas import Artifact, ToolOutput

MOST_BLOCKS = 100
TEXT_CHARACTERS = 1_000_000
ARTIFACT_BYTES = 8 * 1024 * 1024
"""Of all artifacts of an answer together."""


def output_of(result: CallToolResult, name: str) -> ToolOutput:
    """The answer; ``name`` begins the artifacts' names."""
    lines: list[str] = []
    artifacts: list[Artifact] = []
    for block in result.content[:MOST_BLOCKS]:
        if isinstance(block, TextContent):
            lines.append(block.text)
        elif isinstance(block, ImageContent | AudioContent):
            lines.append(_kept(block.data, block.mime_type, name, artifacts))
        elif isinstance(block, EmbeddedResource):
            inner = block.resource
            if isinstance(inner, BlobResourceContents):
                lines.append(f"{inner.uri}: {_kept(inner.blob, inner.mime_type or '', name, artifacts)}")
            else:
                lines.append(f"{inner.uri}:\n{inner.text}")
        else:
            assert isinstance(block, ResourceLink)
            lines.append(f"[a resource of the server, not read: {block.uri}]")
    if len(result.content) > MOST_BLOCKS:
        lines.append(f"[{len(result.content) - MOST_BLOCKS} more parts of the answer were left out]")
    lines += _structured(result, lines)
    text = "\n".join(lines) or "(no content)"
    if len(text) > TEXT_CHARACTERS:
        text = f"{beginning(text, TEXT_CHARACTERS)}\n[the rest, {len(text) - TEXT_CHARACTERS} characters, was left out]"
    return ToolOutput(content=text, ok=not result.is_error, artifacts=tuple(artifacts))


def _structured(result: CallToolResult, lines: list[str]) -> list[str]:
    """Structured content, unless it only repeats what the text says."""
    given: object = result.structured_content
    if given is None:
        return []
    said: list[object] = [given]
    # Libraries wrap a plain value that a function returned, and write it as text too.
    if isinstance(given, dict) and list(wrapped := cast("dict[str, object]", given)) == ["result"]:
        said.append(wrapped["result"])
    if any(str(each) == "\n".join(lines) for each in said):
        return []
    for line in lines:
        try:
            if json.loads(line) in said:
                return []
        except (ValueError, RecursionError):
            continue
    return [json.dumps(given, ensure_ascii=False)]


def _kept(data: str, media_type: str, name: str, artifacts: list[Artifact]) -> str:
    """Keep the bytes as an artifact, and say so."""
    kind = media_type.partition(";")[0].strip().lower()
    if not kind.isascii() or not kind.isprintable() or len(kind) > 100 or "/" not in kind:
        kind = "application/octet-stream"
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return f"[{kind}, which is no base64 and was left out]"
    if sum(len(each.data) for each in artifacts) + len(content) > ARTIFACT_BYTES:
        return f"[{kind}, {len(content)} bytes, too large to be kept]"
    suffix = mimetypes.guess_extension(kind) or ".bin"
    artifact = Artifact(f"{name}-{len(artifacts) + 1}{suffix}", content, kind)
    artifacts.append(artifact)
    return f"[{kind}, {len(content)} bytes, kept as the artifact {artifact.name!r}]"
