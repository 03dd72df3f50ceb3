"""REST and WebSocket APIs: noted in the plan, because the gateway serves them."""

from __future__ import annotations

from local_stack.api_gateway.definitions import RestApi, WebSocketApi, function_of
from local_stack.resources.deploying import Created, Deploying


def create_rest_api(new: Deploying) -> Created:
    """Note the routes of a REST API."""
    new.plan.rest_api = RestApi.of(new.properties["Body"])
    return Created("local", {"RootResourceId": "root"})


def create_rest_deployment(new: Deploying) -> Created:
    """Stand for a deployment: the API is served as it is."""
    return Created(f"{new.logical_id}", {"DeploymentId": new.logical_id})


def create_rest_stage(new: Deploying) -> Created:
    """Note how many requests a second a stage takes."""
    for setting in new.properties.get("MethodSettings") or []:
        if "ThrottlingRateLimit" in setting:
            new.plan.requests_per_second = float(setting["ThrottlingRateLimit"])
    return Created(str(new.properties["StageName"]))


def create_websocket_api(new: Deploying) -> Created:
    """Begin the routes of a WebSocket API."""
    new.plan.websocket_api = WebSocketApi({})
    return Created("local-live", {"ApiEndpoint": "wss://local-live"})


def create_integration(new: Deploying) -> Created:
    """Remember which function an integration calls."""
    function = function_of(str(new.properties["IntegrationUri"]))
    return Created(new.logical_id, {"Function": function})


def create_route(new: Deploying) -> Created:
    """Note one route of a WebSocket API."""
    integration = str(new.properties["Target"]).rpartition("/")[2]
    known = new.plan.websocket_api or WebSocketApi({})
    function = str(new.created[integration]["Function"])
    new.plan.websocket_api = WebSocketApi({**known.routes, new.properties["RouteKey"]: function})
    return Created(new.logical_id)


def create_websocket_stage(new: Deploying) -> Created:
    """Stand for a stage: the API is served as it is."""
    return Created(str(new.properties["StageName"]))
