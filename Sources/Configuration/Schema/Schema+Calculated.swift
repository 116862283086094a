// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Health that is made of the states of others.
    static let calculatedOptions: [Option] = [
        Option(
            "probes.*.of[].pool",
            .reference(.pool),
            .absent("`probe` instead"),
            "Pool that is well while enough of its endpoints take new work."
        ),
        Option(
            "probes.*.of[].endpoint",
            .text(256),
            .absent("all of the pool"),
            "The one endpoint of the pool that is looked at, by its name or address.",
            beside: ["pool"]
        ),
        Option(
            "probes.*.of[].endpoints",
            .integer(1...65_536),
            "1",
            "Endpoints of the pool that must take new work.",
            beside: ["pool"]
        ),
        Option(
            "probes.*.of[].probe",
            .reference(.probe),
            .absent("`pool` instead"),
            "Another calculated probe."
        ),
        Option(
            "probes.*.of[].not",
            .boolean,
            "false",
            "Count it while it is not well."
        ),
        Option(
            "probes.*.at-least",
            .either("all", .integer(1...256)),
            "all",
            "Members of a calculated probe that must be well.",
            beside: ["of"]
        ),
        Option(
            "probes.*.requires",
            .reference(.probe),
            .absent("nothing"),
            "Calculated probe that must be up as well.",
            beside: ["http", "tcp", "grpc", "dns", "command"]
        ),
    ]
}
