"""What the searches of this installation may use, as the settings say. Entry points alone import it."""

from perdure.installation import store_url_of
from perdure.memory.embedding import embeds_of
from perdure.memory.vectors import Vectors
from perdure.settings import Settings
from tools.searching.services import Searching


def searching_of(settings: Settings) -> Searching:
    """Where code is indexed, and what makes and keeps its vectors."""
    key, chroma = settings.embedder_api_key, store_url_of(settings, "chroma")
    return Searching(
        folder=settings.home / "search",
        vectors=Vectors(chroma) if chroma else None,
        embeds=embeds_of(
            settings.embedder, model=settings.embedder_model, key=key.get_secret_value() if key else None
        ),
    )
