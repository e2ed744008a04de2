#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's readers on our documents: evidence-validate.py FILE… [--broken FILE…]

SPDX by spdx-tools, CycloneDX by cyclonedx-python-lib (the official schema, strict),
in-toto statements by in-toto-attestation and its protobuf types, package URLs by
packageurl-python.  Exit 1 and the reasons where one refuses, or where a broken one is taken."""
import json
import re
import sys


def purl(text, problems):
    from packageurl import PackageURL

    try:
        back = PackageURL.from_string(text).to_string()
    except ValueError as e:
        problems.append(f"{text}: {e}")
        return
    if back != text:
        problems.append(f"{text}: is written {back}")


def spdx(path, doc, problems):
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.spdx_element_utils import calculate_package_verification_code
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    try:
        parsed = parse_file(path)
    except SPDXParsingError as e:
        problems.extend(e.get_messages())
        return
    for m in validate_full_spdx_document(parsed, "SPDX-2.3"):
        problems.append(f"{m.context.spdx_id}: {m.validation_message}")
    if problems:
        return
    for p in parsed.packages:
        if p.files_analyzed and p.verification_code != calculate_package_verification_code(parsed.files):
            problems.append(f"{p.spdx_id}: verification code")
    for p in doc["packages"]:
        for r in p.get("externalRefs", []):
            purl(r["referenceLocator"], problems)


def cyclonedx(path, doc, problems):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as f:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(f.read())
    if error:
        problems.append(str(error)[:500])
    refs = [c["bom-ref"] for c in [doc["metadata"]["component"]] + doc["components"]]
    if len(refs) != len(set(refs)):
        problems.append("a bom-ref twice")
    for d in doc["dependencies"]:
        if not {d["ref"], *d["dependsOn"]} <= set(refs):
            problems.append("a dependency on nothing")
    for c in doc["components"]:
        if "purl" in c:
            purl(c["purl"], problems)


def descriptor(d, where, problems):
    from google.protobuf import json_format
    from in_toto_attestation.v1 import resource_descriptor_pb2 as pb
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor

    ResourceDescriptor.copy_from_pb(json_format.ParseDict(d, pb.ResourceDescriptor())).validate()
    for name, value in d.get("digest", {}).items():
        # DigestSet: lower-case hex for the algorithms that the spec names
        size = {"sha256": 64, "sha512": 128}.get(name)
        if not re.fullmatch("[0-9a-f]+", value) or (size and len(value) != size):
            problems.append(f"{where}: digest {name}")
    if "uri" in d and not re.match("[a-z][a-z0-9+.-]*:[^ ]", d["uri"]):
        problems.append(f"{where}: uri {d['uri']}")
    if d.get("uri", "").startswith("pkg:"):
        purl(d["uri"], problems)


def in_toto(path, doc, problems):
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    try:
        Statement.copy_from_pb(json_format.ParseDict(doc, statement_pb2.Statement())).validate()
        for s in doc["subject"]:
            descriptor(s, "subject", problems)
        if doc["predicateType"] != "https://slsa.dev/provenance/v1":
            return
        # unknown fields are refused
        p = json_format.ParseDict(doc["predicate"], provenance_pb2.Provenance())
        if not p.build_definition.build_type or not p.run_details.builder.id:
            problems.append("SLSA: buildType and builder.id are required")
        if not p.build_definition.external_parameters.fields:
            problems.append("SLSA: externalParameters are required")
        for d in doc["predicate"]["buildDefinition"].get("resolvedDependencies", []):
            descriptor(d, d.get("name"), problems)
    except (json_format.ParseError, ValueError) as e:
        problems.append(str(e))


def check(path):
    problems = []
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    if "spdxVersion" in doc:
        spdx(path, doc, problems)
    elif doc.get("bomFormat") == "CycloneDX":
        cyclonedx(path, doc, problems)
    elif "predicateType" in doc:
        in_toto(path, doc, problems)
    else:
        problems.append("of no kind that is known")
    return problems


def main():
    failed = broken = False
    for path in sys.argv[1:]:
        if path == "--broken":
            broken = True
            continue
        problems = check(path)
        if broken and not problems:
            print(f"{path}: is broken, and taken")
        for p in [] if broken else problems[:20]:
            print(f"{path}: {p}")
        failed = failed or broken != bool(problems)
    sys.exit(failed)


main()
