"""Names that other programs use: Web UI users, scripts and tests rely on them, so they never change."""

TASK_QUEUE = "perdure"
CODING_TASK = "CodingTask"
MAINTENANCE_RUN = "MaintenanceRun"
TASK_LOOKUP = "TaskLookup"
SWEEP = "Sweep"
GRANTS = "Grants"

PUSH = "push"
"""Kind of a push in the ledger of effects; its target is ``<remote> <branch>``."""

ESCALATION = "escalation"
"""Kind of an announcement in the ledger of effects; its target is the approval's id."""

WHOLE_OUTPUT = "output.txt"
"""Name of the artifact that holds a call's whole output where the model was shown a part."""

READ_OUTPUT = "read_output"
"""The tool that reads what was left out."""

MCP_CATEGORY = "mcp"
"""The category of tools that MCP servers offer."""

PACKAGE_TOOLS = ("install_dependencies", "npm_command")
"""Tools that bring packages: what they did is done again where files had to be made anew without them."""

MOST_OFFERED_TOOLS = 8
"""As many schemas a model is sent beside that of ``find_tools``."""

SEARCH_STATUS = "PerdureStatus"
SEARCH_NEEDS = "PerdureNeeds"
SEARCH_REPOSITORY = "PerdureRepository"
SEARCH_USER = "PerdureUser"
SEARCH_COST = "PerdureCostUsd"

#: Search attribute name → Temporal's type of it.
SEARCH_ATTRIBUTES: dict[str, str] = {
    SEARCH_STATUS: "Keyword",
    SEARCH_NEEDS: "Keyword",
    SEARCH_REPOSITORY: "Keyword",
    SEARCH_USER: "Keyword",
    SEARCH_COST: "Double",
}


def host_queue(task_queue: str, host_id: str) -> str:
    """The task queue that only the host with this id polls."""
    return f"{task_queue}-host-{host_id}"


def sweep_id(task_queue: str) -> str:
    """The schedule that keeps a task queue's installation tidy."""
    return f"sweep-{task_queue}"
