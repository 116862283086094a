// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Lists of zones that are zones (RFC 9432).
extension Schema {
    static let catalogOptions: [Option] = [
        Option(
            "zones.*.members[].zone",
            .domainName,
            .required,
            "Zone of this configuration that the catalog names."
        ),
        Option(
            "zones.*.members[].group",
            .list(.text(255)),
            .absent("consumers serve it as they serve others"),
            "Words by which consumers know how to serve it (`group`)."
        ),
        Option(
            "zones.*.members[].coo",
            .domainName,
            .absent("it stays"),
            "Catalog that the member goes over to (change of ownership)."
        ),
        Option(
            "zones.*.groups[].group",
            .text(255),
            .required,
            "Word that members have for `group`; of several the first that stands here counts."
        ),
        Option(
            "zones.*.groups[].like",
            .domainName,
            .required,
            "Zone of this configuration whose `transfer-from`, `transfer-to` and `notify` such "
                + "members have."
        ),
    ]

    static let catalogGroups: [OptionGroup] = [
        OptionGroup(
            "zones.*.members[]",
            "Zones that this one is a list of (RFC 9432), in place of `file` or `soa`: it is made of "
                + "them, and its serial rises with each change.",
            noun: "member",
            identity: ["zone"]
        ),
        OptionGroup(
            "zones.*.groups[]",
            "How members of a catalog are taken and passed on by their `group`; others as the "
                + "catalog itself.",
            noun: "group",
            identity: ["group"],
            beside: ["catalog"]
        ),
    ]
}
