// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension Schema {
    static let steerOptions: [Option] =
        namedPolicyOptions + policyKindOptions + policyRuleOptions + branchOptions + regionOptions

    static let policyKinds = [
        "address", "pool", "steer", "round-robin", "weighted", "failover", "geo", "proximity",
        "latency",
    ]

    private static let otherKind = Option.Fallback.absent("this is another kind of policy")

    private static let namedPolicyOptions: [Option] = [
        Option(
            "steer.*.ttl",
            anyTTL,
            "30s",
            "Highest TTL of the answers; they live as long as health cannot change."
        ),
        Option(
            "steer.*.min-ttl",
            anyTTL,
            .absent("half of the TTL"),
            "Lowest TTL of the answers, however soon health may change."
        ),
    ]

    private static let policyKindOptions: [Option] = [
        Option(
            "steer.**.address",
            .address,
            otherKind,
            "One address, healthy while `probe` says so."
        ),
        Option(
            "steer.**.pool",
            .reference(.pool),
            otherKind,
            "Healthy endpoints of a pool, as its own balance method would share them."
        ),
        Option("steer.**.steer", .reference(.steer), otherKind, "Another policy by name."),
        Option(
            "steer.**.round-robin",
            .policies,
            otherKind,
            "All live branches, in their order, beginning at one that is drawn."
        ),
        Option(
            "steer.**.weighted",
            .weights,
            otherKind,
            "One live branch by weight: a mapping from address to weight, or a list of branches."
        ),
        Option("steer.**.failover", .policies, otherKind, "The first live branch."),
        Option(
            "steer.**.geo",
            .policies,
            otherKind,
            "The live branch for the smallest region that the client is in; one without a region "
                + "is for everybody else."
        ),
        Option(
            "steer.**.proximity",
            .policies,
            otherKind,
            "The nearest live branch, by great-circle distance times `1 - bias/100`."
        ),
        Option(
            "steer.**.latency",
            .policies,
            otherKind,
            "The live branch with the shortest measured round trip; where none is measured, the "
                + "nearest."
        ),
    ]

    private static let policyRuleOptions: [Option] = [
        Option(
            "steer.**.all-down",
            .words(AllDownAnswer.allCases.map(\.rawValue)),
            .absent("what holds for the policy above; `all` at the top"),
            "Answer when it is not live: as if all were healthy, none, SERVFAIL, or the last good."
        ),
        Option(
            "steer.**.fallback",
            .reference(.steer),
            .absent("`all-down` says what is answered"),
            "The policy that answers when this one is not live."
        ),
        Option(
            "steer.**.minimum-up",
            .integer(1...1000),
            "1",
            "The least number of live branches for the policy to be live.",
            beside: ["round-robin", "weighted", "failover"]
        ),
        Option(
            "steer.**.minimum-up-share",
            .percentage(0...100),
            "0%",
            "The least share of live branches; under `weighted` the share of their weight.",
            beside: ["round-robin", "weighted"]
        ),
        Option(
            "steer.**.answers",
            .integer(1...16),
            "8",
            "The most addresses that a round robin, or a `multiple` draw, answers with.",
            beside: ["round-robin", "multiple"]
        ),
        Option(
            "steer.**.multiple",
            .boolean,
            "false",
            "Each branch is drawn by itself, as often as its share of the highest weight says.",
            beside: ["weighted"]
        ),
        Option(
            "steer.**.sticky",
            .words(PolicySettings.Sticky.allCases.map(\.rawValue)),
            .absent("every answer is a draw of its own"),
            "What draws by weight: the client's network (/24 or /56), or the name asked for.",
            beside: ["weighted"]
        ),
        Option(
            "steer.**.hold",
            .duration(.zero...seconds(86400)),
            "0s",
            "How long a branch must have been up again before a failover goes back to it.",
            beside: ["failover"]
        ),
        Option(
            "steer.**.probe",
            .reference(.probe),
            .absent("the enclosing policy's, else unchecked"),
            "Probe for the plain addresses inside."
        ),
    ]

    private static let branchOptions: [Option] = [
        Option(
            "steer.**.weight",
            .integer(0...1_000_000),
            "1",
            "Share of a branch in a list under `weighted`; 0 means never."
        ),
        Option(
            "steer.**.domain",
            .label,
            .absent("it fails alone"),
            "What a branch under `round-robin` fails together with: no answer has two of one."
        ),
    ]

    private static let regionOptions: [Option] = [
        Option(
            "steer.**.continent",
            .list(.words(Country.continents)),
            .absent("no continent"),
            "Continents whose clients a branch under `geo` serves."
        ),
        Option(
            "steer.**.country",
            .list(.country),
            .absent("no country"),
            "Countries by ISO 3166-1; `EU` for the member states of the European Union."
        ),
        Option(
            "steer.**.subdivision",
            .list(.subdivision),
            .absent("no part of a country"),
            "Parts of countries by ISO 3166-2, such as `US-CA`."
        ),
        Option(
            "steer.**.city",
            .list(.text(100)),
            .absent("no city"),
            "Cities by their English names, in capitals or not."
        ),
        // RFC 7607 and RFC 7300: the first and the last number stand for no system.
        Option(
            "steer.**.asn",
            .list(.integer(1...4_294_967_294)),
            .absent("no autonomous system"),
            "Autonomous systems by number."
        ),
        Option(
            "steer.**.network",
            .list(.prefix),
            .absent("no network"),
            "Networks whose clients, or whose resolvers' clients, a branch under `geo` serves."
        ),
        Option(
            "steer.**.resident",
            .boolean,
            "false",
            "The clients of a branch under `geo` go nowhere else, even when it is down.",
            beside: ["continent", "country", "subdivision", "city", "asn", "network"]
        ),
        Option(
            "steer.**.at",
            .text(64),
            .absent("must be given under `proximity`; last without a measurement under `latency`"),
            "Where a branch under `proximity` or `latency` is: degrees north and east, such as "
                + "`50.11, 8.68`, or a country by ISO 3166-1 for its middle."
        ),
        Option(
            "steer.**.bias",
            .integer(-99...99),
            "0",
            "Draws clients of farther away to a branch under `proximity`, or keeps near ones off.",
            beside: ["at"]
        ),
        Option(
            "steer.**.target",
            .label,
            .absent("the branch's pool, policy or address"),
            "What measurements call a branch under `latency`."
        ),
    ]
}
