"""Masks secrets in bytes and text, before anything is stored or shown."""

from cloudops_nb.redaction.names import is_secret_name, secrets_in
from cloudops_nb.redaction.redactor import MASK, Redactor, StreamRedactor

__all__ = ["MASK", "Redactor", "StreamRedactor", "is_secret_name", "secrets_in"]
