"""Measures the product search with some and with many products: relevance, response times, and reads per query."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.products import IN_THE_SET, SET, Product, products
from engine.api import Api
from engine.aws import Aws
from engine.deploy import Resources
from operations import rebuild

QUERIES = SET.with_name("queries.tsv")
SIZES = (IN_THE_SET, 50_000)
ROUNDS = 6
BATCH = 25  # the maximum of BatchWriteItem

Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """The measurements with one size of the catalog. Times are in milliseconds."""

    products: int
    rebuilt: dict[str, int]
    reciprocal_ranks: dict[str, float]
    searches: list[float]
    lookups: list[float]
    reads: list[int]


def bench(api: Api, aws: Aws, resources: Resources, function_log: Path, say: Say) -> None:
    """Fills a fresh stack up to each size in turn, measures the search, and prints the results.

    The products are written to the table without the API and its events, and then indexed by a rebuild. They are copies of a seeded
    one with other ids, names, categories and descriptions, without list entries, which no search reads.
    """
    table = resources["AWS::DynamoDB::Table"]["CatalogTable"]
    function = resources["AWS::Lambda::Function"]["RebuildSearch"]
    known: dict[str, Product] = {}
    source = products()
    measured = []
    for size in SIZES:
        more = {f"01940000-0000-7000-8000-{number:012x}": product
                for number, product in zip(range(len(known), size), source, strict=False)}
        say(f"writing {len(more)} products")
        _write(aws, table, more)
        known.update(more)
        say("rebuilding the index")
        rebuilt = rebuild.search(aws, function)
        say(f"searching among {size} products")
        measured.append(_measure(api, known, rebuilt, function_log))
    for line in _table(measured):
        say(line)


def _write(aws: Aws, table: str, more: dict[str, Product]) -> None:
    seeded = aws.dynamodb.get_item(TableName=table, Key=_key("01930000-0000-7002-8000-000000000001"))["Item"]
    items = ({**seeded, **_key(product_id), "id": {"S": product_id}, "name": {"S": product.name},
              "category": {"S": product.category}, "description": {"S": product.description}} for product_id, product in more.items())
    batches = iter(lambda: list(itertools.islice(items, BATCH)), [])

    def write(batch: list[dict[str, Any]]) -> None:
        left = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while left:
            left = aws.dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, batches))  # raises what a thread has raised


def _key(product: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"PRODUCT#{product}"}, "sk": {"S": "PRODUCT"}}


def _measure(api: Api, known: dict[str, Product], rebuilt: dict[str, int], function_log: Path) -> Measured:
    lines = [line.split("\t") for line in QUERIES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    queries = [(query, conditions) for query, _, conditions in lines]
    ids = list(known)
    logged = function_log.stat().st_size
    ranks: dict[str, float] = {}
    searches, lookups = [], []
    for turn in range(ROUNDS + 1):
        for place, (query, conditions) in enumerate(queries):
            page, search_ms = _timed(api, f"/api/v1/products/search?q={quote(query)}")
            _, lookup_ms = _timed(api, f"/api/v1/products/{ids[place * 7919 % len(ids)]}")
            if turn == 0:  # the warm-up
                ranks[query] = _reciprocal_rank(page["items"], known, conditions)
                continue
            searches.append(search_ms)
            lookups.append(lookup_ms)
    return Measured(len(known), rebuilt, ranks, searches, lookups, _reads(function_log, logged))


def _timed(api: Api, path: str) -> tuple[Any, float]:
    started = time.perf_counter()
    answer = api.call("GET", path)
    return answer.expect(200), (time.perf_counter() - started) * 1000


def _reciprocal_rank(items: list[dict[str, Any]], known: dict[str, Product], conditions: str) -> float:
    """Returns the reciprocal rank of the first relevant product on the first page. Seeded products, which have no kind, are skipped."""
    found = [known[item["id"]] for item in items if item["id"] in known]
    ranks = (1 / rank for rank, product in enumerate(found, start=1) if fits(product, conditions))
    return next(ranks, 0.0)


def fits(product: Product, conditions: str) -> bool:
    """Whether a product is relevant: all conditions, `field=one|another` or `field~part`, hold."""
    def holds(condition: str) -> bool:
        if "=" in condition:
            field, values = condition.split("=")
            return getattr(product, field) in values.split("|")
        field, part = condition.split("~")
        return part.lower() in getattr(product, field).lower()
    return all(map(holds, conditions.split(" & ")))


def _reads(function_log: Path, since: int) -> list[int]:
    """Returns the number of reads of each query, from the log of the function."""
    with open(function_log, encoding="utf-8") as log:
        log.seek(since)
        entries = [json.loads(line.partition("\t")[2]) for line in log if '"searched"' in line]
    return [entry["reads"] for entry in entries]


def _table(measured: list[Measured]) -> list[str]:
    lines = [f"{'products':>9}{'terms':>8}{'rebuild s':>11}{'MRR':>7}{'p50 ms':>8}{'p99 ms':>8}{'GET p50':>9}{'ratio':>7}"
             f"{'reads mean':>12}{'max':>6}"]
    for size in measured:
        p50, p99, get = statistics.median(size.searches), statistics.quantiles(size.searches, n=100)[98], statistics.median(size.lookups)
        mrr = statistics.mean(size.reciprocal_ranks.values())
        lines.append(
            f"{size.products:>9}{size.rebuilt['terms']:>8}{size.rebuilt['seconds']:>11}{mrr:>7.3f}{p50:>8.1f}{p99:>8.1f}"
            f"{get:>9.1f}{p50 / get:>7.2f}{statistics.mean(size.reads):>12.2f}{max(size.reads):>6}")
    for size in measured:
        missed = [f"{query} ({rank:.2f})" for query, rank in size.reciprocal_ranks.items() if rank < 1]
        lines.append(f"{size.products} products, queries whose first result is irrelevant (reciprocal rank): {', '.join(missed) or 'none'}")
    return lines
