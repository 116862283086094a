// SPDX-License-Identifier: Apache-2.0
public import Essentials
internal import HTTPProtocol
internal import Steering

/// What a route wants to know of who asks.
public enum AccessPlan: Sendable, Equatable {
    /// A name and a password (RFC 7617).
    case password(PasswordPlan)
    /// A signed token (RFC 7519) as a bearer token (RFC 6750).
    case token(TokenPlan)
}

/// Access by name and password.
public struct PasswordPlan: Sendable, Equatable {
    /// Who may come in; nil when the file cannot be used: then nobody may.
    public var users: UserTable?
    /// What browsers show to people.
    public var realm: String
    /// The field that tells endpoints the name; nil for none.
    public var userField: String?
    /// Whether endpoints do not get to see the credentials.
    public var strips = true
    /// How long a password that was right is not looked at again.
    public var cache = Interval.seconds(600)
    /// Wrong passwords that a client may try in ``attemptPeriod``.
    public var attempts = 20
    /// The time for ``attempts``.
    public var attemptPeriod = Interval.seconds(60)

    /// Access for the users of a file.
    public init(users: UserTable?, realm: String) {
        self.users = users
        self.realm = realm
    }
}

/// Access by a signed token.
public struct TokenPlan: Sendable, Equatable {
    /// A name with a value.
    public struct Claim: Sendable, Equatable {
        /// The claim's name.
        public var claim: String
        /// What it must hold, or the field that tells endpoints its value.
        public var value: String

        /// Joins both.
        public init(claim: String, value: String) {
            self.claim = claim
            self.value = value
        }
    }

    /// Whose signatures count; nil when the file cannot be used: then nobody may come in.
    public var keys: TokenKeys?
    /// Named when somebody has to come with a token.
    public var realm: String
    /// The algorithms that count.
    public var algorithms: [String] = ["RS256", "ES256", "EdDSA"]
    /// Who must have issued it; nil for anybody with a key.
    public var issuer: String?
    /// For whom it is meant, one of these; empty for anybody.
    public var audience: [String] = []
    /// What else it must say: else 403.
    public var required: [Claim] = []
    /// Claims whose values endpoints are told in fields.
    public var fields: [Claim] = []
    /// How far clocks may be apart.
    public var leeway = Interval.seconds(30)
    /// Whether it must say when it ends.
    public var needsEnd = true
    /// The longest token that is looked at, in bytes.
    public var tokenLimit = 8192
    /// The longest that a token which was right is not looked at again.
    public var cache = Interval.seconds(300)
    /// Whether endpoints do not get to see it.
    public var strips = false

    /// Access for those who have a token signed by the owner of one of the keys.
    public init(keys: TokenKeys?, realm: String) {
        self.keys = keys
        self.realm = realm
    }

    /// Another number when any token may be judged in another way, or told in other fields.
    var identity: UInt64 {
        let lists = [
            algorithms, [issuer ?? ""], audience, required.map { "\($0.claim)=\($0.value)" },
            fields.map { "\($0.claim)=\($0.value)" }, ["\(leeway) \(needsEnd) \(cache)"],
        ]
        return Hash.text("\(lists) \(tokenLimit)", seed: keys?.identity ?? 0)
    }
}

/// What the loops need of a route's access.
struct AccessRule: Sendable, BitwiseCopyable {
    enum Kind: UInt8, Sendable, BitwiseCopyable { case password, token }

    var kind: Kind
    /// False when its file cannot be used.
    var isUsable: Bool
    /// Another number when what is verified would be judged in another way.
    var identity: UInt64
    var cache: Interval
    var attempts = RateMachine(count: 1, per: .seconds(1), burst: 1)
    /// Makes keys of clients those of the route.
    var attemptSeed: UInt64 = 0
    /// Value of `WWW-Authenticate`, in the action table.
    var challenge: ByteRange
    /// The name of the field for the user's name; empty for none.
    var userField = ByteRange.empty
    /// Places among the claims that endpoints are told, in the action table.
    var claims = ByteRange.empty

    init(_ plan: TokenPlan, _ actions: inout ActionTable) {
        kind = .token
        isUsable = plan.keys != nil
        identity = Hash.mix(plan.identity)
        cache = plan.cache
        challenge = actions.keep(Array("Bearer realm=\(AccessRule.quoted(plan.realm))".utf8))
        claims = actions.add(claims: plan.fields)
    }

    init(_ plan: PasswordPlan, route: UInt64, _ actions: inout ActionTable) {
        kind = .password
        isUsable = plan.users != nil
        identity = Hash.text("\(plan.cache)", seed: plan.users?.identity ?? 0)
        cache = plan.cache
        attempts = RateMachine(
            count: plan.attempts,
            per: plan.attemptPeriod,
            burst: plan.attempts
        )
        attemptSeed = Hash.text("attempts \(plan.attempts) \(plan.attemptPeriod)", seed: route)
        // RFC 7617 §2.1: browsers then send names and passwords in UTF-8.
        let text = "Basic realm=\(AccessRule.quoted(plan.realm)), charset=\"UTF-8\""
        challenge = actions.keep(Array(text.utf8))
        if let name = plan.userField { userField = actions.keep(Array(name.utf8)) }
    }

    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// What the wrong attempts of a client are counted under: an IPv6 household has a /64.
    func attemptKey(_ client: IPAddress) -> UInt64 {
        let length = client.isIPv4 ? 32 : 64
        return Hash.address(Prefix(client, length: length)?.address ?? client, seed: attemptSeed)
    }
}

extension AccessPlan {
    /// What it asks for, in words.
    public var text: String {
        switch self {
        case .password(let plan):
            let users = plan.users.map { "\($0.count) users" } ?? "a file that cannot be used"
            return "a name and a password of \(users)"
        case .token(let plan):
            let keys = plan.keys.map { "\($0.count) keys" } ?? "a file that cannot be used"
            return "a token signed by one of \(keys)"
        }
    }

    /// Fields of the client that endpoints do not get.
    var hiddenFields: [String] {
        switch self {
        case .password(let plan):
            (plan.userField.map { [$0] } ?? []) + (plan.strips ? ["Authorization"] : [])
        case .token(let plan):
            plan.fields.map(\.value) + (plan.strips ? ["Authorization"] : [])
        }
    }

    func rule(route: UInt64, _ actions: inout ActionTable) -> AccessRule {
        switch self {
        case .password(let plan): AccessRule(plan, route: route, &actions)
        case .token(let plan): AccessRule(plan, &actions)
        }
    }
}

/// Where the credentials of a request lie.
enum Credentials {
    /// The part behind the scheme in the one `Authorization` field; empty when there is none, it
    /// is of another scheme, or there are two (RFC 9110 §11.6.2).
    static func find(
        _ kind: AccessRule.Kind,
        in fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> ByteRange {
        guard let index = fields.first(.authorization),
            fields.next(.authorization, from: index &+ 1) == nil
        else { return .empty }
        let field = fields[index].value
        let value = bytes.slice(field)
        // `basic` and `bearer`.
        let (name, length): (UInt64, Int) =
            kind == .password ? (0x62_6173_6963, 5) : (0x6265_6172_6572, 6)
        guard value.count > length &+ 1 else { return .empty }
        var given: UInt64 = 0
        for place in 0..<length { given = given << 8 | UInt64(ASCII.lowercased(value[place])) }
        var start = length
        while start < value.count, value[start] == 0x20 { start &+= 1 }
        guard given == name, start > length, start < value.count else { return .empty }
        return ByteRange(from: Int(field.start) &+ start, to: field.end)
    }
}
