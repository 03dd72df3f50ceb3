"""What a month and a study cost: listed prices times what the templates make.

What is deployed is read from the templates with the parameters of each stage, so that another
endpoint, alarm or rule shows here. Seconds are those of ``benchmarks/results/latest.json``. What
can be neither read nor measured stands in ``docs/prices.yaml``, with its reason.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.deploy import CONFIGURATION, configured
from scripts.deployed_resources import DeployedResource, deployed_resources
from scripts.generated_sections import Sections, run, table

ROOT = Path("template.yaml")
PRICES = Path("docs/prices.yaml")
STATE_MACHINE = Path("statemachine/mri_analysis.asl.json")
BENCHMARK = Path("benchmarks/results/latest.json")
STAGES = ("dev", "staging", "prod")
STUDIES_PER_DAY = (0, 50, 1000)

_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
_COMMIT = 40 * "0"
# The images come from a build, not from samconfig.toml; without one nothing is analysed.
_GIVEN = {"SegmentationImageUri": f"{_IMAGE}/mri-segmentation:{_COMMIT}"}
_READING_ROOM = {
    "DeployReadingRoom": "true",
    "ReadingRoomImageUri": f"{_IMAGE}/mri-reading-room:{_COMMIT}",
    "ReadingRoomOrigin": "https://reading-room.example.org",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0",
}
# The one state whose time is mostly not its function's.
_WAITING_STATE = "SegmentImage"
_STATE_OF = {
    "PrepareStudyFunction": "PrepareStudy",
    "VlmProcessingTriggerFunction": "ImageToText",
    "LlmRagEnhancementFunction": "EnhanceWithLLM",
    "StoreAnalysisResultsFunction": "StoreResults",
    "NotifyUserFunction": "NotifyUser",
}
_IMPORT_OF = {
    "StartAnalysisFunction": "start_analysis",
    "SegmentationTriggerFunction": "mri_segmentation_trigger",
    "ModelCallbackFunction": "model_callback",
}


@dataclass(frozen=True)
class Line:
    """One item of a bill."""

    part: str
    what: str
    usd: float
    """A month"""
    per_study: bool = False
    """Whether it comes from the studies and not from the deployment"""


@dataclass(frozen=True)
class Book:
    """Prices, assumptions and measurements."""

    prices: Mapping[str, Mapping[str, Any]]
    assumptions: Mapping[str, Mapping[str, Any]]
    benchmark: Mapping[str, Any]
    region: str = ""
    collected: str = ""

    @classmethod
    def read(cls, prices: Path = PRICES, benchmark: Path = BENCHMARK) -> Book:
        """Read the files."""
        document = yaml.safe_load(prices.read_text(encoding="utf-8"))
        return cls(
            document["prices"],
            document["assumptions"],
            json.loads(benchmark.read_text(encoding="utf-8")),
            document["region"],
            document["collected"],
        )

    def price(self, name: str) -> float:
        """US dollars of one unit.

        Raises
        ------
        KeyError
            With the file that lacks the price.
        """
        if name not in self.prices:
            raise KeyError(f"{PRICES} has no price {name!r}; add it with its source.")
        return float(self.prices[name]["usd"])

    def assumed(self, name: str) -> float:
        """The value of one assumption."""
        return float(self.assumptions[name]["value"])


class Deployment:
    """The resources of one stage."""

    def __init__(self, parameters: Mapping[str, str], root: Path = ROOT) -> None:
        self.parameters = parameters
        self.resources = deployed_resources(root, parameters)

    def of_kind(self, *kinds: str) -> list[DeployedResource]:
        """Resources of these types."""
        return [resource for resource in self.resources if resource.kind in kinds]

    def count(self, *kinds: str) -> int:
        """How many there are of these types."""
        return len(self.of_kind(*kinds))

    @property
    def zones(self) -> int:
        """Availability zones of the network."""
        return int(self.parameters.get("ZoneCount", "2"))


def fixed_lines(deployment: Deployment, book: Book) -> list[Line]:
    """What is paid for a month without a study."""
    parts: Sequence[Callable[[Deployment, Book], list[Line]]] = (
        _network,
        _database,
        _search,
        _reading_room,
        _firewall,
        _watching,
        _rest,
    )
    return [line for part in parts for line in part(deployment, book) if line.usd > 0]


def _network(deployment: Deployment, book: Book) -> list[Line]:
    hours = book.assumed("hours_per_month")
    endpoints = [
        endpoint
        for endpoint in deployment.of_kind("AWS::EC2::VPCEndpoint")
        if endpoint.value("VpcEndpointType") == "Interface"
    ]
    # An endpoint is billed for each zone that it has a subnet in.
    interfaces = sum(len(endpoint.value("SubnetIds")) for endpoint in endpoints)
    gateways = deployment.count("AWS::EC2::NatGateway")
    return [
        Line(
            "network",
            f"{len(endpoints)} interface endpoints, {interfaces} counted by zone",
            interfaces * hours * book.price("interface-endpoint-hour"),
        ),
        Line(
            "network",
            f"{gateways} NAT gateways",
            gateways * hours * (book.price("nat-hour") + book.price("public-address-hour")),
        ),
        Line(
            "network",
            "flow logs",
            deployment.count("AWS::EC2::FlowLog")
            and book.assumed("network_log_gb_per_month") * book.price("logs-gb"),
        ),
    ]


def _database(deployment: Deployment, book: Book) -> list[Line]:
    hours = book.assumed("hours_per_month")
    kind = deployment.parameters.get("DatabaseKind", "external")
    if kind == "external":
        return []
    copies = 2 if deployment.parameters.get("DatabaseHighAvailability") == "true" else 1
    where = "two zones" if copies == 2 else "one zone"
    if kind == "aurora-serverless":
        least = float(deployment.parameters.get("DatabaseMinCapacity", "0.5"))
        billed = max(book.assumed("proxy_least_acu"), copies * least)
        return [
            Line(
                "database",
                f"Aurora Serverless at its least, {least:g} ACU, {where}",
                copies * least * hours * book.price("aurora-acu-hour"),
            ),
            Line(
                "database",
                f"RDS Proxy, {billed:g} ACU",
                billed * hours * book.price("rds-proxy-acu-hour"),
            ),
            _aurora_storage(book),
        ]
    chosen = deployment.parameters.get("DatabaseInstanceClass", "db.t4g.micro")
    vcpus = book.assumed("proxy_vcpus_per_instance")
    # A standby of RDS is no target of the proxy; a reader of Aurora is one.
    billed = vcpus * (copies if kind == "aurora" else 1)
    lines = [
        Line("database", f"{chosen}, {where}", copies * hours * book.price(f"{kind}:{chosen}")),
        Line(
            "database",
            f"RDS Proxy, {billed:g} vCPU",
            billed * hours * book.price("rds-proxy-vcpu-hour"),
        ),
    ]
    if kind == "aurora":
        return [*lines, _aurora_storage(book)]
    storage = float(deployment.parameters.get("DatabaseStorageGiB", "20"))
    return [
        *lines,
        Line(
            "database",
            f"{storage:g} GB of storage",
            copies * storage * book.price("mysql-gb-month"),
        ),
    ]


def _aurora_storage(book: Book) -> Line:
    stored = book.assumed("database_gb")
    return Line("database", f"{stored:g} GB of storage", stored * book.price("aurora-gb-month"))


def _search(deployment: Deployment, book: Book) -> list[Line]:
    hours = book.assumed("hours_per_month")
    kind = deployment.parameters.get("SearchKind", "none")
    if kind == "domain":
        chosen = deployment.parameters.get("SearchInstanceType", "t3.small.search")
        nodes = int(deployment.parameters.get("SearchInstanceCount", "1"))
        disk = float(deployment.parameters.get("SearchVolumeGiB", "10"))
        return [
            Line(
                "search",
                f"{nodes} {chosen} with {disk:g} GB each",
                nodes
                * (
                    hours * book.price(f"opensearch:{chosen}")
                    + disk * book.price("opensearch-gb-month")
                ),
            )
        ]
    if kind == "serverless":
        units = book.assumed("search_serverless_ocu")
        return [
            Line("search", f"{units:g} OCU", units * hours * book.price("opensearch-ocu-hour")),
        ]
    return []


def _reading_room(deployment: Deployment, book: Book) -> list[Line]:
    hours = book.assumed("hours_per_month")
    lines = []
    for service in deployment.of_kind("AWS::ECS::Service"):
        (task,) = [
            resource
            for resource in deployment.of_kind("AWS::ECS::TaskDefinition")
            if resource.stack == service.stack
        ]
        tasks = int(service.value("DesiredCount"))
        vcpus = int(task.value("Cpu")) / 1024
        memory = int(task.value("Memory")) / 1024
        lines.append(
            Line(
                "reading room",
                f"{tasks} tasks with {vcpus:g} vCPU and {memory:g} GB",
                tasks
                * hours
                * (
                    vcpus * book.price("fargate-vcpu-hour") + memory * book.price("fargate-gb-hour")
                ),
            )
        )
    balancers = deployment.count("AWS::ElasticLoadBalancingV2::LoadBalancer")
    through = book.assumed("reading_room_gb_per_month")
    return [
        *lines,
        Line(
            "reading room",
            f"load balancer with {deployment.zones} addresses, one capacity unit",
            balancers
            * hours
            * (
                book.price("balancer-hour")
                + book.price("balancer-unit-hour")
                + deployment.zones * book.price("public-address-hour")
            ),
        ),
        Line(
            "reading room",
            f"{through:g} GB to its readers",
            balancers * through * (book.price("nat-gb") + book.price("transfer-out-gb")),
        ),
    ]


def _firewall(deployment: Deployment, book: Book) -> list[Line]:
    return [
        Line(
            "firewall",
            f"web ACL with {len(acl.value('Rules'))} rules",
            book.price("waf-acl") + len(acl.value("Rules")) * book.price("waf-rule"),
        )
        for acl in deployment.of_kind("AWS::WAFv2::WebACL")
    ]


def _watching(deployment: Deployment, book: Book) -> list[Line]:
    alarms = deployment.of_kind("AWS::CloudWatch::Alarm")
    metrics = sum(
        sum("MetricStat" in metric for metric in alarm.properties.get("Metrics", [{}]))
        if "Metrics" in alarm.properties
        else 1
        for alarm in alarms
    )
    boards = deployment.count("AWS::CloudWatch::Dashboard")
    own = book.assumed("custom_metrics")
    return [
        Line(
            "alarms and dashboard",
            f"{len(alarms)} alarms on {metrics} metrics, {boards} dashboard",
            metrics * book.price("alarm-metric") + boards * book.price("dashboard"),
        ),
        Line("alarms and dashboard", f"{own:g} metrics", own * book.price("custom-metric")),
    ]


def _rest(deployment: Deployment, book: Book) -> list[Line]:
    keys = deployment.count("AWS::KMS::Key")
    secrets = deployment.count("AWS::SecretsManager::Secret") + sum(
        bool(database.value("ManageMasterUserPassword"))
        for database in deployment.of_kind("AWS::RDS::DBInstance", "AWS::RDS::DBCluster")
    )
    users = book.assumed("active_users")
    tier = deployment.parameters.get("UserPoolTier", "PLUS").lower()
    polls = book.assumed("sqs_polls_per_month")
    image = book.assumed("image_gb") * deployment.count("AWS::SageMaker::Endpoint")
    return [
        Line(
            "the rest",
            f"{keys} key, {secrets} secrets, {image:g} GB of images",
            keys * book.price("kms-key")
            + secrets * book.price("secret")
            + image * book.price("ecr-gb-month"),
        ),
        Line(
            "the rest",
            f"{users:g} users ({tier}) and their open pages",
            users
            * (book.price(f"cognito-user-{tier}") + 8 * 22 * 60 * book.price("websocket-minute")),
        ),
        Line("the rest", "polling the upload queue", polls * book.price("sqs-request")),
    ]


def study_lines(deployment: Deployment, book: Book, per_day: int) -> list[Line]:
    """What ``per_day`` studies add to a month."""
    studies = per_day * book.assumed("days_per_month")
    if not studies:
        return []
    cold = per_day <= book.assumed("lambda_cold_up_to_studies")
    gb_seconds, calls = lambda_use(deployment, book, cold)
    chosen = deployment.parameters.get("SegmentationInstanceType", "ml.m5.xlarge")
    hours = endpoint_hours_per_day(per_day, book)
    stored = (2 * book.assumed("upload_mb") + book.assumed("results_mb")) / 1000
    logs = (book.assumed("log_kb_per_study") / 1e6) + (
        book.assumed("network_log_mb_per_study") / 1e3
        if deployment.count("AWS::EC2::FlowLog")
        else 0
    )
    each = {
        "functions": gb_seconds * book.price("lambda-gb-second")
        + calls * book.price("lambda-request"),
        "state machine": transitions() * book.price("states-transition"),
        "uploads and results, first month": stored * book.price("s3-gb-month")
        + book.assumed("s3_puts_per_study") * book.price("s3-put")
        + book.assumed("s3_gets_per_study") * book.price("s3-get"),
        "messages, tables, keys": book.assumed("sqs_requests_per_study") * book.price("sqs-request")
        + book.assumed("dynamodb_writes_per_study") * book.price("dynamodb-write")
        + book.assumed("dynamodb_reads_per_study") * book.price("dynamodb-read")
        + book.assumed("kms_requests_per_study") * book.price("kms-request"),
        "API and live updates": book.assumed("api_requests_per_study")
        * (
            book.price("api-request")
            + book.price("waf-request") * bool(deployment.count("AWS::WAFv2::WebACL"))
        )
        + book.assumed("websocket_messages_per_study") * book.price("websocket-message")
        + book.assumed("download_mb_per_study") / 1e3 * book.price("transfer-out-gb"),
        "logs and traces": logs * (book.price("logs-gb") + book.price("logs-gb-month"))
        + book.assumed("traces_per_study") * book.price("trace"),
        "trail of every access": book.assumed("data_events_per_study")
        * book.price("trail-data-event")
        * deployment.count("AWS::CloudTrail::Trail"),
        "database requests": book.assumed("database_io_per_study")
        * book.price("aurora-io")
        * deployment.parameters.get("DatabaseKind", "external").startswith("aurora"),
        "interface endpoints": book.assumed("interface_mb_per_study")
        / 1e3
        * book.price("interface-endpoint-gb")
        * bool(deployment.count("AWS::EC2::VPCEndpoint")),
    }
    lines = [Line("study", what, usd * studies, True) for what, usd in each.items() if usd]
    segmentation = hours * book.assumed("days_per_month") * book.price(f"sagemaker:{chosen}")
    what = f"segmentation endpoint, {chosen}, {hours:.1f} h a day"
    return [Line("study", what, segmentation, True), *lines]


def lambda_use(deployment: Deployment, book: Book, cold: bool) -> tuple[float, int]:
    """GB-seconds and calls of one study.

    The benchmark ran on whole cores. Lambda gives a share of one below ``lambda_full_core_mb``, so
    the seconds are stretched by it. A cold call is billed with its start.
    """
    measured = book.benchmark["stack"]["stage_seconds"]["cold" if cold else "warm"]
    imports = book.benchmark["handler_import_seconds"]
    functions = {f.logical_id: f for f in deployment.of_kind("AWS::Lambda::Function")}
    total = 0.0
    for logical_id in (*_STATE_OF, *_IMPORT_OF):
        memory = int(functions[logical_id].value("MemorySize"))
        if logical_id in _STATE_OF:
            seconds = measured[_STATE_OF[logical_id]]
        else:
            seconds = 0.05 + (imports[_IMPORT_OF[logical_id]] if cold else 0)
        total += memory / 1024 * seconds * max(1, book.assumed("lambda_full_core_mb") / memory)
    api_calls = int(book.assumed("api_requests_per_study"))
    memory = int(functions["ApiFunction"].value("MemorySize"))
    stretched = max(1, book.assumed("lambda_full_core_mb") / memory)
    total += api_calls * memory / 1024 * 0.03 * stretched
    return total, len(_STATE_OF) + len(_IMPORT_OF) + api_calls


def transitions(definition: Path = STATE_MACHINE) -> int:
    """State transitions of a study that succeeds, the start among them."""
    machine = json.loads(definition.read_text(encoding="utf-8"))
    state, passed = machine["StartAt"], 1
    while state:
        passed += 1
        state = machine["States"][state].get("Default") or machine["States"][state].get("Next")
    return passed


def endpoint_hours_per_day(per_day: int, book: Book) -> float:
    """Instance-hours that a scale-to-zero endpoint is billed for on a day.

    Studies come at random (exponential gaps with mean ``g``) within the working hours. After each
    one the instance stays for the gap, or for the idle time where the gap is longer; then it goes
    and the next study pays for a start. With idle time ``T`` a study keeps it for
    ``g (1 - exp(-T/g))`` and causes a start with probability ``exp(-T/g)``. Never less than the
    work itself.
    """
    if per_day == 0:
        return 0.0
    gap = book.assumed("working_hours_per_day") / per_day
    idle = book.assumed("endpoint_idle_minutes") / 60
    start = book.assumed("endpoint_start_minutes") / 60
    asleep = math.exp(-idle / gap)
    kept = per_day * (gap * (1 - asleep) + asleep * start)
    return max(kept, per_day * busy_seconds(book) / 3600)


def busy_seconds(book: Book) -> float:
    """Seconds that one study keeps an instance busy."""
    measured = float(book.benchmark["segmentation"]["wall_seconds"])
    return measured * book.assumed("endpoint_slower")


def lone_study(book: Book, instance: str = "ml.m5.xlarge") -> float:
    """What the endpoint costs for one study that comes alone."""
    minutes = book.assumed("endpoint_start_minutes") + book.assumed("endpoint_idle_minutes")
    hours = minutes / 60 + busy_seconds(book) / 3600
    return hours * book.price(f"sagemaker:{instance}")


def deployment_of(stage: str, **others: str) -> Deployment:
    """The stage as ``samconfig.toml`` has it, with a segmentation image."""
    configuration = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    return Deployment(configured(configuration, stage) | _GIVEN | others)


def sections() -> Sections:
    """What the documents show."""
    book = Book.read()
    stages = {stage: deployment_of(stage) for stage in STAGES}
    summary = "\n\n".join([_month_table(stages, book), _note(book)])
    return {
        ("docs/deploy.md", "cost-summary"): summary,
        ("docs/costs.md", "month"): summary,
        ("docs/costs.md", "fixed"): _fixed_table(stages, book),
        ("docs/costs.md", "study"): _study_table(stages["prod"], book),
        ("docs/costs.md", "options"): _options_table(stages["prod"], book),
        ("docs/costs.md", "assumptions"): _assumptions_table(book),
        ("docs/costs.md", "prices"): _prices_table(book),
    }


def _month_table(stages: Mapping[str, Deployment], book: Book) -> str:
    rows = []
    for stage, deployment in stages.items():
        fixed = sum(line.usd for line in fixed_lines(deployment, book))
        row = [stage]
        for per_day in STUDIES_PER_DAY:
            added = sum(line.usd for line in study_lines(deployment, book, per_day))
            studies = per_day * book.assumed("days_per_month")
            row.append(_usd(fixed + added))
            if studies:
                row += [_usd(added / studies), _usd((fixed + added) / studies)]
        rows.append(row)
    header = ["stage"]
    for per_day in STUDIES_PER_DAY:
        header.append(f"month, {per_day:,} a day")
        if per_day:
            header += ["one study more", "a study, all in"]
    return table(header, rows)


def _note(book: Book) -> str:
    verify = sum(price["sure"] == "memory" for price in book.prices.values())
    return (
        f"US dollars. An estimate from list prices of {book.region}, collected {book.collected}; "
        f"not a bill. {verify} of {len(book.prices)} prices are from memory and marked so in "
        "[costs.md](costs.md). No free tier, tax, discount or support plan is counted."
    )


def _fixed_table(stages: Mapping[str, Deployment], book: Book) -> str:
    rows: list[list[str]] = []
    for stage, deployment in stages.items():
        lines = sorted(fixed_lines(deployment, book), key=lambda line: -line.usd)
        rows += [[stage, line.part, line.what, _usd(line.usd)] for line in lines]
        rows.append([f"**{stage}**", "", "**a month**", f"**{_usd(sum(x.usd for x in lines))}**"])
    return table(["stage", "part", "what", "a month"], rows)


def _study_table(deployment: Deployment, book: Book) -> str:
    counts = [count for count in STUDIES_PER_DAY if count]
    columns = []
    for per_day in counts:
        studies = per_day * book.assumed("days_per_month")
        columns.append(
            {
                line.what.split(",")[0]: line.usd / studies
                for line in study_lines(deployment, book, per_day)
            }
        )
    rows = [
        [what, *(f"{column.get(what, 0):.5f}" for column in columns)]
        for what in sorted(columns[0], key=lambda what: -columns[0][what])
    ]
    sums = ["**together**", *(f"**{sum(column.values()):.5f}**" for column in columns)]
    return table(["what", *(f"{count:,} a day" for count in counts)], [*rows, sums])


def _options_table(prod: Deployment, book: Book) -> str:
    """What a choice adds to prod as it is, or takes away."""
    base = sum(line.usd for line in fixed_lines(prod, book))

    def difference(**others: str) -> str:
        changed = fixed_lines(deployment_of("prod", **others), book)
        value = sum(line.usd for line in changed) - base
        return f"{'+' if value >= 0 else '-'}{_usd(abs(value))} a month"

    def report(model: str) -> str:
        value = book.assumed("report_input_tokens") * book.price(f"bedrock-{model}-input")
        value += book.assumed("report_output_tokens") * book.price(f"bedrock-{model}-output")
        return f"+{value:.3f} a study"

    always = book.assumed("hours_per_month") * book.price("sagemaker:ml.g5.xlarge")
    build = book.assumed("build_minutes") * book.price("build-minute")
    return table(
        ["choice", "difference to prod"],
        [
            ["reading room on Fargate (`DeployReadingRoom=true`)", difference(**_READING_ROOM)],
            ["no search service (`SearchKind=none`)", difference(SearchKind="none")],
            ["a third zone (`ZoneCount=3`)", difference(ZoneCount="3")],
            [
                "one database instance (`DatabaseHighAvailability=false`)",
                difference(DatabaseHighAvailability="false"),
            ],
            [
                "Aurora Serverless (`DatabaseKind=aurora-serverless`)",
                difference(DatabaseKind="aurora-serverless"),
            ],
            ["no firewall (`UseFirewall=false`)", difference(UseFirewall="false")],
            ["reports by a large language model (`BedrockModelId`)", report("large")],
            ["reports by a small language model (`BedrockModelId`)", report("small")],
            [
                "a GPU endpoint that never sleeps (ml.g5.xlarge), for comparison",
                f"+{_usd(always)} a month",
            ],
            [
                "a study that comes alone: start and idle time of the endpoint",
                f"{lone_study(book):.2f} for that study",
            ],
            ["one commit through the pipeline", f"{build:.2f} a commit"],
        ],
    )


def _assumptions_table(book: Book) -> str:
    seconds = book.benchmark["segmentation"]["wall_seconds"]
    measured = [
        ["seconds of segmentation", f"{seconds:g}", f"measured, `{BENCHMARK}`"],
        [
            "busy seconds of the endpoint for a study",
            f"{busy_seconds(book):.1f}",
            "measured seconds times `endpoint_slower`",
        ],
        ["state transitions of a study", str(transitions()), f"counted in `{STATE_MACHINE}`"],
    ]
    assumed = [
        [name.replace("_", " "), f"{entry['value']:,}", str(entry["why"])]
        for name, entry in book.assumptions.items()
    ]
    return table(["what", "value", "where it comes from"], measured + assumed)


def _prices_table(book: Book) -> str:
    words = {"article": "read", "memory": "**from memory, verify**"}
    return table(
        ["price", "US dollars", "for one", "how sure", "source"],
        [
            [
                f"`{name}`",
                f"{float(price['usd']):.10f}".rstrip("0").rstrip("."),
                price["unit"],
                words[price["sure"]],
                price["source"],
            ]
            for name, price in book.prices.items()
        ],
    )


def _usd(value: float) -> str:
    """Three digits that matter, and no cent that pretends to be known."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


if __name__ == "__main__":
    sys.exit(run(sections(), "Write the cost tables of docs/deploy.md and docs/costs.md."))
