"""Forms: typed input models, their errors in the reader's language, and what was typed."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from bookstore.core.web.i18n import gettext, lazy_gettext

M = TypeVar("M", bound="Input")

# They turn the direction of all that follows, as of a price beside an author's name (UAX #9).
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")

MESSAGES = {
    "missing": lazy_gettext("Fill in this field."),
    "string_too_short": lazy_gettext("Write at least %(min_length)s characters."),
    "string_too_long": lazy_gettext("Write at most %(max_length)s characters."),
    # The same two, told of a text that a validator has changed before.
    "too_short": lazy_gettext("Write at least %(min_length)s characters."),
    "too_long": lazy_gettext("Write at most %(max_length)s characters."),
    "string_type": lazy_gettext("Write text."),
    "list_too_long": lazy_gettext("Send a list of at most %(max_length)s."),
    "list_type": lazy_gettext("Send a list."),
    "model_type": lazy_gettext("Send an object with fields."),
    "int_parsing": lazy_gettext("Write a whole number."),
    "int_type": lazy_gettext("Write a whole number."),
    "int_from_float": lazy_gettext("Write a whole number."),
    "extra_forbidden": lazy_gettext("There is no such field; leave it out."),
    "int_parsing_size": lazy_gettext("Write a smaller number."),
    "greater_than_equal": lazy_gettext("Write %(ge)s or more."),
    "less_than_equal": lazy_gettext("Write %(le)s or less."),
    "enum": lazy_gettext("Choose one of the options."),
    "literal_error": lazy_gettext("Choose one of the options."),
}


class Input(BaseModel):
    """The base of what a person sends; text is trimmed, unknown fields are ignored."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore", frozen=True)


def refuse(code: str, message: str) -> PydanticCustomError:
    """Return an error for a validator to raise.

    :param code: a short name of the rule.
    :param message: the sentence for the person, from ``lazy_gettext``; translated when shown.
    """
    return PydanticCustomError(code, "{sentence}", {"sentence": message})


def _printable(text: str) -> str:
    kinds = {unicodedata.category(char) for char in text if char not in "\n\t"}
    is_unseen = bool(kinds) and kinds <= {"Cf", "Zs"}
    if is_unseen or "Cc" in kinds or _TURNING.search(text):
        raise refuse("unprintable", lazy_gettext("Leave out characters that cannot be seen."))
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


Text = Annotated[str, AfterValidator(_printable)]
Line = Annotated[Text, AfterValidator(_one_line)]
ShortLine = Annotated[Line, StringConstraints(max_length=200)]

# The parts of a postal address, whoever keeps it; those that may be left out have no least length.
PersonName = Annotated[Line, StringConstraints(min_length=2, max_length=120)]
Street = Annotated[Line, StringConstraints(min_length=3, max_length=200)]
City = Annotated[Line, StringConstraints(min_length=2, max_length=120)]
Region = Annotated[Line, StringConstraints(max_length=120)]
PostalCode = Annotated[Line, StringConstraints(max_length=20)]
Country = Annotated[Line, StringConstraints(min_length=2, max_length=80)]
Phone = Annotated[Line, StringConstraints(max_length=30)]


class Form(Generic[M]):
    """Pair an input model with what was typed and what is wrong with it."""

    def __init__(self, model: type[M], values: Mapping[str, str] | None = None) -> None:
        self.model = model
        self.values = dict(values or {})
        self.errors: dict[str, str] = {}
        self.problem: str | None = None
        self._refusal = 422

    def read(self, typed: Mapping[str, str]) -> M | None:
        """Read what a person sent.

        :param typed: texts by field name; an empty text counts as not filled in.
        :return: the valid input, or None, and then ``errors`` has a sentence for each bad field.
        """
        self.keep(typed)
        filled = {name: text for name, text in self.values.items() if text.strip()}
        try:
            return self.model.model_validate(filled)
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                name = str(error["loc"][0]) if error["loc"] else ""
                self.errors.setdefault(name, sentence(error))
            return None

    def keep(self, typed: Mapping[str, str]) -> None:
        """Show what a person sent without a word on whether it is right."""
        self.values = {
            name: text.replace("\r\n", "\n")
            for name, text in typed.items()
            if name in self.model.model_fields
        }

    def fail(self, problem: str, status: int = 422) -> None:
        """Refuse the form as a whole.

        :param status: of HTTP, for the answer that says so.
        """
        self.problem = problem
        self._refusal = status

    @property
    def status(self) -> int:
        """Return the status of HTTP to show it with: 200 unless something is wrong with it."""
        return self._refusal if self.errors or self.problem else 200


def sentence(error: ErrorDetails) -> str:
    """Return an error of pydantic as a sentence in the reader's language."""
    context: dict[str, Any] = error.get("ctx", {})
    if "sentence" in context:
        return str(context["sentence"])
    if context.get("min_length") == 1:
        return str(MESSAGES["missing"])
    kind = error["type"]
    if context.get("field_type") == "List":
        kind = f"list_{kind}"
    if kind in MESSAGES:
        return str(MESSAGES[kind]) % context
    return gettext("This is not valid.")
