// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Queries past the kernel's network stack.
    static let xdpOptions: [Option] = [
        Option(
            "listeners[].xdp.interface",
            .text(15),
            .required,
            "Ethernet interface whose UDP queries are taken past the network stack."
        ),
        Option(
            "listeners[].xdp.mode",
            .words(["auto", "native", "generic"]),
            "auto",
            "Where queries are picked out: in the driver (`native`), in the kernel (`generic`), or in "
                + "the driver if it can (`auto`)."
        ),
        Option(
            "listeners[].xdp.queues",
            .either("all", .integer(1...32)),
            "all",
            "Queues of the interface that are taken, from the first on; what others get comes by sockets."
        ),
    ]

    static let xdpGroups: [OptionGroup] = [
        OptionGroup(
            "listeners[].xdp",
            "Takes UDP queries at an interface by AF_XDP; sockets take all the rest, and everything "
                + "where that cannot be had.",
            beside: ["dns"]
        )
    ]
}
