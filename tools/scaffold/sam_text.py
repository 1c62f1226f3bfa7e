"""Edits SAM templates as text, so that comments and formatting are preserved."""

from __future__ import annotations

import re

ENTRY = re.compile(r"^  (\w+):", re.MULTILINE)

# The parameters of the root template whose default is empty.
MAY_BE_EMPTY = ("AlarmTopicArn", "AwsEndpointUrl", "PushApplicationArn")


def section(text: str, name: str) -> tuple[int, int]:
    """Returns the start and the end of the content of a section, such as `Parameters` or `Resources`."""
    found = re.search(rf"^{name}:\n", text, re.MULTILINE)
    if not found:
        raise LookupError(f"it has no section {name}")
    after = re.compile(r"^(?=[A-Za-z#])", re.MULTILINE).search(text, found.end())
    end = after.start() if after else len(text)
    return found.end(), found.end() + len(text[found.end():end].rstrip("\n")) + 1


def resource(text: str, name: str) -> tuple[int, int]:
    """Returns the start of a resource, which includes the comment above it, and its end."""
    start, end = section(text, "Resources")
    found = re.compile(rf"^  {name}:\n", re.MULTILINE).search(text, start, end)
    if not found:
        raise LookupError(f"it has no resource {name}")
    first = found.start()
    while (line := text.rfind("\n", 0, first - 1) + 1) >= start and text.startswith("  #", line):
        first = line
    after = re.compile(r"^  (?=[A-Za-z#])", re.MULTILINE).search(text, found.end(), end)
    return first, after.start() if after else end


def has_resource(text: str, name: str) -> bool:
    """Whether the template has the resource."""
    return name in resources(text)


def resources(text: str) -> list[str]:
    """Returns the logical ids of a template."""
    start, end = section(text, "Resources")
    return [found[1] for found in ENTRY.finditer(text, start, end)]


def contexts(root: str) -> list[str]:
    """Returns the contexts that are nested stacks of the root template, in its order."""
    return re.findall(r"^ +Location: functions/([a-z][a-z0-9-]*)/template\.yaml$", root, re.MULTILINE)


def with_resources(text: str, added: str, before: str) -> str:
    """Returns the template with additional resources, before another one and its comment."""
    start, _ = resource(text, before)
    return f"{text[:start]}{added.strip(chr(10))}\n\n{text[start:]}"


def within(text: str, name: str, old: str, new: str) -> str:
    """Returns the template with the first match of the pattern `old` within a resource replaced."""
    start, end = resource(text, name)
    changed, number = re.subn(old, new, text[start:end], count=1, flags=re.MULTILINE)
    if not number:
        raise LookupError(f"{name} does not have the form that the generator expects")
    return text[:start] + changed + text[end:]


def with_parameter(text: str, name: str, order: list[str]) -> str:
    """Returns the nested template with a parameter. Parameters of the root template come first, in the `order` that they
    have there; then the others, by name."""
    def rank(parameter: str) -> tuple[int, str]:
        return (order.index(parameter), "") if parameter in order else (len(order), parameter)

    start, end = section(text, "Parameters")
    there = [(found[1], found.start()) for found in ENTRY.finditer(text, start, end)]
    if name in dict(there):
        return text
    at = next((place for parameter, place in there if rank(parameter) > rank(name)), end)
    return f"{text[:at]}{declaration(name)}{text[at:]}"


def declaration(parameter: str) -> str:
    """Returns the line that declares a parameter of a nested template. LocalStack takes an empty value of a parameter without a default
    for a missing one."""
    default = ', Default: ""' if parameter in MAY_BE_EMPTY else ""
    return f"  {parameter}: {{Type: String{default}}}\n"


def with_condition(text: str, name: str, condition: str) -> str:
    """Returns the nested template with a condition. The section of conditions comes after the parameters."""
    if re.search(rf"^  {name}:", text, re.MULTILINE):
        return text
    if re.search(r"^Conditions:\n", text, re.MULTILINE):
        _, end = section(text, "Conditions")
        return f"{text[:end]}  {name}: {condition}\n{text[end:]}"
    _, end = section(text, "Parameters")
    return f"{text[:end]}\nConditions:\n  {name}: {condition}\n{text[end:]}"


def entry_of(root: str, context: str) -> str:
    """Returns the logical id of a context's nested stack in the root template."""
    location = re.search(rf"^ +Location: functions/{context}/template\.yaml$", root, re.MULTILINE)
    if not location:
        raise LookupError(f"it has no nested stack functions/{context}/template.yaml")
    *_, entry = ENTRY.finditer(root, 0, location.start())
    return entry[1]


def value_of(root: str, parameter: str) -> str:
    """Returns the value of a parameter that the root template passes to other nested stacks."""
    found = re.search(rf"^        {parameter}: (.+)$", root, re.MULTILINE)
    if found:
        return found[1]
    if parameter.endswith("TopicArn") and has_resource(root, parameter.removesuffix("Arn")):
        return f"!Ref {parameter.removesuffix('Arn')}"
    return f"!Ref {parameter}"


def with_given(root: str, entry: str, parameter: str, order: list[str]) -> str:
    """Returns the root template with a parameter for a nested stack, in the order in which the stack declares its parameters."""
    start, end = resource(root, entry)
    given = [(found[1], start + found.start()) for found in re.finditer(r"^        (\w+): ", root[start:end], re.MULTILINE)]
    if parameter in dict(given):
        return root
    later = set(order[order.index(parameter) + 1:])
    at = next((place for name, place in given if name in later), start + len(root[start:end].rstrip("\n")) + 1)
    return f"{root[:at]}        {parameter}: {value_of(root, parameter)}\n{root[at:]}"


def declared(text: str) -> list[str]:
    """Returns the parameters that a template declares."""
    start, end = section(text, "Parameters")
    return [found[1] for found in ENTRY.finditer(text, start, end)]


def with_topic(root: str, topic: str) -> str:
    """Returns the root template with an additional topic below the others."""
    *_, last = re.finditer(r"^  \w+:\n    Type: AWS::SNS::Topic\n", root, re.MULTILINE)
    return f"{root[:last.end()]}\n  {topic}:\n    Type: AWS::SNS::Topic\n{root[last.end():]}"


def with_entry(root: str, added: str) -> str:
    """Returns the root template with an additional nested stack below all other resources."""
    _, end = section(root, "Resources")
    return f"{root[:end]}\n{added}{root[end:]}"


def with_sender(root: str, topic: str) -> str:
    """Returns the root template with the permission of a topic to send undelivered events to the queue of unpublished events."""
    start, end = resource(root, "UnpublishedQueuePolicy")
    if f"!Ref {topic}" in root[start:end].replace(",", " ").replace("]", " ").split("\n", 1)[1]:
        return root
    return within(root, "UnpublishedQueuePolicy", r"(aws:SourceArn: \[[^\]]*)\]", rf"\1, !Ref {topic}]")


def globals_of(text: str) -> str:
    """Returns the section `Globals` with the comment above it."""
    start, end = section(text, "Globals")
    first = text.rfind("\n", 0, start - 1) + 1
    while (line := text.rfind("\n", 0, first - 1) + 1) < first and text.startswith("#", line):
        first = line
    return text[first:end]


def with_invoked(text: str, role: str, function: str, health: str) -> str:
    """Returns the template with an additional function that the role of API Gateway may invoke. The health function stays the last."""
    start, end = resource(text, role)
    line = f"- !GetAtt {function}.Arn"
    if f" {line}\n" in text[start:end]:
        return text
    if f"- !GetAtt {health}.Arn\n" in text[start:end]:
        return within(text, role, rf"^( +)- !GetAtt {health}\.Arn\n", rf"\1{line}\n\1- !GetAtt {health}.Arn\n")
    return _after_last(text, role, r"^ +- !GetAtt \w+\.Arn\n", f"                  {line}\n")


def with_watched_queue(text: str, health: str, consumer: str) -> str:
    """Returns the template with the queues of an additional consumer in the health function's variables and permissions."""
    pair = f'!Sub "{consumer}=${{{consumer}Queue}}"'
    start, end = resource(text, health)
    if "HEALTH_QUEUES" in text[start:end]:
        text = _after_last(text, health, r'^ +(?:- )?- !Sub "\w+=\$\{\w+\}"\n', f"              - {pair}\n")
    else:
        added = f'          HEALTH_QUEUES: !Join\n            - ","\n            - - {pair}\n'
        text = _after_last(text, health, r"^          TABLE_NAME: .*\n", added)
    role = f"{health}Role"
    queues = "".join(f"                  - !GetAtt {consumer}{queue}.Arn\n" for queue in ("Queue", "DeadLetters"))
    start, end = resource(text, role)
    if "sqs:GetQueueAttributes" in text[start:end]:
        return _after_last(text, role, r"^ {18}- !GetAtt \w+\.Arn\n", queues)
    action = "              - Effect: Allow\n                Action: [sqs:GetQueueAttributes]\n                Resource:\n"
    return _after_last(text, role, r"^              - .*dynamodb:DescribeTable.*\n", action + queues)


def with_alarmed_queue(text: str, alarm: str, consumer: str, metric: str) -> str:
    """Returns the template with the queue of an additional consumer in the alarm for dead letters."""
    return _after_last(text, alarm, r"^        - Id: \w+\n(?: {10}.*\n)+", metric)


def _after_last(text: str, name: str, pattern: str, added: str) -> str:
    """Returns the template with additional lines in a resource, after the last match of a pattern."""
    start, end = resource(text, name)
    found = list(re.finditer(pattern, text[start:end], re.MULTILINE))
    if not found:
        raise LookupError(f"{name} does not have the form that the generator expects")
    at = start + found[-1].end()
    return text[:at] + added + text[at:]
