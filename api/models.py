"""The endpoints of models: which there are."""

from api import model_examples, openapi_examples, problem_kinds
from api.asked import allowed_collections
from api.dependencies import Opened
from api.library import listed_collections
from api.model_schemas import ModelAnswer, ModelsAnswer
from api.patient_route import PatientRoute
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from clipseek.embedding import models as known_models

router = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/models",
    tags=["operation"],
    summary="List the models",
    responses=openapi_examples.responses(
        "/v1/models",
        problem_kinds.FORBIDDEN,
        *STORE,
        success=model_examples.MODELS_ANSWER,
    ),
)
def models(asking: Asking, service: Opened) -> ModelsAnswer:
    """Return the known models and every other one in the data folder of the server."""
    asking = permit(asking, "admin")
    used: dict[str, list[str]] = {}
    for found in listed_collections(service, allowed_collections(asking, service)):
        used.setdefault(found.model, []).append(found.name)
    rows = known_models.listed(service.settings.data_dir)
    return ModelsAnswer(models=[ModelAnswer.of(row, used.get(row.name, [])) for row in rows])
