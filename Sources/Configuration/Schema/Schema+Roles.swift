// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Who leads, and who gets what may change something.
    static let roleOptions: [Option] = [
        Option(
            "probes.*.role.status",
            .list(.statuses),
            .absent("`field` instead"),
            "Statuses of answers that say that the endpoint leads; with others it is a replica."
        ),
        Option(
            "probes.*.role.field",
            .text(256),
            .absent("`status` instead"),
            "Member of a JSON body that says the role, such as `replication.role`."
        ),
        Option(
            "probes.*.role.leader",
            .list(.text(64)),
            .absent("`leader`, `primary`, `master` and `true`"),
            "Values of `field`, in any case, that say that the endpoint leads."
        ),
        Option(
            "pools.*.writes",
            .words(WritePolicy.allCases.map(\.rawValue)),
            "any",
            "Who gets requests whose method is not safe: `any` endpoint, or the `leader` alone; "
                + "while not exactly one says that it leads they get 503."
        ),
        Option(
            "pools.*.reads",
            .words(ReadPolicy.allCases.map(\.rawValue)),
            "all",
            "Who gets all other requests: `all`, or `replicas`, and the leader when none of them can."
        ),
    ]

    static let roleGroups: [OptionGroup] = [
        OptionGroup(
            "probes.*.role",
            "How the answer says whether the endpoint leads or follows.",
            beside: ["http"]
        )
    ]
}
