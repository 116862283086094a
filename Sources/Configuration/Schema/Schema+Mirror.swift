// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    /// Copies of requests for another pool.
    static let mirrorOptions: [Option] = [
        Option(
            "routes[].mirror.pool",
            .reference(.pool),
            .required,
            "Pool that gets copies of requests, bodies, cookies and credentials included, by HTTP/1.1; "
                + "what it answers is thrown away."
        ),
        Option(
            "routes[].mirror.share",
            .percentage(0...100),
            "100%",
            "Share of the requests that are copied, each drawn anew."
        ),
        Option(
            "routes[].mirror.methods",
            .words(MirrorMethods.allCases.map(\.rawValue)),
            "all",
            "Which requests are copied: with `safe` only those that change nothing, such as GET."
        ),
        Option(
            "routes[].mirror.body",
            .size(0...MiB(1)),
            "64KiB",
            "Largest request body that is copied; a request with more has no copy."
        ),
        Option(
            "routes[].mirror.timeout",
            .duration(milliseconds(10)...minutes(10)),
            "5s",
            "Time for a copy, from the end of the request to the end of the copy's answer."
        ),
        Option(
            "routes[].mirror.compare",
            .words(MirrorCompare.allCases.map(\.rawValue)),
            "off",
            "What of the copy's answer is compared with the client's and counted: the status, or with "
                + "`body` also the first MiB of content."
        ),
    ]

    static let mirrorGroups: [OptionGroup] = [
        OptionGroup("routes[].mirror", "Sending copies of requests to another pool as well.")
    ]
}
