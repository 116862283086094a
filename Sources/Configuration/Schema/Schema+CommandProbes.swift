// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let commandProbeOptions: [Option] = [
        Option(
            "probes.*.command",
            .filePath,
            .absent("this is no command probe"),
            "Program that is run, by its absolute path; no shell is asked."
        ),
        Option(
            "probes.*.arguments",
            .list(.text(1024)),
            .absent("none"),
            "Arguments of the program; `{address}`, `{port}`, `{pool}` and `{endpoint}` stand for what is "
                + "probed.",
            beside: ["command"]
        ),
        Option(
            "probes.*.exit",
            .list(.integer(0...255)),
            "0",
            "Exit statuses that count as success.",
            beside: ["command"]
        ),
    ]
}
