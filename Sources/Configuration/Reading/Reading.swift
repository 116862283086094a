// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What one pass over a file collects besides the settings themselves.
///
/// A class, since every ``Section`` of the tree reports into the same one; it never leaves the pass.
final class Reading {
    /// A name that must be defined somewhere in the file.
    struct Reference {
        var kind: ReferenceKind
        var name: String
        var range: SourceRange
        var option: String
        /// The policy it stands in, for finding circles; empty elsewhere.
        var policy: String
    }

    /// A probe that some policy uses for addresses without a port.
    struct AddressProbe {
        var name: String
        var range: SourceRange
        var option: String
    }

    /// A pool that gets copies of requests, and those that the requests go to.
    struct Mirror {
        var name: String
        var range: SourceRange
        var option: String
        var pools: [String]
    }

    /// A route with a cache.
    struct CacheUse {
        var name: String
        var range: SourceRange
        var option: String
        var pools: [String]
        /// Whether the route asks for credentials.
        var isGuarded: Bool
    }

    /// Parameters of a service record, which only the reader of zone files understands.
    struct Service {
        var parameters: String
        var range: SourceRange
        var option: String
    }

    /// More findings than anybody reads; a broken generator should not fill the memory.
    static let diagnosticLimit = 1000

    let schema: Schema
    let file: String
    let lines: SourceLines
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var suppressed = 0
    private(set) var effective: [EffectiveValue] = []
    private var consumedRows: [Bool]
    private var consumedPaths: Set<String> = []
    var references: [Reference] = []
    var addressProbes: [AddressProbe] = []
    var mirrors: [Mirror] = []
    var cacheUses: [CacheUse] = []
    /// Policies with branches, at all depths.
    var policies: [(section: Section, policy: PolicySettings)] = []
    var services: [Service] = []
    /// The names of the keys that sign messages of DNS.
    var transactionKeys: Set<String> = []

    /// False when only values that a restart alone adopts are kept for differences.
    private let keepsReloadable: Bool

    init(schema: Schema, file: String, bytes: [UInt8], keepsReloadable: Bool = true) {
        self.schema = schema
        self.keepsReloadable = keepsReloadable
        self.file = file
        consumedRows = Array(repeating: false, count: schema.options.count)
        lines = SourceLines(bytes)
    }

    /// False, and counted, when another finding would not be kept: saves the search for a hint.
    func hasRoom() -> Bool {
        guard diagnostics.count < Self.diagnosticLimit else {
            suppressed += 1
            return false
        }
        return true
    }

    func report(
        _ code: DiagnosticCode,
        _ range: SourceRange,
        option: String,
        _ message: String,
        _ suggestion: String? = nil
    ) {
        guard hasRoom() else { return }
        diagnostics.append(
            Diagnostic(
                code: code,
                file: file,
                range: range,
                option: SourceLines.message(option),
                message: SourceLines.message(message),
                suggestion: suggestion.map(SourceLines.message),
                excerpt: lines.line(range.start.line)
            )
        )
    }

    /// Takes a finding that was made elsewhere, such as in a zone file.
    func add(_ diagnostic: Diagnostic) {
        guard hasRoom() else { return }
        diagnostics.append(diagnostic)
    }

    func consume(_ option: Option) { consumedPaths.insert(option.path) }
    func consume(_ row: SchemaRow) { consumedRows[row.number] = true }

    /// The paths of the options that were asked for.
    var consumed: Set<String> {
        let rows = schema.options.indices.filter { consumedRows[$0] }
        return consumedPaths.union(rows.map { schema.options[$0].path })
    }

    /// True when the value of such an option is kept for differences.
    func keeps(isReloadable: Bool) -> Bool { keepsReloadable || !isReloadable }

    func keep(_ value: EffectiveValue) { effective.append(value) }
}

/// An option with the value it has, given or by default: what two configurations differ in.
struct EffectiveValue: Sendable, Equatable {
    /// The objects it belongs to, outermost first: `pool api`, `endpoint 10.0.0.1:80`.
    var objects: [String]
    /// The key inside the innermost object: `timeouts.connect`.
    var option: String
    var value: OptionValue?
    var isGiven: Bool
    var isReloadable: Bool
}
