// SPDX-License-Identifier: Apache-2.0

/// Which order of branches holds where: what geolocation, geoproximity and latency come down to.
///
/// Every place of the address space has a chain: branches in order of preference, the first live one
/// of which serves. Chains are told apart, not branches alone, because where the first branch is down
/// the second decides; see ``PrefixTable/Match/coarseLength``.
public final class RegionTable: Sendable {
    /// The kind's word in the configuration.
    public let word: String
    let table: PrefixTable
    // Chain N is links starts[N]..<starts[N + 1].
    private let starts: [UInt32]
    private let chainLinks: [UInt16]
    private let keepers: [Bool]
    /// What each branch is for, in words.
    public let labels: [String]
    /// What it asks of clients and nothing tells, in words; empty when all is told.
    let unknown: String
    /// What is known of round trips, for a table that goes by them.
    let latency: LatencyDetail?
    /// Where the branches are, for a table that goes by distance; empty for others.
    let targets: [GeoTarget]

    /// Joins the parts: the table's values are numbers of chains.
    ///
    /// A branch that `keeps` its clients serves them even when it is not live.
    public init(
        word: String,
        table: PrefixTable,
        chains: [[Int]],
        keeps: [Bool],
        labels: [String],
        unknown: String = "",
        latency: LatencyDetail? = nil,
        targets: [GeoTarget] = []
    ) {
        self.targets = targets
        self.unknown = unknown
        self.latency = latency
        self.word = word
        self.table = table
        var starts: [UInt32] = [0]
        var links: [UInt16] = []
        for chain in chains {
            links += chain.compactMap { UInt16(exactly: $0) }
            starts.append(UInt32(clamping: links.count))
        }
        self.starts = starts
        chainLinks = links
        keepers = keeps
        self.labels = labels
    }

    /// True when there is no branch at all for some clients.
    var hasGap: Bool { zip(starts, starts.dropFirst()).contains { $0 == $1 } }

    /// The steps of a chain; empty for one that is not known.
    func links(of chain: UInt32) -> Range<Int> {
        let place = Int(chain)
        guard place &+ 1 < starts.count else { return 0..<0 }
        return Int(starts[place])..<Int(starts[place &+ 1])
    }

    /// The branch at a step.
    func branch(_ step: Int) -> Int { Int(chainLinks[step]) }

    /// True when the branch never gives its clients to another.
    func keeps(_ branch: Int) -> Bool { branch < keepers.count && keepers[branch] }
}
