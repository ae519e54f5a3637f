"""Refusals in the words of the server."""

from collections.abc import Iterable


class ApiError(Exception):
    """A refusal: HTTP status and the text in `status.error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def collection_missing(name: str) -> ApiError:
    return ApiError(404, f"Not found: Collection `{name}` doesn't exist!")


def collection_exists(name: str) -> ApiError:
    return ApiError(409, f"Wrong input: Collection `{name}` already exists!")


def wrong_input(text: str) -> ApiError:
    return ApiError(400, f"Wrong input: {text}")


def bad_request(text: str, remedy: str | None = None) -> ApiError:
    return ApiError(400, f"Bad request: {text}" + (f". Help: {remedy}" if remedy else ""))


def malformed_body(text: str) -> ApiError:
    return ApiError(400, f"Format error in JSON body: {text}")


def malformed_query(text: str) -> ApiError:
    return ApiError(400, f"Format error in query parameters: {text}")


def invalid_body(field: str, text: str) -> ApiError:
    return ApiError(422, f"Validation error in JSON body: [{field}: {text}]")


def invalid_path(field: str, text: str) -> ApiError:
    return ApiError(422, f"Validation error in path parameters: [{field}: {text}]")


def unknown_vector(name: str) -> ApiError:
    return wrong_input(f"Not existing vector name error: {name}")


def point_missing(identifier: object) -> ApiError:
    return ApiError(404, f"Not found: Point with id {identifier} does not exists!")


def index_required(field: str, kinds: Iterable[str]) -> ApiError:
    return bad_request(
        f'Index required but not found for "{field}" of one of the following types: [{", ".join(kinds)}]',
        "Create an index for this key or use a different filter.",
    )


def not_served(what: str) -> ApiError:
    return ApiError(501, f"Not served by the stand-in: {what}")
