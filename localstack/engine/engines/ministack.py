"""MiniStack, the default: quick, with all services that the shop uses, IAM enforced, and patches (`ministack_engine/`)."""

from __future__ import annotations

from engine.engines.process import ProcessEngine

ENGINE = ProcessEngine("ministack", "/_ministack/health")
