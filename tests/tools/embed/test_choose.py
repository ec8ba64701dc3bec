"""A name means one encoder; what is missing, or not allowed, is said with the way out."""

from __future__ import annotations

import dataclasses

import pytest

from memory.errors import UsageError
from tools.embed.choose import choose
from tools.embed.endpoint import EndpointEncoder
from tools.weights import pinned, table


def chosen(name: str, *, remote: bool = False, key: str | None = None):
    return choose(name, remote=remote, base_url="http://127.0.0.1:9/v1", api_key=key)


def test_lexical_needs_no_encoder():
    assert chosen("lexical") is None


def test_choosing_reads_no_weights(monkeypatch):
    monkeypatch.setattr(pinned, "read", lambda *_: pytest.fail("the weights were read"))
    encoder = chosen("all-MiniLM-L6-v2")
    assert encoder is not None
    assert len(encoder.digest) == 64


def test_missing_weights_are_said(monkeypatch):
    gone = dataclasses.replace(table.TABLE["all-MiniLM-L6-v2"], carrier=None, repository="nobody/nothing")
    monkeypatch.setattr(table, "TABLE", {"all-MiniLM-L6-v2": gone})
    with pytest.raises(UsageError, match="not on this machine"):
        chosen("all-MiniLM-L6-v2")


def test_an_unknown_encoder_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"no encoder 'some/thing' here.*all-MiniLM-L6-v2, lexical"):
        chosen("some/thing")


def test_an_endpoint_is_asked_only_where_it_is_allowed_and_has_a_key():
    with pytest.raises(UsageError, match=r"sends the notes.*remote: allow"):
        chosen("openai:text-embedding-3-small", key="k")
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        chosen("openai:text-embedding-3-small", remote=True)
    assert isinstance(chosen("openai:text-embedding-3-small", remote=True, key="k"), EndpointEncoder)


def test_a_password_in_the_address_is_not_shown():
    for remote in (True, False):
        with pytest.raises(UsageError) as caught:
            choose("openai:m", remote=remote, base_url="http://me:secret@127.0.0.1:9/v1", api_key=None)
        assert "127.0.0.1:9" in str(caught.value)
        assert "secret" not in str(caught.value)
