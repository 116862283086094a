// SPDX-License-Identifier: Apache-2.0

/// Checks that need what this module has not: a regular expression engine, other files.
public struct OutsideChecks: Sendable {
    /// A fault inside a zone file.
    public struct ZoneFileFault: Sendable, Equatable {
        /// The file, when it is one that the zone file includes.
        public var file: String?
        /// Where in the file.
        public var position: SourcePosition
        /// What is wrong, without a full stop.
        public var message: String
        /// The line that it is in.
        public var excerpt: String

        /// A fault at a place.
        public init(
            file: String? = nil,
            position: SourcePosition,
            message: String,
            excerpt: String = ""
        ) {
            self.file = file
            self.position = position
            self.message = message
            self.excerpt = excerpt
        }
    }

    /// What there is to say about a certificate and its key.
    public enum CertificateFinding: Sendable, Equatable {
        /// They belong together; days until the certificate ends, below zero when it has ended.
        case usable(days: Int)
        /// A file cannot be read.
        case unreadable(key: Bool, reason: String)
        /// A file holds no certificate, or no key, that can be used.
        case unusable(key: Bool, reason: String)
        /// They do not belong together.
        case mismatch
    }

    /// What there is to say about a file of ticket keys.
    public enum TicketKeysFinding: Sendable, Equatable {
        /// It holds keys; open when every account of the machine may read or change it.
        case usable(isOpen: Bool)
        /// It cannot be read.
        case unreadable(reason: String)
        /// It holds no keys that can be used.
        case unusable(reason: String)
    }

    /// What there is to say about a program that probes run.
    public enum ProgramFinding: Sendable, Equatable {
        /// It can be started by somebody.
        case usable
        /// Other accounts may change this: the program, or a folder or link on its way.
        case writable(path: String)
        /// It is not there, or cannot be seen.
        case missing(reason: String)
        /// It is no file that can be executed.
        case notExecutable
    }

    /// Why a text is no template.
    public struct TemplateFault: Sendable, Equatable {
        /// What is wrong, without a full stop.
        public var message: String
        /// What would be right; nil when nothing is near.
        public var suggestion: String?

        /// A fault with what would be right.
        public init(message: String, suggestion: String?) {
            self.message = message
            self.suggestion = suggestion
        }
    }

    /// What a file of measurements holds.
    public struct MeasurementsFinding: Sendable, Equatable {
        /// What is wrong with it; empty when nothing is.
        public var faults: [ZoneFileFault] = []
        /// Its targets, each where it stands first.
        public var targets: [Target] = []
        /// False when nobody has looked.
        public var isRead = false

        /// A target that rows name.
        public struct Target: Sendable, Equatable {
            /// Its name.
            public var name: String
            /// Where it stands first.
            public var position: SourcePosition

            /// Joins the parts.
            public init(name: String, position: SourcePosition) {
                self.name = name
                self.position = position
            }
        }

        /// Nothing found.
        public init() {}
    }

    /// What there is to say about a policy that bounds its failover.
    public struct FailoverFinding: Sendable, Equatable {
        /// The policy's name.
        public var policy: String
        /// What is wrong, without a full stop.
        public var message: String
        /// What to change, and to which value.
        public var suggestion: String

        /// A finding from its parts.
        public init(policy: String, message: String, suggestion: String) {
            self.policy = policy
            self.message = message
            self.suggestion = suggestion
        }
    }

    /// What is wrong with a text with variables, given the parameters of the route's path; nil
    /// when nothing is.
    public var template: @Sendable (_ text: String, _ parameters: [String]) -> TemplateFault?
    /// What is wrong with a regular expression; nil when nothing is.
    public var expression: @Sendable (_ pattern: String) -> String?
    /// What is wrong with a zone file; empty when nothing is.
    public var zoneFile: @Sendable (_ path: String, _ origin: String) -> [ZoneFileFault]

    /// What there is to say about the files of a certificate and its key.
    public var certificate: @Sendable (_ certificate: String, _ key: String) -> CertificateFinding
    /// What is wrong with lists of ciphers and groups; nil when nothing is.
    public var lists: @Sendable (_ ciphers: String?, _ groups: String?) -> String?
    /// What is wrong with a file of authorities; nil when nothing is.
    public var authorities: @Sendable (_ path: String) -> String?
    /// What is wrong with a file of users; nil when nothing is.
    public var users: @Sendable (_ path: String) -> String?
    /// What is wrong with a file of public keys; nil when nothing is.
    public var keys: @Sendable (_ path: String) -> String?
    /// What is wrong with a file that holds the text of an answer; nil when nothing is.
    public var page: @Sendable (_ path: String) -> String?
    /// What there is to say about a file of ticket keys.
    public var ticketKeys: @Sendable (_ path: String) -> TicketKeysFinding = { _ in
        .usable(isOpen: false)
    }
    /// Why the OCSP response of a certificate is not stapled; nil when it is, or when there is
    /// no certificate to judge it by.
    public var staple: @Sendable (_ files: CertificateSettings) -> String? = { _ in nil }
    /// What is wrong with the parameters of a service record; nil when nothing is.
    public var service: @Sendable (_ parameters: String) -> String? = { _ in nil }

    /// What is wrong with a geographic database for this, which may have so many bytes; nil when
    /// nothing is.
    public var database:
        @Sendable (_ path: String, _ content: GeoSettings.Content, _ limit: ByteCount) -> String? =
            { _, _, _ in nil }
    /// What a file of measurements holds.
    public var measurements: @Sendable (_ path: String) -> MeasurementsFinding = { _ in .init() }
    /// What there is to say about a program that probes run.
    public var program: @Sendable (_ path: String) -> ProgramFinding = { _ in .usable }
    /// Policies of valid settings whose failover may take longer than their bound.
    public var failover: @Sendable (_ settings: Settings) -> [FailoverFinding] = { _ in [] }

    /// What the machine has of memory; nil when nobody has looked.
    public var memory: ByteCount?

    /// True when the text is to replace a configuration with listeners.
    public var isServed = false

    /// The checks; those left out find nothing wrong.
    public init(
        template: @escaping @Sendable (String, [String]) -> TemplateFault? = { _, _ in nil },
        expression: @escaping @Sendable (String) -> String? = { _ in nil },
        zoneFile: @escaping @Sendable (String, String) -> [ZoneFileFault] = { _, _ in [] },
        certificate: @escaping @Sendable (String, String) -> CertificateFinding = { _, _ in
            .usable(days: 365)
        },
        lists: @escaping @Sendable (String?, String?) -> String? = { _, _ in nil },
        authorities: @escaping @Sendable (String) -> String? = { _ in nil },
        users: @escaping @Sendable (String) -> String? = { _ in nil },
        keys: @escaping @Sendable (String) -> String? = { _ in nil },
        page: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.template = template
        self.expression = expression
        self.zoneFile = zoneFile
        self.certificate = certificate
        self.lists = lists
        self.authorities = authorities
        self.users = users
        self.keys = keys
        self.page = page
    }
}

/// A valid configuration: its settings, and what differences are told from.
public struct LoadedConfiguration: Sendable, Equatable {
    /// The settings.
    public let settings: Settings
    let effective: [EffectiveValue]

    /// The same with other zones: members of catalogs are in no file.
    public func serving(_ zones: [ZoneSettings]) -> LoadedConfiguration {
        var settings = settings
        settings.zones = zones
        return LoadedConfiguration(settings: settings, effective: effective)
    }

    /// The same with other policies: those of dynamic records are in no file.
    public func steering(_ policies: [SteerSettings]) -> LoadedConfiguration {
        var settings = settings
        settings.steer = policies
        return LoadedConfiguration(settings: settings, effective: effective)
    }

    /// The same without the values that any reload adopts: what one that serves has to keep.
    public var inService: LoadedConfiguration {
        LoadedConfiguration(settings: settings, effective: effective.filter { !$0.isReloadable })
    }
}

/// What came of reading a configuration.
public struct ReadResult: Sendable {
    /// The name that findings carry.
    public let file: String
    /// The configuration; nil when there is an error.
    public let configuration: LoadedConfiguration?
    /// All findings, in the order of the file.
    public let diagnostics: [Diagnostic]
    /// Findings beyond the number that is kept.
    public let suppressed: Int
    /// The rows of the table that were asked for.
    let consumed: Set<String>

    /// Findings that refuse the configuration.
    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }
    /// Findings that do not.
    public var warnings: [Diagnostic] { diagnostics.filter { $0.severity == .warning } }
}

/// Turns the text of a configuration into settings, or into all that is wrong with it.
public struct ConfigurationReader: Sendable {
    private let checks: OutsideChecks
    private let isForService: Bool

    /// A reader.
    ///
    /// - Parameters:
    ///   - checks: What is looked at outside of the text.
    ///   - isForService: Besides the settings, only those values are kept that
    ///     ``LoadedConfiguration/inService`` has.
    public init(checks: OutsideChecks = OutsideChecks(), isForService: Bool = false) {
        self.checks = checks
        self.isForService = isForService
    }

    /// Reads a whole file; `file` is its name as findings show it and where zone files are found
    /// from.
    public func read(_ bytes: [UInt8], file: String) -> ReadResult {
        read(ConfigurationTree(bytes), file: file)
    }

    /// The same for a text whose tree has been made already.
    public func read(_ tree: ConfigurationTree, file: String) -> ReadResult {
        let reading = Reading(
            schema: .martlet,
            file: file,
            bytes: tree.bytes,
            keepsReloadable: !isForService
        )
        var settings: Settings?
        do throws(YAMLFault) {
            let section = Section(root: try tree.root.get(), reading: reading)
            settings = SettingsDecoder(reading: reading, checks: checks).settings(section)
        } catch {
            reading.report(error.code, error.range, option: "", error.message, error.suggestion)
        }
        let diagnostics = ReadResult.inOrder(reading.diagnostics, of: file)
        let isValid = !diagnostics.contains { $0.severity == .error }
        return ReadResult(
            file: file,
            configuration: isValid
                ? settings.map {
                    LoadedConfiguration(settings: $0, effective: reading.effective)
                } : nil,
            diagnostics: diagnostics,
            suppressed: reading.suppressed,
            consumed: reading.consumed
        )
    }

    /// A result for a file that cannot be read at all.
    public static func unreadable(file: String, reason: String) -> ReadResult {
        let reading = Reading(schema: .martlet, file: file, bytes: [])
        let start = SourcePosition(line: 1, column: 1)
        reading.report(
            .unreadableFile,
            SourceRange(start: start, end: start),
            option: "",
            "the file cannot be read: \(reason)"
        )
        return ReadResult(
            file: file,
            configuration: nil,
            diagnostics: reading.diagnostics,
            suppressed: 0,
            consumed: []
        )
    }
}
