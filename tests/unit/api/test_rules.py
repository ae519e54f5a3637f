"""One template makes the message of the API server and that of the models."""

import pytest

from namespace_operator.api.indexes import IndexType
from namespace_operator.api.payload_index import FieldSchema, PayloadIndex
from namespace_operator.api.rules import Rule, matches

INDEX = PayloadIndex(field_name='"it\'s {type}"', type=IndexType.TEXT, field_schema=FieldSchema(type=IndexType.TEXT))


@pytest.mark.parametrize(
    ("template", "described", "validation"),
    [
        ("plain, 3-64", "plain, 3-64", {"message": "plain, 3-64"}),
        ("{fieldName} goes", '"it\'s {type}" goes', {"messageExpression": "self.fieldName + ' goes'"}),
        ("it's {type}", "it's text", {"messageExpression": "'it\\'s ' + self.type"}),
        ("a {fieldSchema.type}\\", "a text\\", {"messageExpression": "'a ' + self.fieldSchema.type + '\\\\'"}),
    ],
)
def test_message(template: str, described: str, validation: dict[str, str]) -> None:
    rule: Rule[PayloadIndex] = Rule(cel="true", message=template, check=lambda index: True)
    assert rule.describe(INDEX) == described
    assert rule.validation() == {"rule": "true"} | validation


def test_path_and_old_self() -> None:
    rule: Rule[PayloadIndex] = Rule(
        cel="true", message="m", check=lambda index: True, field_path=("spec", "name"), optional_old_self=True
    )
    expected = {"rule": "true", "message": "m", "fieldPath": ".spec.name", "optionalOldSelf": True}
    assert rule.validation() == expected


def test_a_field_called_by_a_word_of_cel_is_written_as_the_api_server_wants_it() -> None:
    rule = matches("namespace", "^a$", "namespace must be a", optional=True)
    assert rule.cel == "!has(self.__namespace__) || self.__namespace__.matches('^a$')"
    assert rule.validation()["fieldPath"] == ".namespace"
