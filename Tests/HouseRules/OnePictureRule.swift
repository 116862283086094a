// SPDX-License-Identifier: Apache-2.0
import Testing

/// The one idea, held by a test: health and the choice of an endpoint live in Steering alone.
///
/// A door may hold Steering's own tables and its chooser. It may not remember a verdict, a weight
/// or a place in a rotation of its own: two pictures would sooner or later differ.
enum OnePictureRule {
    /// Targets that serve traffic or move bytes.
    ///
    /// ControlPlane reports and translates, so it may
    /// hold copies for a page or a file, but it too may not publish.
    static let doors: Set<String> = ["DNSServer", "HTTPGateway", "Prober", "Runtime"]

    /// Words that make a stored property a claim about health or selection.
    static let stateWords: Set<String> = [
        "health", "healthy", "unhealthy", "ejected", "ejection", "administrative", "weight",
        "weights", "rotation", "verdict",
    ]

    /// Steering's types that are the shared picture itself, or a question to it.
    static let sharedTypes: Set<String> = [
        "HealthTable", "LoadTable", "RetryBudget", "Chooser", "HealthKeeper", "EndpointRegistry",
    ]

    /// Values of Steering that a door may look at, but not keep.
    static let verdictTypes: Set<String> = [
        "Health", "HealthWord", "AdministrativeState", "HealthReason",
    ]

    /// A door that declares one of these has begun a picture of its own.
    static let pictureNames = ["Health", "Balance", "Chooser", "Ejection", "Maglev", "HashRing"]

    static func check(_ files: [SwiftFile]) -> [Violation] {
        files.filter { doors.contains($0.target) }.flatMap(fieldsAndTypes)
            + files.filter { $0.target != "Steering" && $0.target != "" }.flatMap(publications)
    }

    private static func fieldsAndTypes(_ file: SwiftFile) -> [Violation] {
        let declared = Declarations(file)
        let fields = declared.fields.compactMap { field -> Violation? in
            let words = WordRule.words(field.name).map { $0.lowercased() }
            let parts = Set(field.type.split { !$0.isLetter && !$0.isNumber }.map(String.init))
            let isShared = !parts.isDisjoint(with: sharedTypes)
            let claims = words.contains(where: stateWords.contains) && !isShared
            let keeps = !parts.isDisjoint(with: verdictTypes)
            guard claims || keeps else { return nil }
            return file.violation(
                field.line,
                "'\(field.name): \(field.type)' keeps health or selection state outside Steering"
            )
        }
        let types = declared.types.filter { type in
            type.kind != "extension" && pictureNames.contains { type.name.contains($0) }
        }
        return fields
            + types.map { file.violation($0.line, "'\($0.name)' belongs into Steering") }
    }

    // Only Steering's HealthKeeper writes the table that all doors read.
    private static func publications(_ file: SwiftFile) -> [Violation] {
        let tokens = file.tokens
        return tokens.indices.dropFirst(2).compactMap { index in
            guard tokens[index].text == "publish", tokens[index - 1].text == "." else { return nil }
            guard tokens[index - 2].text.lowercased().contains("health") else { return nil }
            return file.violation(tokens[index].line, "health published outside Steering")
        }
    }
}

@Suite struct OnePictureRuleTests {
    @Test func `health and selection state live in Steering alone`() {
        let violations = OnePictureRule.check(Tree.sources)
        #expect(violations.isEmpty, "\(report(violations))")
    }

    @Test(arguments: [
        "struct Upstream { var isHealthy = true }",
        "struct Upstream { var health: Health }",
        "final class Door { private var ejectedUntil: Instant = .zero }",
        "struct Pick { var currentWeight: Int32 = 0 }",
        "struct Pick { let words: [HealthWord] }",
        "struct Rotation { var rotation: Int }",
        "enum EndpointHealth { case up, down }",
        "struct MaglevRing {}",
        "func f() { healthTable.publish(1, word) }",
    ])
    func `a second picture is seen`(text: String) {
        let seen = OnePictureRule.check([SwiftFile("Sources/HTTPGateway/A.swift", text)])
        #expect(seen.count == 1, "\(seen)")
    }

    @Test(arguments: [
        "struct Door { let health: HealthTable; var chooser: Chooser }",
        "func f() { let health = table.word(1); if health.takesNewWork {} }",
        "struct Door { var isDraining: Bool { shutdown.isBegun } }",
        "struct A { let path: String; func weight() -> Int { let weight = 1; return weight } }",
    ])
    func `a door that only asks is left alone`(text: String) {
        let seen = OnePictureRule.check([SwiftFile("Sources/HTTPGateway/A.swift", text)])
        #expect(seen.isEmpty, "\(seen)")
    }
}
