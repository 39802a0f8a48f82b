#!/usr/bin/env python3
"""Writes a project of many models, to measure with: a shop from its seeds and orders up to analytics, all of it invented.

    generate_project.py OUT --models N [--refs 3] [--plain] [--dbt]

The first models read seeds and a small declared source, every other one reads --refs earlier ones, in at most twelve
steps. With --plain each of these is one join of them; else there are CTEs, unions, windows, loops and macros. The SQL is
that of DataFusion and of DuckDB alike; with --dbt the files around it are those of a dbt project for dbt-duckdb. What is
built of it passes its tests. The same version writes the same bytes.
"""

import argparse
import pathlib
import random
import sys
import typing

NAME = "generated_shop"
LAYERS = {"bronze": 0.2, "silver": 0.4, "gold": 0.3, "analytics": 0.1}  # shares of the models
RANKS = 3  # steps within a layer
IN_FOLDER, IN_PROPERTIES = 100, 20  # models to a folder, and to a file of properties

# What a row is of: its key, the word for many, and how often a model is about it.
KEYS = {"order": "order_id", "customer": "customer_id", "product": "product_id", "store": "store_id", "day": "ordered_on"}
PLURAL = {"order": "orders", "customer": "customers", "product": "products", "store": "stores", "day": "days"}
SHARE = {"order": 30, "customer": 25, "product": 17, "store": 14, "day": 14}
ORDER_COLUMNS = {"order_id": "key", "customer_id": "key", "product_id": "key", "store_id": "key", "ordered_on": "date", "status": "text",
                 "channel": "text", "quantity": "count", "amount": "money"}
STATUSES, CHANNELS = ["placed", "shipped", "returned", "cancelled"], ["web", "phone", "shop"]
COUNTRIES = {"DE": ("Germany", "europe"), "FR": ("France", "europe"), "BR": ("Brazil", "america"), "CA": ("Canada", "america"),
             "JP": ("Japan", "asia")}

TOPICS = {"bronze": ["intake", "cleaned", "typed", "merged", "checked", "dated"],
          "silver": ["activity", "history", "sessions", "profile", "balance", "retention", "pricing", "baskets", "loyalty", "stock"],
          "gold": ["performance", "revenue", "cohorts", "forecast", "margins", "churn", "demand", "efficiency"],
          "analytics": ["dashboard", "scorecard", "ranking", "report", "outlook"]}
ADJECTIVES = ["total", "recent", "net", "gross", "average", "peak", "typical", "early", "late", "open", "past", "first", "usual", "weekly"]
NOUNS = {"count": ["visits", "items", "returns", "baskets", "calls", "parcels"], "money": ["revenue", "spend", "margin", "refunds", "fees"],
         "ratio": ["rate", "share", "score", "index", "growth"], "band": ["level", "tier", "class"], "flag": ["busy", "loyal", "steady", "rising"],
         "rank": ["rank", "position"], "date": ["month", "quarter"]}
SAYS = {"key": "Which {entity} it is, or belongs to.", "count": "How many {words} there were.", "money": "The {words} of the {entity}, in euros.",
        "ratio": "The {words} of the {entity}, as a fraction.", "band": "The {words} of the {entity}: low, medium or high.",
        "flag": "Whether the {entity} is {words}.", "rank": "Where the {entity} stands among its like, from 1.",
        "date": "The {words}, as a date.", "text": "The {words} as the shop knows it."}
MEASURES = ("count", "money", "ratio")

MACROS = {
    "ratio": """{% macro ratio(numerator, denominator) -%}
cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}
""",
    "money": """{#- Euros and cents, never NULL. -#}
{% macro money(amount) -%}
cast(coalesce({{ amount }}, 0) as decimal(18, 2))
{%- endmacro %}
""",
    "band": """{% macro band(value, limits=[100, 10], names=['high', 'medium']) -%}
case
        {%- for limit in limits %}
        when {{ value }} >= {{ limit }} then '{{ names[loop.index0] }}'
        {%- endfor %}
        else 'low'
    end
{%- endmacro %}
""",
    "order_columns": """{#- What every model of orders has. -#}
{% macro order_columns(relation) -%}
{%- for name in ['order_id', 'customer_id', 'product_id', 'store_id', 'ordered_on', 'status', 'channel', 'quantity', 'amount'] -%}
{{ relation }}.{{ name }}{{ ', ' if not loop.last }}
{%- endfor %}
{%- endmacro %}
""",
}
SCHEMA_NAME = """{% macro generate_schema_name(custom_schema_name, node) -%}
{{ custom_schema_name or target.schema }}
{%- endmacro %}
"""

ORDERS = """with source as (
    select * from {{ source('shop', 'orders') }}
    where ordered_at >= cast('{{ var("start_date") }}' as timestamp)
),
typed as (
    select
        cast(order_id as bigint) as order_id,
        cast(customer_id as bigint) as customer_id,
        cast(product_id as bigint) as product_id,
        cast(store_id as bigint) as store_id,
        cast(ordered_at as date) as ordered_on,
        lower(trim(status)) as status,
        coalesce(channel, 'web') as channel,
        cast(quantity as bigint) as quantity,
        {{ money('amount') }} as amount,
        ordered_at
    from source
)

select order_id, customer_id, product_id, store_id, ordered_on, status, channel, quantity, amount
from typed
qualify row_number() over (partition by order_id order by ordered_at desc) = 1
"""
CUSTOMERS = """with customers as (
    select * from {{ ref('customers') }}
),
countries as (
    select country_code, country_name, region from {{ ref('countries') }}
)

select
    cast(customers.customer_id as bigint) as customer_id,
    customers.segment,
    coalesce(countries.region, 'unknown') as region,
    cast(customers.signed_up_on as date) as signed_up_on,
    cast(customers.credit_limit as decimal(18, 2)) as credit_limit,
    cast(customers.points as bigint) as points
from customers
left join countries on countries.country_code = customers.country_code
"""
PRODUCTS = """with products as (
    select
        cast(product_id as bigint) as product_id,
        lower(category) as category,
        {{ money('price') }} as price,
        {{ money('cost') }} as cost
    from {{ ref('products') }}
)

select
    product_id,
    category,
    price,
    cost,
    {{ ratio('price - cost', 'price') }} as margin_rate,
    {{ band('price', [50, 20]) }} as price_level
from products
"""
STORES = """with stores as (
    select * from {{ ref('stores') }}
)

select
    cast(stores.store_id as bigint) as store_id,
    countries.region,
    case when stores.floor_area >= 500 then 'large' else 'small' end as size,
    cast(stores.opened_on as date) as opened_on,
    cast(stores.floor_area as bigint) as floor_area,
    cast(stores.rent as decimal(18, 2)) as rent
from stores
inner join {{ ref('countries') }} as countries on countries.country_code = stores.country_code
"""
DAYS = """with orders as (
    select
        cast(ordered_at as date) as ordered_on,
        order_id,
        cast(quantity as bigint) as quantity,
        cast(amount as decimal(18, 2)) as amount
    from {{ source('shop', 'orders') }}
    where ordered_at >= cast('{{ var("start_date") }}' as timestamp)
)

select
    ordered_on,
    count(distinct order_id) as orders_placed,
    coalesce(sum(quantity), 0) as units_sold,
    cast(sum(amount) as decimal(18, 2)) as turnover,
    avg(cast(quantity as double)) as basket_size
from orders
group by ordered_on
"""
BASES = {"order": (ORDERS, ORDER_COLUMNS),
         "customer": (CUSTOMERS, {"customer_id": "key", "segment": "text", "region": "text", "signed_up_on": "date", "credit_limit": "money",
                                  "points": "count"}),
         "product": (PRODUCTS, {"product_id": "key", "category": "text", "price": "money", "cost": "money", "margin_rate": "ratio",
                                "price_level": "band"}),
         "store": (STORES, {"store_id": "key", "region": "text", "size": "text", "opened_on": "date", "floor_area": "count", "rent": "money"}),
         "day": (DAYS, {"ordered_on": "key", "orders_placed": "count", "units_sold": "count", "turnover": "money", "basket_size": "ratio"})}


class Model(typing.NamedTuple):
    name: str
    layer: str
    rank: int
    entity: str
    columns: dict  # name to kind, as in SAYS
    sql: str
    parents: tuple  # names
    view: bool

    def measures(self):
        own = ORDER_COLUMNS if self.entity == "order" else ()
        return [name for name, kind in self.columns.items() if kind in MEASURES and name not in own]

    def of(self, kind):
        return [name for name, found in self.columns.items() if found == kind]


class Query:
    """The SQL of one model that reads others: common table expressions, then a select that joins them."""

    def __init__(self, rng, entity, parents):
        self.rng, self.entity, self.parents = rng, entity, parents
        self.key, self.main = KEYS[entity], PLURAL[entity]
        self.sets, self.ctes, self.items, self.joins = [], [], [], []
        self.columns = {}
        self.taken = set(ORDER_COLUMNS).union(*(parent.columns for parent in parents), PLURAL.values())
        self.values = []  # expressions of numbers, to compute with

    def chance(self, share):
        return self.rng.random() < share

    def fresh(self, kind, template="{}"):
        """A name that neither this model has nor those it reads."""
        while True:
            name = template.format(f"{self.rng.choice(ADJECTIVES)}_{self.rng.choice(NOUNS[kind])}")
            if name in self.taken and self.chance(0.3):
                name += f"_{self.rng.randrange(2, 10)}"
            if name not in self.taken:
                self.taken.add(name)
                return name

    def add(self, expression, name, kind):
        self.columns[name] = kind
        self.items.append(f"{expression}," if expression.endswith(f".{name}") else f"{expression} as {name},")

    def cte(self, name, lines):
        self.ctes.append(f"{name} as (\n" + "\n".join(f"    {line}" for line in lines) + "\n)")

    def alias(self, parent):
        alias = parent.name.split("_")[2]
        while alias in self.taken:
            alias += "_too"
        self.taken.add(alias)
        return alias

    def read(self, parent):
        """The main relation, whose rows are kept, or most of them."""
        lines = [f"select * from {{{{ ref('{parent.name}') }}}}"]
        if self.entity == "order":
            if self.incremental:
                lines += ["{% if is_incremental() %}", "where ordered_on >= (select max(ordered_on) from {{ this }})", "{% endif %}"]
            else:
                lines += self.rng.choice([[], ["where status <> 'cancelled'"], ["where amount >= {{ var('least_amount') }}"],
                                          ["where channel in ('{{ var(\"channels\") | join(\"', '\") }}')"]])
        self.cte(self.main, lines)
        if self.entity == "order":
            if self.chance(0.3):
                self.items.append(f"{{{{ order_columns('{self.main}') }}}},")
            else:
                names = [f"{self.main}.{name}," for name in ORDER_COLUMNS]
                self.items += [" ".join(names[:5]), " ".join(names[5:])]
            self.columns |= ORDER_COLUMNS
        else:
            self.add(f"{self.main}.{self.key}", self.key, "key")
            for name in (parent.of("text")[:1] + parent.of("date")[:1]):
                self.add(f"{self.main}.{name}", name, parent.columns[name])
        own = parent.measures()
        for name in self.rng.sample(own, min(2 if len(self.columns) < 3 else 1, len(own))):
            self.add(f"{self.main}.{name}", name, parent.columns[name])
            self.values.append(f"{self.main}.{name}")
        if self.entity == "order":
            self.values.append(f"{self.main}.amount")

    def join(self, parent):
        """Another relation, brought to one row for each key."""
        alias = self.alias(parent)
        if parent.entity == "order" and self.entity != "order":
            key, names = self.key, self.aggregate(alias, parent)
        else:
            key = KEYS[parent.entity]
            measures = parent.measures() or ["quantity", "amount"]
            picked = self.rng.sample(measures, min(2, len(measures)))
            names = [(name, parent.columns[name]) for name in picked]
            self.cte(alias, [f"select {', '.join([key, *picked])}", f"from {{{{ ref('{parent.name}') }}}}"])
        for name, kind in names[:2 if self.joins else 3]:
            renamed = name if name not in self.columns and self.chance(0.5) else self.fresh(kind)
            self.add(f"coalesce({alias}.{name}, 0)", renamed, kind)
            self.values.append(f"{alias}.{name}")
        self.joins.append(f"left join {alias} on {alias}.{key} = {self.main}.{key}")

    def aggregate(self, alias, parent):
        counted, summed = self.fresh("count"), self.fresh("money")
        lines = ["select", f"    {self.key},"]
        names = [(summed, "money")]
        if self.chance(0.35) and not self.joins:
            column, values = self.rng.choice([("status", STATUSES), ("channel", CHANNELS)])
            ending = f"{self.rng.choice(ADJECTIVES)}_units"
            self.sets.append(f"{{% set {alias}_values = {self.rng.sample(values, 2)} %}}")
            lines += [f"    {{%- for value in {alias}_values %}}",
                      f"    sum(case when {column} = '{{{{ value }}}}' then quantity else 0 end) as {{{{ value }}}}_{ending},", "    {%- endfor %}"]
            pivoted = [f"{value}_{ending}" for value in self.sets[-1].split("'")[1::2]]
            if self.taken.isdisjoint(pivoted):
                names += [(name, "count") for name in pivoted]
                self.taken.update(pivoted)
        elif not self.joins and (extra := parent.measures()):
            name = self.fresh("ratio")
            lines.append(f"    {self.rng.choice(['avg', 'max'])}(cast({self.rng.choice(extra)} as double)) as {name},")
            names.append((name, "ratio"))
        lines += [f"    {self.rng.choice(['count(*)', 'count(distinct order_id)', 'count(distinct channel)'])} as {counted},",
                  f"    cast(sum(amount) as decimal(18, 2)) as {summed}", f"from {{{{ ref('{parent.name}') }}}}"]
        if self.chance(0.4):
            lines.append(f"where status <> '{self.rng.choice(STATUSES[2:])}'")
        self.cte(alias, [*lines, f"group by {self.key}"])
        return [*names, (counted, "count")]

    def stack(self):
        """Relations of one kind, one below the other, then a column for each."""
        parts = {self.alias(parent): parent for parent in self.parents}
        lines, union = [], ""
        for alias, parent in parts.items():
            lines.append(f"{union}select {self.key}, '{alias}' as part, cast({self.rng.choice(parent.measures())} as double) as value "
                         f"from {{{{ ref('{parent.name}') }}}}")
            union = "union all "
        self.cte("parts", lines)
        ending, total, count = self.fresh("ratio"), self.fresh("ratio"), self.fresh("count")
        self.sets.append(f"{{% set parts = {list(parts)} %}}")
        self.cte(self.main, ["select", f"    {self.key},", "    {%- for part in parts %}",
                             f"    sum(case when part = '{{{{ part }}}}' then coalesce(value, 0) else 0 end) as {{{{ part }}}}_{ending},",
                             "    {%- endfor %}", f"    sum(value) as {total},", f"    count(*) as {count}", "from parts", f"group by {self.key}"])
        self.add(f"{self.main}.{self.key}", self.key, "key")
        for name, kind in [*((f"{alias}_{ending}", "ratio") for alias in parts), (total, "ratio"), (count, "count")]:
            self.add(f"{self.main}.{name}", name, kind)
            self.values.append(f"{self.main}.{name}")

    def compute(self):
        """Some columns of columns. The last one stands on its own: a loop may not end the list."""
        kinds = ["ratio", "band", "window", "sum", "limits", "flag"] + (["month"] if self.dates() else [])
        long = sum(cte.count("\n") for cte in self.ctes) >= 18
        picked = self.rng.sample([kind for kind in kinds if kind != "limits" or not self.sets], 1 if long else 2)
        for kind in sorted(picked, key=lambda kind: kind != "limits"):
            getattr(self, f"compute_{kind}")()
        if picked == ["limits"]:
            self.compute_flag()

    def dates(self):
        return ["ordered_on"] if self.entity in ("order", "day") else [name for name, kind in self.columns.items() if kind == "date"]

    def two(self):
        return self.rng.sample(self.values, 2) if len(self.values) > 1 else [self.values[0], "1"]

    def compute_ratio(self):
        one, other = self.two()
        inline = f"cast({one} as double) / nullif(cast({other} as double), 0)"
        self.add(f"{{{{ ratio('{one}', '{other}') }}}}" if self.chance(0.3) else inline, self.fresh("ratio"), "ratio")

    def compute_band(self):
        value = self.rng.choice(self.values)
        inline = f"case\n        when {value} >= 100 then 'high'\n        when {value} >= 10 then 'medium'\n        else 'low'\n    end"
        self.add(f"{{{{ band('{value}') }}}}" if self.chance(0.3) else inline, self.fresh("band"), "band")

    def compute_sum(self):
        one, other = self.two()
        inline = f"cast(coalesce({one}, 0) as double) + cast(coalesce({other}, 0) as double)"
        self.add(inline, self.fresh("ratio"), "ratio")

    def compute_limits(self):
        value, name = self.rng.choice(self.values), self.fresh("count")
        limits = sorted(self.rng.sample([5, 10, 50, 100, 500], 2))
        while not self.taken.isdisjoint(f"{name}_{limit}" for limit in limits):
            name = self.fresh("count")
        self.taken.update(f"{name}_{limit}" for limit in limits)
        self.sets.append(f"{{% set limits = {limits} %}}")
        self.items.append(f"{{%- for limit in limits %}}\n    case when {value} >= {{{{ limit }}}} then 1 else 0 end as {name}_{{{{ limit }}}},\n"
                          "    {%- endfor %}")
        for limit in limits:
            self.columns[f"{name}_{limit}"] = "count"

    def compute_flag(self):
        value = self.rng.choice(self.values)
        self.add(f"coalesce({value}, 0) > {{{{ var('busy_above') }}}}", self.fresh("flag", "is_{}"), "flag")

    def compute_month(self):
        part = self.rng.choice(["month", "quarter"])
        self.add(f"cast(date_trunc('{part}', {self.main}.{self.rng.choice(self.dates())}) as date)", self.fresh("date"), "date")

    def compute_window(self):
        value, unique = self.rng.choice(self.values), f"{self.main}.{self.key}"
        groups = [name for name, kind in self.columns.items() if kind == "text"]
        over = f"partition by {self.main}.{self.rng.choice(groups)} " if groups else ""
        call, kind = self.rng.choice([("row_number()", "rank"), ("rank()", "rank"), (f"sum(cast({value} as double))", "ratio"),
                                      (f"lag(cast({value} as double))", "ratio")])
        order = f"{value} desc, {unique}" if kind == "rank" else unique
        self.add(f"{call} over ({over}order by {order})", self.fresh(kind), kind)

    def write(self, view):
        stacked = self.entity != "order" and len(self.parents) > 1 and all(parent.entity == self.entity for parent in self.parents)
        self.incremental = not view and self.entity == "order" and self.chance(0.3)
        if stacked:
            self.stack()
        else:
            self.read(self.parents[0])
            for parent in self.parents[1:]:
                self.join(parent)
        if not self.values:
            self.values.append(f"{self.main}.{self.key}" if self.entity != "day" else "1")
        self.compute()
        config = "materialized='incremental', unique_key='order_id'" if self.incremental else f"materialized='{'view' if view else 'table'}'"
        head = f"{{{{ config({config}, tags=['{self.entity}']) }}}}\n\n" + "".join(f"{line}\n" for line in self.sets) + ("\n" if self.sets else "")
        items = [*self.items[:-1], self.items[-1].removesuffix(",")]
        select = "select\n" + "".join(f"    {item}\n" for item in items) + "\n".join([f"from {self.main}", *self.joins])
        return head + "with " + ",\n".join(self.ctes) + "\n\n" + select + "\n"


def base_model(rng, name, entity):
    sql, columns = BASES[entity]
    config = f"{{{{ config(materialized='table', tags=['{entity}']) }}}}\n\n"
    return Model(name, "bronze", 0, entity, columns, config + sql, (), False)


def plain_query(rng, entity, parents):
    """One join of the parents by their key, with some columns of each and a sum of two of them."""
    key = KEYS[entity]
    columns, items, numbers = {key: parents[0].columns[key]}, [f"a.{key}"], []
    for alias, parent in zip("abcdefg", parents):
        measures = [(name, kind) for name, kind in parent.columns.items() if kind in ("count", "money", "ratio")]
        for place, (name, kind) in enumerate(rng.sample(measures, min(2, len(measures)))):
            own = f"{rng.choice(ADJECTIVES)}_{rng.choice(NOUNS[kind])}_{alias}{place}"
            columns[own] = kind
            items.append(f"{alias}.{name} as {own}")
            numbers.append(f"{alias}.{name}")
    if len(numbers) > 1:
        columns["combined"] = "ratio"
        items.append(f"cast(coalesce({numbers[0]}, 0) as double) + cast(coalesce({numbers[-1]}, 0) as double) as combined")
    joins = [f"left join {{{{ ref('{parent.name}') }}}} as {alias} on {alias}.{key} = a.{key}" for alias, parent in zip("bcdefg", parents[1:])]
    lines = [f"from {{{{ ref('{parents[0].name}') }}}} as a", *joins]
    head = f"{{{{ config(materialized='table', tags=['{entity}']) }}}}\n\n"
    return head + "select\n" + ",\n".join(f"    {item}" for item in items) + "\n" + "\n".join(lines) + "\n", columns


def pick_parents(rng, entity, rank, view, refs, models, unread, plain):
    """The first is of the same kind; the others can be joined to it. What nobody reads yet comes first, mostly."""
    earlier = [model for model in models if model.rank < rank and not (view and model.view)]
    same = [model for model in earlier if model.entity == entity]
    linked = same if plain else earlier if entity == "order" else [model for model in earlier if model.entity in (entity, "order")]
    if rng.random() < 0.15:
        linked = same if len(same) >= refs else linked
    picked = []
    for candidates in [same] + [linked] * (refs - 1):
        candidates = [model for model in candidates if model not in picked]
        waiting = [model for model in candidates if model.name in unread]
        if candidates:  # a small project may not have so many
            picked.append(rng.choice(waiting if waiting and rng.random() < 0.7 else candidates))
    return picked


def shop(count, refs, plain):
    """The models, each after those it reads."""
    bases = min(count, max(8, count // 50))
    edges, so_far = [], 0.0
    for share in LAYERS.values():
        so_far += share
        edges.append(round(bases + (count - bases) * so_far))
    models, unread, layer_of = [], set(), list(LAYERS)
    for index in range(count):
        rng = random.Random(f"{count} {refs} {index}")
        layer = next(place for place, edge in enumerate(edges) if index < edge)
        begin = edges[layer - 1] if layer else bases
        entity = list(KEYS)[index % 5] if index < bases else rng.choices(list(SHARE), list(SHARE.values()))[0]
        name = f"{layer_of[layer]}_{entity}_{rng.choice(TOPICS[layer_of[layer]])}_{index:04}"
        if index < bases:
            model = base_model(rng, name, entity)
        else:
            rank = layer * RANKS + 1 + (index - begin) * RANKS // (edges[layer] - begin)
            view = rng.random() < 0.1 and not plain
            parents = pick_parents(rng, entity, rank, view, refs, models, unread, plain)
            if plain:
                sql, columns = plain_query(rng, entity, parents)
            else:
                query = Query(rng, entity, parents)
                sql, columns = query.write(view), query.columns
            model = Model(name, layer_of[layer], rank, entity, columns, sql, tuple(parent.name for parent in parents), view)
        unread.difference_update(model.parents)
        unread.add(name)
        models.append(model)
    return models


def properties(model, seed):
    """What YAML says of a model: a line for every column, tests of the key and of some others."""
    rng = random.Random(f"properties {model.name}")
    key = KEYS[model.entity]
    yield f"  - name: {model.name}"
    yield f"    description: One row for each {model.entity}, with its {model.name.split('_')[2]} from the {model.layer} layer."
    yield "    columns:"
    for name, kind in model.columns.items():
        words = name.removeprefix("is_").replace("_", " ")
        yield f"      - name: {name}"
        yield f'        description: "{SAYS[kind].format(entity=model.entity, words=words)}"'
        if name == key:
            yield "        data_tests:"
            yield from ("          - unique", "          - not_null")
            target = f"ref('{model.parents[0]}')" if model.parents and rng.random() < 0.3 else seed
            if target and rng.random() < 0.5:
                yield "          - relationships:"
                yield f"              arguments: {{to: {target}, field: {key}}}"
        elif (values := {"status": STATUSES, "channel": CHANNELS}.get(name) or (["low", "medium", "high"] if kind == "band" else None)) \
                and rng.random() < 0.5:
            yield "        data_tests:"
            yield "          - accepted_values:"
            yield f"              arguments: {{values: [{', '.join(values)}]}}"


def seeds():
    rng = random.Random("seeds")
    codes = list(COUNTRIES)
    yield "countries", "country_code,country_name,region", [f"{code},{name},{region}" for code, (name, region) in COUNTRIES.items()]
    yield "customers", "customer_id,country_code,segment,signed_up_on,credit_limit,points", [
        f"{number},{rng.choice(codes)},{rng.choice(['private', 'business'])},2025-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02},"
        f"{rng.randrange(100, 5000)}.50,{rng.randrange(1000)}" for number in range(1, 41)]
    yield "products", "product_id,category,price,cost", [
        f"{number},{rng.choice(['Books', 'Games', 'Tools', 'Toys'])},{rng.randrange(10, 90)}.99,{rng.randrange(2, 10)}.25" for number in range(1, 21)]
    yield "stores", "store_id,country_code,opened_on,floor_area,rent", [
        f"{number},{rng.choice(codes)},20{rng.randrange(10, 25)}-03-01,{rng.randrange(100, 900)},{rng.randrange(900, 4000)}.75" for number in range(1, 9)]


def orders():
    rng = random.Random("orders")
    yield "order_id,customer_id,product_id,store_id,status,channel,quantity,amount,ordered_at"
    for number in range(1, 401):
        yield (f"{number},{rng.randrange(1, 41)},{rng.randrange(1, 21)},{rng.randrange(1, 9)},{rng.choice(STATUSES)},{rng.choice(CHANNELS)},"
               f"{rng.randrange(1, 9)},{rng.randrange(5, 400)}.{rng.randrange(10, 100)},2026-01-{rng.randrange(1, 31):02}T{rng.randrange(8, 20):02}:15:00")


VARS = """vars:
  start_date: "2026-01-01"
  least_amount: 5
  busy_above: 20
  channels: [web, phone, shop]
"""
SOURCE_TYPES = {"order_id": "bigint", "customer_id": "bigint", "product_id": "bigint", "store_id": "bigint", "status": "string", "channel": "string",
                "quantity": "bigint", "amount": "decimal(18, 2)", "ordered_at": "timestamp"}


def source(dbt):
    kinds = [f"          - {{name: {name}, {'data_' if dbt else ''}type: \"{kind}\"}}\n" for name, kind in SOURCE_TYPES.items()]
    reader = """        config: {meta: {external_location: "read_csv('data/orders.csv')"}}\n""" if dbt else "        files: {path: data/orders.csv}\n"
    return ("version: 2\nsources:\n  - name: shop\n    description: What the tills write down.\n    tables:\n      - name: orders\n"
            "        description: One row for each order.\n" + reader + "        columns:\n" + "".join(kinds))


def project_files(count, refs, dbt, plain):
    """(path, text) of every file."""
    if dbt:
        layers = "".join(f"    {layer}: {{+schema: {layer}}}\n" for layer in LAYERS)
        yield "dbt_project.yml", (f'name: {NAME}\nversion: "1.0.0"\nconfig-version: 2\nprofile: {NAME}\n\n{VARS}\nmodels:\n  {NAME}:\n{layers}\n'
                                  f"seeds:\n  {NAME}:\n    +schema: seeds\n")
        yield "profiles.yml", f"{NAME}:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: warehouse.duckdb, threads: 2}}\n"
        yield "macros/generate_schema_name.sql", SCHEMA_NAME
    else:
        yield "project.yaml", f"name: {NAME}\nlayers: [{', '.join(LAYERS)}]\ntargets:\n  dev: {{warehouse: warehouse}}\n\n{VARS}"
    yield "models/sources.yml" if dbt else "sources.yaml", source(dbt)
    yield "data/orders.csv", "".join(f"{line}\n" for line in orders())
    for name, text in MACROS.items():
        yield f"macros/{name}.sql", text
    described = "version: 2\nseeds:\n"
    for name, header, lines in seeds():
        yield f"seeds/{name}.csv", "".join(f"{line}\n" for line in [header, *lines])
        described += f"  - name: {name}\n    columns:\n      - name: {header.split(',')[0]}\n        data_tests: [unique, not_null]\n"
    yield "seeds/seeds.yml", described
    models = shop(count, refs, plain)
    for layer in LAYERS:
        of_layer = [model for model in models if model.layer == layer]
        for start in range(0, len(of_layer), IN_PROPERTIES):
            folder = f"models/{layer}/part_{start // IN_FOLDER + 1:02}"
            part = of_layer[start:start + IN_PROPERTIES]
            for model in part:
                yield f"{folder}/{model.name}.sql", model.sql
            seed_of = {entity: f"ref('{PLURAL[entity]}')" for entity in ("customer", "product", "store")}
            lines = [line for model in part for line in properties(model, seed_of.get(model.entity))]
            yield f"{folder}/models_{start % IN_FOLDER // IN_PROPERTIES + 1}.yml", "version: 2\nmodels:\n" + "".join(f"{line}\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path, help="a folder that is not there yet, or empty")
    parser.add_argument("--models", type=int, required=True)
    parser.add_argument("--refs", type=int, default=3, choices=range(1, 8), help="models that each reads, but for the first ones")
    parser.add_argument("--plain", action="store_true", help="models that are one join each")
    parser.add_argument("--dbt", action="store_true", help="write a dbt project")
    args = parser.parse_args()
    if args.out.exists() and any(args.out.iterdir()):
        sys.exit(f"{args.out} is not empty")
    for path, text in project_files(args.models, args.refs, args.dbt, args.plain):
        file = args.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
