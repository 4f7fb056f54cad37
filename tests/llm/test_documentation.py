"""The documentation's example runs, and its tables agree with the code."""

import re
from pathlib import Path

from perdure.contracts.errors import ModelUnavailable
from perdure.contracts.model import Message, ModelRequest, RequestedCall, Role
from perdure.contracts.plan import Answer, Plan, Reflection
from perdure.llm.catalogue import DEFAULT_MODELS
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.scripted.script import AccountLimits, Reply, Script, ScriptedError, read_script
from perdure.llm.scripted.server import ScriptedServer
from perdure.llm.structured import ask_structured

_DOCS = Path(__file__).parents[2] / "docs"
_PAGE = (_DOCS / "scripted-models.md").read_text(encoding="utf-8")


def _example() -> Script:
    found = re.search(r"```json\n(.*?)```", _PAGE, re.DOTALL)
    assert found is not None
    return read_script(found[1])


async def _decide(models: Models, conversation: list[Message]) -> tuple[RequestedCall, ...]:
    """One step: ask, and keep the answer in the conversation as the transcript would."""
    reply = await models.complete(ModelRequest(role=Role.DECIDE, messages=tuple(conversation)))
    conversation.append(
        Message(role="assistant", content=reply.content, reasoning=reply.reasoning, calls=reply.calls)
    )
    return reply.calls


async def test_the_worked_example_runs() -> None:
    server = await ScriptedServer().start(_example())
    models = Models(ModelSettings(base_url=server.url, scripted=True))
    conversation = [Message(role="user", content="Mend add().")]
    outputs = ["def add(a, b):\n    return a - b\n", "edited app.py"]
    try:
        plan, _ = await ask_structured(
            models, ModelRequest(role=Role.PLAN, messages=tuple(conversation)), Plan
        )
        assert plan.tools == ("read_file", "edit_file")
        waits: list[float | None] = []
        tools: list[str] = []
        while not tools or conversation[-1].role == "tool":
            try:
                calls = await _decide(models, conversation)
            except ModelUnavailable as error:
                waits.append(error.retry_after_s)
                continue
            tools += [call.name for call in calls]
            conversation += [
                Message(role="tool", tool_call_id=call.id, content=outputs[len(tools) - 1]) for call in calls
            ]
        assert (waits, tools) == ([1.0], ["read_file", "edit_file"])
        assert conversation[-1].content == "add() adds; I changed one line after 2 turns."
        look_back = ModelRequest(role=Role.REFLECT, messages=tuple(conversation))
        assert (await ask_structured(models, look_back, Reflection))[0].verdict == "done"
        report = ModelRequest(role=Role.SYNTHESIZE, messages=tuple(conversation))
        assert (await ask_structured(models, report, Answer))[0].requirements[0].step == 2
    finally:
        await models.close()
        await server.stop()


def test_the_page_tells_of_every_field() -> None:
    fields = [
        field.alias or name
        for part in (Script, Reply, ScriptedError, AccountLimits)
        for name, field in part.model_fields.items()
    ]
    assert [field for field in fields if f"`{field}`" not in _PAGE and f'"{field}"' not in _PAGE] == []


def test_the_page_of_models_names_the_defaults() -> None:
    page = (_DOCS / "models.md").read_text(encoding="utf-8")
    for role, chain in DEFAULT_MODELS.items():
        assert f"`PERDURE_MODEL_{role.name}`" in page
        assert f"`{','.join(chain)}`" in page
