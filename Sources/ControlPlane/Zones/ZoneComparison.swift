// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
public import Essentials
internal import Runtime

/// Which records two states of a zone do not have in common, as lines of a zone file.
public struct ZoneComparison: Sendable, Equatable {
    /// The lines that the second has not.
    public var removed: [String]
    /// The lines that the first has not.
    public var added: [String]

    /// Compares zone files of one record a line, absolute names throughout; order does not matter.
    public init(from old: [String], to new: [String]) {
        let (before, after) = (Set(old), Set(new))
        removed = old.filter { !after.contains($0) }.sorted()
        added = new.filter { !before.contains($0) }.sorted()
    }

    /// Lines of each side that are shown of an import.
    static let shownLimit = 500

    /// The first lines of each side.
    func prefix(_ count: Int) -> ZoneComparison {
        var part = self
        (part.removed, part.added) = (Array(removed.prefix(count)), Array(added.prefix(count)))
        return part
    }

    /// True when both have the same records.
    public var isEmpty: Bool { removed.isEmpty && added.isEmpty }

    /// What went, after `-`, and what came, after `+`, name by name; a word when there is nothing.
    public var text: String {
        let lines = removed.map { ($0, "-") } + added.map { ($0, "+") }
        guard !lines.isEmpty else { return "no difference\n" }
        return lines.sorted { a, b in
            let (x, y) = (ZoneComparison.key(a.0), ZoneComparison.key(b.0))
            return x == y ? (a.1, a.0) > (b.1, b.0) : x < y
        }.map { "\($0.1) \($0.0)\n" }.joined()
    }

    /// The same as data.
    public var json: JSONValue {
        [
            "removed": .array(removed.map { .string($0) }),
            "added": .array(added.map { .string($0) }),
        ]
    }

    // The owner and the type: what is changed stands together.
    private static func key(_ line: String) -> String {
        let parts = line.split(separator: "\t", maxSplits: 4)
        return parts.count > 3 ? "\(parts[0])\t\(parts[3])" : line
    }
}

/// A zone file as lines of one record each, for comparisons and for imports.
public struct ZoneLines: Sendable {
    /// The records.
    public let lines: [String]

    /// The lines of a text of such lines.
    public init(text: String) {
        // What an export leaves out stands there as comments.
        lines = text.split(separator: "\n").filter { $0.first != ";" }.map(String.init)
    }

    /// Why a file cannot be used: what is wrong with it, a line for each.
    public struct Fault: Error, Sendable {
        /// For people.
        public let text: String
    }

    /// Reads a zone file with all that it includes; records without a TTL get an hour.
    public init(path: String, origin: String) throws(Fault) {
        guard let apex = DomainName(origin) else {
            throw Fault(text: "'\(origin)' is no domain name")
        }
        var builder = ZoneTableBuilder()
        builder.beginZone(apex, source: path)
        do throws(SystemError) {
            builder.read(try ZoneText.reader(path: path, origin: apex, defaultTTL: 3600))
        } catch {
            throw Fault(text: "\(path) cannot be read: \(error)")
        }
        let build = builder.build()
        guard let table = build.table, let number = table.usableZone(apex) else {
            let errors = build.diagnostics.filter { $0.severity == .error }
            throw Fault(text: errors.map { "\($0)" }.joined(separator: "\n"))
        }
        let records = table.contents(ofZone: number).compactMap(\.record)
        self.init(
            text: ZoneAPIDocument(
                name: apex.lowercased,
                serial: table.serial(ofZone: number) ?? 0,
                records: records
            ).text
        )
    }
}
